// What must hold in every runtime that loads the addon: training, arrays that are taken away meanwhile, and
// workers that train, to their end or not.
import {Worker} from 'node:worker_threads';
import {layers, sequential} from 'chainrule';

const rows = 4096;
const width = 256;

function network() {
  const model = sequential([
    layers.dense({units: 64, activation: 'relu', inputShape: [width]}),
    layers.dense({units: 1}),
  ]);
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  return model;
}

const options = {epochs: 8, batchSize: 32, seed: 3, verbose: 0};
const x = () => Float32Array.from({length: rows * width}, (_, i) => ((i * 7919) % 1000) / 1000);
const y = () => Float32Array.from({length: rows}, (_, i) => (i % 10) / 10);
const weights = async model => {
  const values = await model.getWeights();
  return JSON.stringify(values.map(({data}) => Array.from(data)));
};
const network1 = network();
await network1.fit(x(), y(), options);
const expected = await weights(network1);

const row = x().subarray(0, width);
const [quick, slow] = [
  network1.predictSync(row).data[0],
  (await network1.predict([Array.from(row)])).data[0],
];
if (quick !== slow) throw new Error(`predictSync gave ${quick}, predict ${slow}`);

// Taken away in mid-run, and its memory given to others.
const ways = {
  structuredClone: buffer => structuredClone(buffer, {transfer: [buffer]}),
  ...(ArrayBuffer.prototype.transfer && {
    transfer: buffer => buffer.transfer(),
    grow: buffer => buffer.transfer(buffer.byteLength * 2),
    empty: buffer => buffer.transfer(0),
  }),
};
for (const [name, take] of Object.entries(ways)) {
  const model = network();
  const data = x();
  const training = model.fit(data, y(), options);
  await new Promise(resolve => setTimeout(resolve, 5));
  take(data.buffer);
  if (data.length !== 0) throw new Error(`${name} took nothing away`);
  for (let i = 0; i < 20; i++) new Float32Array(rows * width).fill(i);
  // Held memory lasts for a run of many steps, after which the next run is refused; a copy lasts for the fit.
  const ended = await training.then(() => 'trained').catch(error => error.code);
  if (ended === 'trained' && (await weights(model)) !== expected)
    throw new Error(`other weights after ${name}`);
  if (!['trained', 'ERR_DETACHED'].includes(ended)) throw new Error(`${name} in mid-run gave ${ended}`);
  const again = await model.fit(data, y(), options).catch(error => error.code);
  if (again !== 'ERR_DETACHED') throw new Error(`after ${name} the next fit gave ${again}`);
}

const message = worker =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
const trains = new Worker(new URL('worker.mjs', import.meta.url), {workerData: {epochs: 5}});
if ((await message(trains)) !== 'begun' || (await message(trains)) !== 'trained')
  throw new Error('a worker did not train');
await trains.terminate();
for (let i = 0; i < 3; i++) {
  const endless = new Worker(new URL('worker.mjs', import.meta.url), {workerData: {epochs: 1e9}});
  await message(endless);
  await endless.terminate();
}
const last = network();
await last.fit(x(), y(), options);
if ((await weights(last)) !== expected) throw new Error('other weights after workers ended');
// Memory that is given back while predictions are under way, which end with their numbers.
const wanted = (await last.predict(x())).data.join();
const predictions = Array.from({length: 8}, () => last.predict(x()));
last.dispose();
for (const {data} of await Promise.all(predictions))
  if (data.join() !== wanted) throw new Error('other numbers from a model that was disposed of');
const ask = async () => last.predict(x());
const refused = await ask().catch(error => error.code);
if (refused !== 'ERR_DISPOSED') throw new Error(`after dispose predict gave ${refused}`);
console.log(`${Object.keys(ways).length + 5} behaviours are right`);
process.exit(0);
