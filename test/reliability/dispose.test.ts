// What dispose gives back is no longer resident when it returns, without a collection; runs under way keep
// their numbers.
import {describe, expect, it, test} from 'vitest';
import {freesAtOnce, runChild} from '../support/child.ts';
import {findNodes} from '../support/nodes.ts';

/** The functions that the children share; each prints one JSON value. */
const tools = `
import {readFileSync} from 'node:fs';
import {isMainThread, Worker} from 'node:worker_threads';
import {fileURLToPath} from 'node:url';
const {layers, model, sequential} = chainrule;
const residentMb = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
const x = Float32Array.from({length: 64 * 2048}, (_, i) => (i % 17) / 17 - 0.5);
const first = () => layers.dense({units: 2048, inputShape: [2048], name: 'first'});

/** 4.2 million parameters and adam's moments: 50 MB. */
async function trained() {
  const net = sequential([first(), layers.dense({units: 2, name: 'last'})]);
  net.compile({optimizer: 'adam', loss: 'mse'});
  await net.fit(x, new Float32Array(128), {epochs: 1, batchSize: 64, verbose: 0});
  net.predictSync(x.subarray(0, 2048));
  return net;
}

function falls(dispose) {
  const before = residentMb();
  dispose();
  return before - residentMb();
}
`;

const twice = `
const net = await trained();
await net.predict(x);
const fell = falls(() => net.dispose());
net.dispose();
let code;
try { net.predictSync(x); } catch (error) { code = error.code; }
console.log(JSON.stringify({fell, code}));
`;

const run = async (source: string, node?: string) => {
  const options = {timeoutMs: 110_000, env: freesAtOnce, ...(node && {node})};
  const {code, stdout, stderr} = await runChild(tools + source, options);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

const stateMb = (3 * 4 * (2048 * 2048 + 2048 + 2048 * 2 + 2)) / 2 ** 20;

describe.each(findNodes())('dispose in Node $version', ({file: node}) => {
  test.each([
    ['on the main thread', twice],
    ['in a worker', `if (isMainThread) new Worker(fileURLToPath(import.meta.url));\nelse {${twice}}`],
  ])('gives a state of 50 MB back at once, %s', {timeout: 120_000}, async (_, source) => {
    const {fell, code} = await run(source, node);
    expect(fell).toBeGreaterThan(stateMb - 1);
    expect(code).toBe('ERR_DISPOSED');
  });
});

describe('dispose', () => {
  it('gives back what programs work in, as compile does', {timeout: 120_000}, async () => {
    const fallen = await run(`
const rows = 2048, width = 4096;
async function worked() {
  const net = sequential([layers.dense({units: width, inputShape: [2]}), layers.dense({units: 1})]);
  net.compile({optimizer: 'sgd', loss: 'mse'});
  await net.fit(new Float32Array(2 * rows).fill(0.5), new Float32Array(rows), {batchSize: rows, verbose: 0});
  return net;
}
const [one, two] = [await worked(), await worked()];
const compiled = falls(() => one.compile({optimizer: 'sgd', loss: 'mse'}));
await one.fit([[1, 2]], [[3]], {verbose: 0});
console.log(JSON.stringify([compiled, falls(() => two.dispose())]));
`);
    for (const mb of fallen) expect(mb).toBeGreaterThan((2048 * 4096 * 4) / 2 ** 20 - 1);
  });

  it('lets predictions under way and those that wait end with their numbers', {
    timeout: 120_000,
  }, async () => {
    const {same, early, late} = await run(`
const net = await trained();
const row = x.subarray(0, 2048);
const wanted = [(await net.predict(x)).data, (await net.predict(row)).data];
const before = residentMb();
const pending = Array.from({length: 40}, (_, i) => net.predict(i % 2 ? row : x));
const early = falls(() => net.dispose());
const results = await Promise.all(pending);
const same = results.every(({data}, i) => data.every((value, at) => value === wanted[i % 2][at]));
console.log(JSON.stringify({same, early, late: before - residentMb()}));
`);
    expect(same).toBe(true);
    expect(early).toBeLessThan(stateMb / 2);
    expect(late).toBeGreaterThan(stateMb - 5);
  });

  it('leaves what a living model shares', {timeout: 120_000}, async () => {
    const [fell, same, then] = await run(`
const net = await trained();
const part = model({inputs: net.inputs, outputs: net.getLayer('first').output});
const before = (await part.predict(x)).data;
const weights = net.getWeights()[0].data;
const fell = falls(() => net.dispose());
const after = (await part.predict(x)).data;
const kept = part.getWeights()[0].data;
const equal = (a, b) => a.every((value, at) => value === b[at]);
const same = equal(after, before) && equal(kept, weights);
console.log(JSON.stringify([fell, same, falls(() => part.dispose())]));
`);
    expect(fell).toBeLessThan(stateMb / 2);
    expect(same).toBe(true);
    expect(then).toBeGreaterThan(stateMb - 1);
  });
});
