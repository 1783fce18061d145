// What the backend promises beside the specs of tfjs-core: memory, copies, data that comes from another
// backend.
import * as tf from '@tensorflow/tfjs-core';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {addon} from '../../lib/runtime/addon.ts';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

const native = (): number => (tf.memory() as unknown as {numBytesNative: number}).numBytesNative;

describe('the backend', () => {
  beforeEach(async () => {
    await tf.setBackend(backendName);
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
    tf.disposeVariables();
  });

  test('is the current one, and above all others', () => {
    expect(tf.getBackend()).toBe(backendName);
    tf.engine().reset();
    tf.engine().startScope();
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
    expect(tf.getBackend()).toBe(backendName);
  });

  test('copies what comes in and what is read', () => {
    const array = Float32Array.of(1, 2, 3);
    const x = tf.tensor(array);
    const first = x.dataSync();
    array[0] = 7;
    first[1] = 8;
    expect([...x.dataSync()]).toEqual([1, 2, 3]);
    const reshaped = tf.reshape(x, [3, 1]);
    x.dispose();
    expect([...reshaped.dataSync()]).toEqual([1, 2, 3]);
  });

  test('answers a read with what was there when it was called', async () => {
    const x = tf.tensor([1, 2]);
    const read = x.data();
    x.dispose();
    tf.tensor([3, 4]);
    expect([...(await read)]).toEqual([1, 2]);
  });

  test('tells its bytes, and gives all of them back', () => {
    const before = native();
    const x = tf.zeros([100, 100]);
    const y = tf.add(tf.relu(x), 1);
    expect(native() - before).toBeGreaterThanOrEqual(2 * 40_000);
    x.dispose();
    y.dispose();
    tf.engine().endScope();
    tf.engine().startScope();
    expect(native()).toBe(before);
  });

  test('takes tensors of another backend, and gives its own to it', async () => {
    await tf.setBackend('cpu');
    const x = tf.tensor([1.5, 2.5]);
    const truth = tf.tensor([true, false], [2], 'bool');
    const number = tf.complex([1, 2], [3, 4]);
    await tf.setBackend(backendName);
    const y = tf.mul(x, 2);
    expect([...y.dataSync()]).toEqual([3, 5]);
    expect([...tf.imag(number).dataSync()]).toEqual([3, 4]);
    expect([...tf.logicalNot(truth).dataSync()]).toEqual([0, 1]);
    await tf.setBackend('cpu');
    expect([...tf.add(y, 1).dataSync()]).toEqual([4, 6]);
    await tf.setBackend(backendName);
    expect([...tf.add(y, 2).dataSync()]).toEqual([5, 7]);
    expect([...tf.add(x, 2).dataSync()]).toEqual([3.5, 4.5]);
  });

  test('is exact for integers beyond what a float holds', () => {
    const x = tf.tensor([2 ** 24 + 1, 123_456_789], [2], 'int32');
    expect([...tf.add(x, tf.scalar(1, 'int32')).dataSync()]).toEqual([2 ** 24 + 2, 123_456_790]);
    expect([...tf.mul(x, tf.scalar(1, 'int32')).dataSync()]).toEqual([2 ** 24 + 1, 123_456_789]);
    expect(tf.sum(x).dataSync()[0]).toBe(2 ** 24 + 1 + 123_456_789);
    expect([...tf.cumsum(x).dataSync()]).toEqual([2 ** 24 + 1, 2 ** 24 + 1 + 123_456_789]);
  });

  test('says which kernels tfjs did', () => {
    resetHandedOver();
    tf.add([1], [2]);
    const sizes = tf.abs(tf.mul(tf.complex([3, 1e-30], [4, 1e-30]), tf.complex([1, 1], [0, 0])));
    expect(sizes.dataSync()[0]).toBe(5);
    expect(handedOver()).toEqual([]);
    tf.unique(tf.tensor1d([1, 1, 2]));
    expect(handedOver()).toEqual([{kernel: 'Unique', reason: 'shape depends on data', calls: 1}]);
    resetHandedOver();
    expect(handedOver()).toEqual([]);
  });

  test('says an index that is out of range in the words of tfjs', () => {
    const x = tf.tensor([1, 2, 3]);
    expect(() => tf.gather(x, tf.tensor1d([3], 'int32'))).toThrow('the index value 3 is not in [0, 2]');
  });

  test('can be made again and again', async () => {
    for (let round = 0; round < 200; round++) {
      tf.engine().reset();
      await tf.setBackend(backendName);
      const kept = tf.ones([1000]);
      expect(tf.sum(kept).dataSync()[0]).toBe(1000);
    }
    tf.engine().reset();
    await tf.setBackend(backendName);
    tf.engine().startScope();
    expect(native()).toBe(0);
    expect(tf.memory().numTensors).toBe(0);
  });

  test('is removed and registered again, and leaves nothing', async () => {
    const factory = tf.findBackendFactory(backendName) as () => tf.KernelBackend;
    const cycle = async (): Promise<void> => {
      tf.removeBackend(backendName);
      tf.registerBackend(backendName, factory, 10);
      await tf.setBackend(backendName);
      const x = tf.ones([64, 64]);
      const y = tf.tidy(() => tf.softmax(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D)));
      expect(y.dataSync()[0]).toBeCloseTo(1 / 64, 6);
      tf.dispose([x, y]);
    };
    for (let round = 0; round < 10; round++) await cycle();
    const {linked} = addon().counters();
    for (let round = 0; round < 200; round++) await cycle();
    expect(addon().counters().linked).toBe(linked);
    expect(native()).toBe(0);
  });

  test('tells what a profile and a time ask for', async () => {
    const x = tf.ones([8, 8]);
    const profile = await tf.profile(() => tf.square(x));
    expect(profile.kernels.map(({name}) => name)).toEqual(['Square']);
    expect(profile.newTensors).toBe(1);
    const {kernelMs, wallMs} = await tf.time(() => tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D).dispose());
    expect(kernelMs).toBeGreaterThanOrEqual(0);
    expect(wallMs).toBeGreaterThanOrEqual(kernelMs as number);
  });

  test('computes what is disposed of before it ran, where something else needs it', () => {
    const x = tf.tensor([1, 2, 3]);
    const doubled = tf.mul(x, 2);
    const sum = tf.sum(doubled);
    x.dispose();
    doubled.dispose();
    expect(sum.dataSync()[0]).toBe(12);
    expect(() => doubled.dataSync()).toThrow(/disposed/);
  });

  test('cuts batches out of what is known without a copy of all', () => {
    const rows = tf.randomUniform([4096, 16], 0, 1, 'float32', 1) as tf.Tensor2D;
    const all = rows.dataSync();
    const large = tf.slice(rows, [1024, 0], [2048, 16]);
    const small = tf.slice(rows, 4, 2);
    rows.dispose();
    expect(large.dataSync()).toEqual(all.slice(1024 * 16, 3072 * 16));
    expect(small.dataSync()).toEqual(all.slice(64, 96));
    const next = tf.zeros([4096, 16]);
    expect(tf.add(large, 0).dataSync()[0]).toBe(all[1024 * 16]);
    next.dispose();
  });
});
