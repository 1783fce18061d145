// A peer in a process of its own, asked one thing at a time.
import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import type {Start} from './registry.ts';

export interface Loaded {
  readonly version: string;
  /** The fastest of those in `tried`, which has microseconds per step or an error of each. */
  readonly variant: string;
  readonly tried?: Readonly<Record<string, string>>;
  readonly note?: string;
  readonly other?: boolean;
}

export interface Timed {
  readonly microseconds: number;
  readonly steps: number;
}

/** Starts when it is first asked, and anew after a failure. */
export class PeerProcess {
  readonly #start: Start;
  #child: ChildProcessWithoutNullStreams | undefined;
  #lines: AsyncIterator<string> | undefined;
  #errors = '';

  constructor(start: Start) {
    this.#start = start;
  }

  #begin(): ChildProcessWithoutNullStreams {
    const {command, args, cwd, env} = this.#start;
    const child = spawn(command, args, {cwd, env});
    this.#errors = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    // A peer that died is noticed where its answer is awaited.
    child.stdin.on('error', () => {});
    child.on('error', error => {
      this.#errors += error.message;
    });
    this.#child = child;
    this.#lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
    return child;
  }

  /** @throws when the peer says so, dies, or does not answer within `seconds`; it is then stopped. */
  async ask<Reply>(request: object, seconds: number): Promise<Reply> {
    const child = this.#child ?? this.#begin();
    child.stdin.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(resolve, seconds * 1000, undefined);
    });
    const line = await Promise.race([this.#lines?.next(), late]);
    clearTimeout(timer);
    if (line === undefined || line.done) {
      const last = this.#errors.trim().split('\n').at(-1);
      this.stop();
      throw new Error(line === undefined ? `no answer within ${seconds} s` : `ended: ${last}`);
    }
    const reply = JSON.parse(line.value) as Reply & {readonly error?: string};
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}
