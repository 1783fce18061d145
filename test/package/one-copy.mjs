// What is imported and what is required is the same, so that layers of one file are layers in the other.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';

const imported = await import('chainrule');
const required = createRequire(import.meta.url)('chainrule');
const names = Object.keys(imported).filter(name => name !== 'default' && name !== 'module.exports');
assert.deepEqual(names.sort(), Object.keys(required).sort());
for (const name of names) assert.equal(imported[name], required[name], name);
const model = imported.sequential([required.layers.dense({units: 1, inputShape: [2]})]);
model.compile({optimizer: required.optimizers.adam(), loss: 'meanSquaredError'});
assert.throws(() => required.sequential([]), imported.ChainruleError);
