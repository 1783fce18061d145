// Inputs of models that are no float32: what they take, what layers see, and that models with them are saved.

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  Dataset,
  input,
  layers,
  load,
  model as modelOf,
  ops,
  type SymbolicTensor,
  sequential,
  type Tensor,
} from '../../lib/index.ts';

const large = 2 ** 24 + 1;

/** Counts, by an exact comparison, how many of three integers are `large`, and adds a weight. */
function counting(dtype: 'int32' | 'int64') {
  const ids = input({shape: [3], name: 'ids', dtype});
  const isLarge = layers
    .lambda({function: (x: Tensor) => ops.cast(ops.equal(x, large), 'float32')})
    .apply(ids) as SymbolicTensor;
  const net = modelOf({inputs: ids, outputs: layers.dense({units: 1}).apply(isLarge)});
  net.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  return net;
}

const rows = [
  [large, large - 1, 7],
  [large, large, large],
  [0, -1, large],
  [1, 2, 3],
];
const targets = [[1], [3], [1], [0]];

describe('a model with an input of int32', () => {
  it('trains on arrays of integers, whichever they are', async () => {
    const flat = Int32Array.from(rows.flat());
    const histories = [];
    for (const x of [flat, rows, {data: flat, shape: [4, 3]}, Float64Array.from(flat)]) {
      const net = counting('int32');
      const {history} = await net.fit(x, targets, {epochs: 3, batchSize: 2, seed: 1, verbose: 0});
      histories.push(history.loss);
      expect(net.inputs[0]?.dtype).toBe('int32');
    }
    expect(new Set(histories.map(losses => JSON.stringify(losses))).size).toBe(1);
    expect(histories[0]?.at(-1)).toBeLessThan(histories[0]?.[0] as number);
  });

  it('reads int64 where its numbers fit', async () => {
    const net = counting('int64');
    const x = BigInt64Array.from(rows.flat(), BigInt);
    const same = counting('int32');
    await net.fit(x, targets, {epochs: 2, seed: 1, shuffle: false, verbose: 0});
    await same.fit(Int32Array.from(rows.flat()), targets, {epochs: 2, seed: 1, shuffle: false, verbose: 0});
    expect((await net.predict(x)).data).toEqual((await same.predict(rows)).data);
    const refused = net.predict(BigInt64Array.of(1n, 2n ** 40n, 3n));
    await expect(refused).rejects.toThrow(
      /x holds 1099511627776 in row 0, column 1; expected numbers that fit int32/,
    );
  });

  it('refuses what is no integer, by the name of the array', async () => {
    const net = counting('int32');
    await expect(net.predict([[1, 2.5, 3]])).rejects.toThrow(
      /predict: x: 2.5 at position 1 does not fit int32/,
    );
    await expect(net.predict(Float32Array.of(1, 2, 0.5))).rejects.toThrow(/x: 0.5 at position 2/);
    await expect(net.predict({data: Int32Array.of(1, 2, 3), shape: [1, 3], scale: 0.5})).rejects.toThrow(
      /predict: x: an input of int32 has no scale/,
    );
    expect(() => input({shape: [1], dtype: 'float64' as 'float32'})).toThrow(/dtype of input/);
  });

  it('is fed by data sets', async () => {
    const net = counting('int32');
    const elements = rows.map((xs, at) => ({xs: Int32Array.from(xs), ys: targets[at] as number[]}));
    await net.fit(Dataset.fromGenerator(() => elements).batch(2), {epochs: 2, verbose: 0});
    const {data: predicted} = await net.predict(rows);
    expect(predicted.length).toBe(4);
  });
});

describe('inputs of other types', () => {
  it('are bool and stored floats', async () => {
    const mask = input({shape: [4], name: 'mask', dtype: 'bool'});
    const half = input({shape: [4], name: 'half', dtype: 'float16'});
    const kept = layers
      .lambda({function: ([m, x]: Tensor[]) => ops.select(m as Tensor, x as Tensor, -1)})
      .apply([mask, half]) as SymbolicTensor;
    const net = modelOf({inputs: [mask, half], outputs: kept});
    const {data: values} = (await net.predict([
      [[true, false, true, false]],
      Uint16Array.of(0x3c00, 0x4000, 0xc000, 0),
    ])) as {data: Float32Array};
    expect(values).toEqual(Float32Array.of(1, -1, -2, -1));
    await expect(net.predict([[[2, 0, 1, 0]], [[1, 2, 3, 4]]])).rejects.toThrow(
      /mask: 2 at position 0 does not fit bool/,
    );
  });

  it('give outputs of other types', async () => {
    const ids = input({shape: [2], dtype: 'int32'});
    const next = layers.lambda({function: (x: Tensor) => ops.add(x, 1)}).apply(ids) as SymbolicTensor;
    const net = modelOf({inputs: ids, outputs: next});
    expect(net.outputs[0]?.dtype).toBe('int32');
    expect((await net.predict([[large, 2 ** 31 - 1]])).data).toEqual(Int32Array.of(large + 1, -(2 ** 31)));
    expect(net.predictSync([[1, 2]]).data).toEqual(Int32Array.of(2, 3));
  });
});

it('models with typed inputs are saved and loaded', async () => {
  const ids = input({shape: [2], name: 'ids', dtype: 'int32'});
  const net = modelOf({inputs: ids, outputs: layers.flatten().apply(ids)});
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-typed-'));
  const file = path.join(folder, 'model.chainrule');
  await net.save(file);
  const again = await load(file);
  expect(again.inputs[0]?.dtype).toBe('int32');
  const chain = sequential([layers.inputLayer({inputShape: [2], dtype: 'int32'}), layers.flatten()]);
  await chain.save(file);
  const loaded = await load(file);
  rmSync(folder, {recursive: true});
  expect((await loaded.predict([[large, 5]])).data).toEqual(Int32Array.of(large, 5));
});
