// Models that come and go, with memory of megabytes each: what is garbage goes back to the system while
// the program does nothing for it.
import {describe, expect, test} from 'vitest';
import {freesAtOnce, repeats, runChild} from '../support/child.ts';
import {findNodes} from '../support/nodes.ts';

const models = repeats(400, 40);

/** 535,818 parameters and adam's moments, ten steps each; tells resident MB after one, and at most. */
const comeAndGo = `
import {readFileSync} from 'node:fs';
import {isMainThread, Worker} from 'node:worker_threads';
import {fileURLToPath} from 'node:url';
const {layers, sequential} = chainrule;
const residentMb = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;

async function train(predicts) {
  const x = new Float32Array(1280 * 784).fill(0.5);
  const y = new Uint8Array(1280);
  let first;
  let most = 0;
  const timer = setInterval(() => { most = Math.max(most, residentMb()); }, 5);
  for (let i = 0; i < ${models}; i++) {
    const model = sequential([
      layers.dense({units: 512, activation: 'relu', inputShape: [784]}),
      layers.dense({units: 256, activation: 'relu'}),
      layers.dense({units: 10, activation: 'softmax'}),
    ]);
    model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
    await model.fit(x, y, {epochs: 1, batchSize: 128, verbose: 0});
    if (predicts) {
      await model.predict(x.subarray(0, 784 * 128));
      model.predictSync(x.subarray(0, 784));
    }
    first ??= residentMb();
    most = Math.max(most, residentMb());
  }
  clearInterval(timer);
  console.log(first, most);
}
`;

const ways = {
  'on the main thread': `${comeAndGo}await train(false);`,
  'that predict too': `${comeAndGo}await train(true);`,
  'in a worker': `${comeAndGo}
if (isMainThread) new Worker(fileURLToPath(import.meta.url));
else await train(false);`,
};

describe.each(findNodes())('Node $version', ({file: node}) => {
  test.each(Object.entries(ways))(`${models} models %s`, {timeout: 900_000}, async (_, source) => {
    const {code, stdout, stderr} = await runChild(source, {node, timeoutMs: 880_000, env: freesAtOnce});
    expect(code, stderr).toBe(0);
    const [first = 0, most = 0] = stdout.split(' ').map(Number);
    expect(first).toBeGreaterThan(30);
    // Without collection each of the models would add 6.4 MB.
    expect(most - first).toBeLessThan(190);
  });
});
