// CONTRIBUTING.md shows the whole of a new elementwise op as a diff. Here it is applied to a copy, and
// trained with.
import {spawnSync} from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, test} from 'vitest';
import {nativeInfo} from '../../lib/runtime/program.ts';
import {compiler} from '../../scripts/compiler.ts';
import {emptyTable, instructionFlags, isaOf, nativeTargets} from '../../scripts/native-targets.ts';

const root = path.resolve(import.meta.dirname, '../..');
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

/** Puts a line below the one that begins with `anchor`. */
function insertBelow(file: string, anchor: string, line: string): void {
  const target = path.join(copy, file);
  const lines = readFileSync(target, 'utf8').split('\n');
  const at = lines.findIndex(text => text.trimStart().startsWith(anchor));
  expect(at, `${anchor} in ${file}`).toBeGreaterThan(0);
  lines.splice(at + 1, 0, line);
  writeFileSync(target, lines.join('\n'));
}

const copied = [
  ...['lib', 'native', 'scripts', 'test', 'package.json', 'package-lock.json', 'binding.gyp'],
  ...['tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'],
];

/**
 * The addon with the kernels of the copy: those that this machine runs, and not optimized, because that
 * decides no bit and takes minutes. All else is as it was compiled for this checkout.
 */
function buildAddon(): void {
  const built = path.join(root, 'build/Release');
  const objects = path.join(built, 'obj.target/chainrule/native/binding');
  const kernels = nativeTargets().flatMap(target => {
    const isa = isaOf(target);
    if (isa === undefined) return [];
    const runs = nativeInfo().isas.some(name => isa.startsWith(name));
    const source = runs ? (target.sources[0] as string) : `native/isa/${isa}.empty.cc`;
    if (!runs) writeFileSync(path.join(copy, source), emptyTable(isa));
    const object = path.join(copy, `${isa}.o`);
    const numeric = ['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'];
    const flags = ['-std=c++17', '-O0', '-fPIC', '-Inative', ...numeric, ...instructionFlags(target)];
    run(compiler.program, [...compiler.first, ...flags, '-c', source, '-o', object]);
    return object;
  });
  mkdirSync(path.join(copy, 'build/Release'), {recursive: true});
  const binding = readdirSync(objects).filter(name => name.endsWith('.o'));
  run(compiler.program, [
    ...[...compiler.first, '-shared', '-fopenmp', '-o', path.join(copy, 'build/Release/chainrule.node')],
    ...[...binding.map(name => path.join(objects, name)), path.join(built, 'runtime.a'), ...kernels],
  ]);
}

test('the op of CONTRIBUTING.md takes two edits, trains, and passes the conformance suite', {
  timeout: 600_000,
}, () => {
  const guide = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const diff = /```diff\n([\s\S]*?)```/.exec(guide)?.[1] as string;
  const fragment = /```ts fragment\n([\s\S]*?)```/.exec(guide)?.[1] as string;
  const [sample, formula] = fragment.split('\n');
  const added = diff.split('\n').filter(line => line.startsWith('+') && !line.startsWith('+++'));
  expect(new Set(diff.match(/^\+\+\+ .*/gm)).size).toBe(2);
  expect(added.length).toBeLessThanOrEqual(6);

  for (const name of copied) {
    cpSync(path.join(root, name), path.join(copy, name), {recursive: true, preserveTimestamps: true});
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  run('patch', ['-p1'], diff);
  buildAddon();
  writeFileSync(path.join(copy, 'scripts/softsign.ts'), training);
  const printed = run(process.execPath, ['--import', 'tsx', 'scripts/softsign.ts']);
  const [first, last] = JSON.parse(printed) as [number, number];
  expect(last).toBeLessThan(first / 5);

  insertBelow('test/samples.ts', 'relu:', sample as string);
  insertBelow('test/reference/elementwise.ts', 'relu:', formula as string);
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const tests = ['run', 'test/ops', 'test/graph/autodiff.test.ts', '-t', 'softsign'];
  const report = run(process.execPath, [vitest, ...tests, '--reporter=json']);
  const {numPassedTests, numFailedTests} = JSON.parse(report.slice(report.indexOf('{'))) as Record<
    string,
    number
  >;
  expect(numFailedTests).toBe(0);
  expect(numPassedTests).toBeGreaterThan(5);
});
