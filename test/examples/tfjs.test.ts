// The programs in examples/tfjs run on this backend and on TensorFlow.js's own, by their import of it alone,
// to the same losses.
import {execFile} from 'node:child_process';
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import ts from 'typescript';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {tfjsBundleFile} from '../support/bundle.ts';

const root = path.resolve(import.meta.dirname, '../..');
// Inside the checkout, so that packages resolve; the name keeps two runs apart.
const programs = path.join(root, `build/examples-tfjs-${process.pid}`);
const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');
const names = ['iris', 'mnist', 'text-generator', 'variational-autoencoder', 'cart-pole'] as const;

/** Small settings, and how many losses they print. */
const settings: Readonly<Record<(typeof names)[number], readonly [args: readonly string[], losses: number]>> =
  {
    iris: [['6'], 6],
    mnist: [['128', '1'], 2],
    'text-generator': [['ARCHITECTURE.md', '128', '2'], 2],
    'variational-autoencoder': [['4'], 4],
    'cart-pole': [['3', '4'], 3],
  };

const compilerOptions = {module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022};

/** A file of examples as JavaScript, with another line in the place of the import of the backend. */
function write(folder: string, file: string, line: string): void {
  const source = readFileSync(path.join(root, 'examples', file), 'utf8');
  const {outputText} = ts.transpileModule(source, {compilerOptions});
  const program = outputText.replace(/^import 'chainrule\/tfjs';.*$/m, line).replace(/\.ts';/g, ".mjs';");
  const target = path.join(programs, folder, file.replace(/ts$/, 'mjs'));
  mkdirSync(path.dirname(target), {recursive: true});
  writeFileSync(target, program);
}

beforeAll(() => {
  const files = [
    ...names.map(name => `tfjs/${name}.ts`),
    'cart-pole/environment.ts',
    'shared/seeded.ts',
    'mnist/idx.ts',
    'mnist/png.ts',
  ];
  for (const file of files) {
    write('own', file, `import ${JSON.stringify(pathToFileURL(tfjsBundleFile).href)};`);
    write('cpu', file, '');
  }
});
afterAll(() => rmSync(programs, {recursive: true, force: true}));

async function run(folder: 'own' | 'cpu', name: string, args: readonly string[]): Promise<string> {
  const program = path.join(programs, folder, `tfjs/${name}.mjs`);
  const env = {...process.env, CHAINRULE_BINARY: binary};
  return (await promisify(execFile)(process.execPath, [program, ...args], {cwd: root, env})).stdout;
}

const lossesIn = (text: string): number[] =>
  [...text.matchAll(/loss (-?[\d.]+)$/gm)].map(([, loss]) => Number(loss));

test.each(names)('%s has the same losses', {timeout: 300_000}, async name => {
  const [args, count] = settings[name];
  const [own, cpu] = [await run('own', name, args), await run('cpu', name, args)];
  expect(own).toMatch(/^chainrule: /m);
  expect(cpu).toMatch(/^cpu: /m);
  const [losses, wanted] = [lossesIn(own), lossesIn(cpu)];
  expect(wanted.length).toBeGreaterThanOrEqual(count);
  expect(losses.length).toBe(wanted.length);
  for (const [step, loss] of wanted.slice(0, count).entries()) {
    expect(Math.abs((losses[step] as number) - loss), `step ${step}`).toBeLessThanOrEqual(
      1e-4 * Math.max(1, Math.abs(loss)),
    );
  }
});
