// A model of tfjs-layers becomes one of the library, the same copy of it that a program imports, and back.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as tfl from '@tensorflow/tfjs-layers';
import {sequential} from 'chainrule';
import {fromTfjs, toTfjs} from 'chainrule/tfjs-layers';

assert.equal(createRequire(import.meta.url)('chainrule/tfjs-layers').fromTfjs, fromTfjs);
const theirs = tfl.sequential({layers: [tfl.layers.dense({units: 2, inputShape: [3]})]});
assert.equal(tf.getBackend(), 'cpu');
const net = await fromTfjs(theirs);
assert.equal(sequential([net]).countParams(), 8);
const back = await toTfjs(net);
assert.ok(back instanceof tfl.LayersModel);
const x = [[1, 2, 3]];
const wanted = theirs.predict(tf.tensor2d(x)).dataSync();
const {data} = await net.predict(x);
for (const [index, value] of wanted.entries()) assert.ok(Math.abs(data[index] - value) < 1e-5);
assert.deepEqual([...back.predict(tf.tensor2d(x)).dataSync()], [...wanted]);
console.log('the same');
