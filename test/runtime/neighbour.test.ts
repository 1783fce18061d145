// Beside another addon that uses the same OpenMP runtime: both compute what they should, whichever was
// loaded first, and the process ends as it should.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {compiler} from '../../scripts/compiler.ts';
import {runChild} from '../support/child.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-neighbour-'));
const neighbour = path.join(folder, 'neighbour.node');

beforeAll(() => {
  const source = path.join(import.meta.dirname, 'children/neighbour.cc');
  const headers = path.join(root, 'node_modules/node-api-headers/include');
  const flags = ['-std=c++17', '-O2', '-fPIC', '-shared', '-fopenmp', `-I${headers}`];
  const env = {...process.env, LD_PRELOAD: ''};
  execFileSync(compiler.program, [...compiler.first, ...flags, source, '-o', neighbour], {env});
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const source = (first: 'neighbour' | 'chainrule') => `
import {createRequire} from 'node:module';
const {layers, sequential, setThreads} = chainrule;
const other = () => createRequire(import.meta.url)(${JSON.stringify(neighbour)});
const x = {data: Float32Array.from({length: 640 * 256}, (_, i) => (i % 13) / 13), shape: [640, 256]};
const y = Uint8Array.from({length: 640}, (_, i) => i % 3);
async function train() {
  const model = sequential([
    layers.dense({units: 128, activation: 'relu', inputShape: [256]}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  await model.fit(x, y, {epochs: 40, batchSize: 32, verbose: 0, seed: 5});
  return model.getWeights().map(({data}) => Array.from(data)).join();
}
const early = ${first === 'neighbour'} ? other() : undefined;
early?.sum(1000);
setThreads(2);
const alone = await train();
const {sum} = early ?? other();
const n = 3_000_001;
let [right, wrong, training] = [0, 0, true];
const together = train().finally(() => { training = false; });
while (training) {
  if (sum(n) === n * (n - 1) / 2) right++;
  else wrong++;
  await new Promise(resolve => setImmediate(resolve));
}
console.log(JSON.stringify({same: (await together) === alone, some: right > 0, wrong}));
`;

it.each(['neighbour', 'chainrule'] as const)('%s is loaded first', {timeout: 120_000}, async first => {
  const {code, signal, stdout, stderr} = await runChild(source(first), {timeoutMs: 110_000});
  expect({code, signal, stdout: stdout.trim()}, stderr).toEqual({
    code: 0,
    signal: null,
    stdout: JSON.stringify({same: true, some: true, wrong: 0}),
  });
});
