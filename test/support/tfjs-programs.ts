// The programs in examples/tfjs as JavaScript, twice: on the backend of this library and on TensorFlow.js's
// own, which differ by one import.
import {execFile} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import ts from 'typescript';
import {tfjsBundleFile} from './bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');

export const programs = ['iris', 'mnist', 'text-generator', 'variational-autoencoder', 'cart-pole'] as const;
export type ProgramName = (typeof programs)[number];

/** On which backend a program runs. */
export type Side = 'own' | 'cpu';
const imports: Readonly<Record<Side, string>> = {
  own: `import ${JSON.stringify(pathToFileURL(tfjsBundleFile).href)};`,
  cpu: '',
};

const needed = ['cart-pole/environment.ts', 'shared/seeded.ts', 'mnist/idx.ts', 'mnist/png.ts'];
const compilerOptions = {module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022};

/** A file of examples as JavaScript, with another line in the place of the import of the backend. */
function write(folder: string, file: string, line: string): void {
  const source = readFileSync(path.join(root, 'examples', file), 'utf8');
  const {outputText} = ts.transpileModule(source, {compilerOptions});
  const program = outputText.replace(/^import 'chainrule\/tfjs';.*$/m, line).replace(/\.ts';/g, ".mjs';");
  const target = path.join(folder, file.replace(/ts$/, 'mjs'));
  mkdirSync(path.dirname(target), {recursive: true});
  writeFileSync(target, program);
}

/** Into a folder inside the checkout, so that packages resolve. */
export function writePrograms(folder: string): void {
  for (const file of [...programs.map(name => `tfjs/${name}.ts`), ...needed]) {
    for (const [side, line] of Object.entries(imports)) write(path.join(folder, side), file, line);
  }
}

/** What it prints. `threads`: all CPUs by default. */
export async function runProgram(
  folder: string,
  [side, name]: readonly [Side, ProgramName],
  args: readonly string[],
  threads?: number,
): Promise<string> {
  const program = path.join(folder, side, `tfjs/${name}.mjs`);
  const team = threads === undefined ? {} : {CHAINRULE_NUM_THREADS: String(threads)};
  const env = {...process.env, CHAINRULE_BINARY: binary, ...team};
  const command = [program, ...args];
  return (await promisify(execFile)(process.execPath, command, {cwd: root, env, maxBuffer: 1 << 24})).stdout;
}
