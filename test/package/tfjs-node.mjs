// What stands for @tensorflow/tfjs-node, by import and by require: TensorFlow.js itself, and what is added.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import {layers} from '@tensorflow/tfjs';
import * as tf from 'chainrule/tfjs-node';

const required = createRequire(import.meta.url)('chainrule/tfjs-node');
assert.equal(required.node, tf.node);
assert.equal(tf.layers.dense, layers.dense);
assert.equal(tf.getBackend(), 'chainrule');
const model = tf.sequential({layers: [tf.layers.dense({units: 2, inputShape: [3]})]});
await model.save(`file://${fs.realpathSync('.')}/saved`);
const again = await tf.loadLayersModel(`${pathToFileURL('saved')}/model.json`);
const x = tf.ones([1, 3]);
assert.deepEqual([...again.predict(x).dataSync()], [...model.predict(x).dataSync()]);
// sharp is not installed here.
assert.throws(
  () => tf.node.decodePng(new Uint8Array(9)),
  /uses sharp, and sharp is not installed.*npm install sharp/,
);
console.log('the same');
