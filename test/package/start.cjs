// A first model reads one file of the library beyond its entry; the others are read when they are asked for.
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

async function main() {
  await model.fit([[0, 1]], [[1]], {epochs: 2});
  assert.deepEqual(filesRead(), ['main']);
  for (const name of Object.keys(library)) {
    for (const member of Object.keys(library[name])) assert.notEqual(library[name][member], undefined);
  }
  await model.save(path.join(__dirname, 'start.safetensors'));
  const names = ['actions', 'callbacks', 'data', 'files', 'layers', 'main', 'metrics', 'ops', 'optimizers'];
  assert.deepEqual(filesRead().sort(), names);
  console.log('one file at first');
}

main();
