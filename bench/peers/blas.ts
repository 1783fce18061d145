// A BLAS in a process of its own, asked for the time of one product after another.
import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {type BlasSpec, type Start, startOfBlas} from './registry.ts';

/** Row-major, [m,k]·[k,n]: plain, or with the left or the right operand given transposed. */
export type Form = 'nn' | 'tn' | 'nt';

export class Blas {
  readonly name: string;
  /** Which library, and which of its kernels, as far as it says. */
  about = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#errors += text;
    });
    // One that died is noticed where its answer is awaited.
    child.stdin.on('error', () => {});
    child.on('error', error => {
      this.#errors += error.message;
    });
    this.#lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  }

  /** The reason as text where it is missing or does not start. */
  static start(spec: BlasSpec, threads: number): Promise<Blas | string> {
    return Blas.from(spec.name, startOfBlas(spec, threads));
  }

  /** Anything that answers as the drivers of the BLAS do. */
  static async from(name: string, start: Start | string): Promise<Blas | string> {
    if (typeof start === 'string') return start;
    const blas = new Blas(name, spawn(start.command, start.args, {cwd: start.cwd, env: start.env}));
    const first = await blas.#lines.next();
    if (first.done) return `does not start: ${blas.#errors.trim()}`;
    // A library that says which kernels it takes says so when it multiplies first.
    await blas.time('nn', 64, 64, 64, 0.001);
    blas.about = [first.value, blas.#errors].map(text => text.replace(/\s+/g, ' ').trim()).join(' ');
    return blas;
  }

  /** Seconds of one product, of many in about so many seconds. */
  async time(form: Form, m: number, k: number, n: number, seconds: number): Promise<number> {
    this.#child.stdin.write(`${form} ${m} ${k} ${n} ${seconds}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`${this.name} ended: ${this.#errors.trim()}`);
    return Number(line.value) / 1e6;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
