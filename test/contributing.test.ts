// CONTRIBUTING.md shows the whole of a new elementwise op as a diff. Here it is applied to a copy, and
// trained with.
import {spawnSync} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const copy = mkdtempSync(path.join(tmpdir(), 'chainrule-contributing-'));
afterAll(() => rmSync(copy, {recursive: true, force: true}));

/** Trains on y = x with one unit of the new activation; prints the first and the last loss. */
const training = `
import {layers, ops, sequential} from '../lib/index.ts';
const x = Float32Array.from({length: 256}, (_, i) => i / 128 - 1);
const model = sequential([
  layers.dense({units: 8, activation: ops.softsign, inputShape: [1]}),
  layers.dense({units: 1}),
]);
model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
const points = {data: x, shape: [256, 1]};
const history = await model.fit(points, points, {epochs: 40, seed: 1, verbose: 0});
console.log(JSON.stringify([history.history.loss[0], history.history.loss.at(-1)]));
`;

function run(command: string, args: readonly string[], input?: string): string {
  const result = spawnSync(command, args, {
    cwd: copy,
    encoding: 'utf8',
    input,
    env: {...process.env, CHAINRULE_BINARY: ''},
  });
  expect(result.status, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}

test('the op of CONTRIBUTING.md takes two edits and trains', {timeout: 300_000}, () => {
  const diff = /```diff\n([\s\S]*?)```/.exec(readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8'))?.[1];
  expect(diff).toBeDefined();
  const added = (diff as string).split('\n').filter(line => line.startsWith('+') && !line.startsWith('+++'));
  expect(new Set((diff as string).match(/^\+\+\+ .*/gm)).size).toBe(2);
  expect(added.length).toBeLessThanOrEqual(6);

  for (const name of [
    'lib',
    'native',
    'scripts',
    'package.json',
    'package-lock.json',
    'binding.gyp',
    'tsconfig.json',
  ]) {
    cpSync(path.join(root, name), path.join(copy, name), {recursive: true, preserveTimestamps: true});
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  run('patch', ['-p1'], diff);
  run(process.execPath, ['scripts/bootstrap.mjs']);
  writeFileSync(path.join(copy, 'scripts/softsign.ts'), training);
  const [first, last] = JSON.parse(run(process.execPath, ['--import', 'tsx', 'scripts/softsign.ts'])) as [
    number,
    number,
  ];
  expect(last).toBeLessThan(first / 5);
});
