// Examples as programs: compiled at once, in one bundle; for each on its own, that would take longer than
// most need to run.
import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type OnOutput = (printed: string, child: ChildProcess) => void;

/** Runs Node on a command line, in the checkout. */
export function start(
  command: readonly string[],
  onOutput?: OnOutput,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, command, {cwd: root, env: {...process.env, ...env}});
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
    onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  return new Promise(resolve => child.on('close', code => resolve({code, stdout, stderr})));
}

/** Examples of some names, and a folder for what they write. */
export class Examples {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'chainrule-examples-'));
  // Inside the checkout, so that packages resolve; the name keeps two runs apart.
  readonly #programs: string;
  readonly #names: readonly string[];

  /** `*` for all of them. */
  constructor(...names: readonly string[]) {
    this.#programs = path.join(root, `build/${path.basename(this.folder)}`);
    this.#names = names;
  }

  async build(): Promise<void> {
    const {build} = await import('tsdown');
    await build({
      config: false,
      cwd: root,
      entry: this.#names.map(name => `examples/${name}.ts`),
      alias: {chainrule: path.join(root, 'lib/index.ts')},
      outDir: this.#programs,
      format: 'esm',
      platform: 'node',
      dts: false,
      logLevel: 'error',
    });
  }

  run(
    name: string,
    args: readonly string[] = [],
    onOutput?: OnOutput,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const program = path.join(this.#programs, `${name}.mjs`);
    return start([program, ...args], onOutput, {CHAINRULE_BINARY: binary, ...env});
  }

  remove(): void {
    for (const made of [this.folder, this.#programs]) rmSync(made, {recursive: true, force: true});
  }
}
