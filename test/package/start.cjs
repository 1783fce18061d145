// A first model reads one file of the library beyond its entry; the others are read when they are asked for,
// and what one makes of another's classes works.
const assert = require('node:assert/strict');
const path = require('node:path');
const library = require('chainrule');
const {layers, sequential} = library;

const folder = path.dirname(require.resolve('chainrule'));
const filesRead = () =>
  Object.keys(require.cache)
    .filter(file => path.dirname(file) === folder)
    .map(file => path.basename(file).replace(/-.*$/, ''))
    .filter(name => name !== 'index.cjs' && name !== 'rolldown');

const model = sequential([layers.dense({units: 1, inputShape: [2]})]);
model.compile({optimizer: 'adam', loss: 'meanSquaredError'});

async function usesClasses() {
  const {callbacks, Dataset, input} = library;
  const x = input({shape: [2]});
  const nested = library.model({inputs: x, outputs: layers.dense({units: 1}).apply(model.apply(x))});
  nested.compile({optimizer: 'adam', loss: 'meanSquaredError'});
  const batches = Dataset.fromArrays({
    xs: [
      [0, 1],
      [1, 0],
      [1, 1],
    ],
    ys: [[1], [1], [0]],
  }).batch(2);
  const backup = callbacks.backupAndRestore({backupDir: path.join(__dirname, 'start-backup')});
  const {epoch} = await nested.fit(batches, {epochs: 2, callbacks: [backup, callbacks.gradientMonitor()]});
  assert.deepEqual(epoch, [0, 1]);
  const scale = layers.normalization({inputShape: [1]});
  await scale.adapt([[1], [3]]);
  assert.deepEqual([...sequential([scale]).predictSync([[5]]).data], [3]);
  const seen = [];
  const counted = Dataset.fromGenerator(() => [1, 2, 3, 4]).shuffle(2);
  for await (const element of counted) seen.push(element);
  assert.deepEqual(seen.sort(), [1, 2, 3, 4]);
  const aborted = await nested.fit(batches, {signal: AbortSignal.abort()}).catch(({code}) => code);
  assert.equal(aborted, 'ERR_ABORTED');
}

async function main() {
  await model.fit([[0, 1]], [[1]], {epochs: 2});
  assert.deepEqual(filesRead(), ['main']);
  for (const name of Object.keys(library)) {
    for (const member of Object.keys(library[name])) assert.notEqual(library[name][member], undefined);
  }
  await model.save(path.join(__dirname, 'start.safetensors'));
  await usesClasses();
  const parts = ['actions', 'callbacks', 'data', 'files', 'layers', 'losses', 'metrics', 'ops', 'optimizers'];
  assert.deepEqual(filesRead().sort(), [...parts, 'main'].sort());
  console.log('one file at first');
}

main();
