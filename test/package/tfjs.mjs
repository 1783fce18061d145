// The backend of TensorFlow.js by import and by require: one backend, one copy of tfjs-core, one library.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import * as tf from '@tensorflow/tfjs-core';

const imported = await import('chainrule/tfjs');
const required = createRequire(import.meta.url)('chainrule/tfjs');
assert.equal(imported.handedOver, required.handedOver);
assert.equal(tf.getBackend(), imported.backendName);
const product = tf.matMul([[1, 2]], [[3], [4]]);
assert.deepEqual([...(await product.data())], [11]);
assert.deepEqual(imported.handedOver(), []);
console.log(tf.getBackend());
