// Batches that are like one before go a shorter way in `trainOnBatch`; options, even none, take the longer
// one. Both must do the same, whatever comes between.
import {describe, expect, it} from 'vitest';
import {layers, type Sequential, sequential} from '../../../lib/index.ts';

const width = 5;
const numbers = (rows: number, seed: number): Float32Array =>
  Float32Array.from({length: rows * width}, (_, at) => Math.sin(at * 1.7 + seed));
const labels = (rows: number, seed: number): Int32Array =>
  Int32Array.from({length: rows}, (_, row) => (row + seed) % 3);

function build(
  loss: 'sparseCategoricalCrossentropy' | 'binaryCrossentropy' = 'sparseCategoricalCrossentropy',
  units = 3,
): Sequential {
  const body = layers.dense({units: 7, activation: 'tanh', inputShape: [width], name: 'body'});
  const activation = loss === 'binaryCrossentropy' ? 'sigmoid' : 'softmax';
  const net = sequential([body, layers.dropout({rate: 0.2}), layers.dense({units, activation})], {seed: 3});
  net.compile({optimizer: 'adam', loss, metrics: loss === 'binaryCrossentropy' ? [] : ['accuracy']});
  return net;
}

const bits = (net: Sequential): string =>
  net
    .getWeights()
    .map(({data}) => data.join())
    .join('\n');

type Step = (net: Sequential, known: boolean) => unknown;
const options = (known: boolean) => (known ? [] : [{}]);
const batch =
  (rows: number, seed: number): Step =>
  (net, known) =>
    net.trainOnBatchSync(numbers(rows, seed), labels(rows, seed), ...options(known));
const awaited =
  (rows: number, seed: number): Step =>
  (net, known) =>
    net.trainOnBatch(numbers(rows, seed), labels(rows, seed), ...options(known));

const between: Readonly<Record<string, readonly Step[]>> = {
  'one size': [batch(8, 1), batch(8, 2), awaited(8, 3)],
  'sizes that change': [8, 3, 16, 2, 1, 9, 40, 8, 64, 5].map(batch),
  'nested arrays': [
    batch(8, 1),
    net =>
      net.trainOnBatchSync(
        Array.from({length: 4}, () => [1, 2, 3, 4, 5]),
        [0, 1, 2, 0],
      ),
    batch(8, 2),
  ],
  'numbers of another type': [
    batch(8, 1),
    net => net.trainOnBatchSync(Float64Array.from(numbers(8, 2)), labels(8, 2)),
    net =>
      net.trainOnBatchSync(
        Uint8Array.from({length: 8 * width}, (_, at) => at),
        labels(8, 2),
      ),
    batch(8, 3),
  ],
  'weights of rows': [
    batch(8, 1),
    net => net.trainOnBatchSync(numbers(8, 2), labels(8, 2), {classWeight: {0: 2}}),
    batch(8, 3),
  ],
  'a frozen layer': [
    batch(8, 1),
    net => {
      net.getLayer('body').trainable = false;
    },
    batch(8, 2),
    net => {
      net.getLayer('body').trainable = true;
    },
    batch(8, 3),
  ],
  'another loss': [
    batch(8, 1),
    net => net.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'}),
    batch(8, 2),
  ],
  'a fit and set weights': [
    batch(8, 1),
    net => net.fit(numbers(20, 4), labels(20, 4), {epochs: 2, batchSize: 8, shuffle: true}),
    batch(8, 2),
    net =>
      net.setWeights(
        net.getWeights().map(({name, shape, data}) => ({name, shape, data: data.slice().fill(0.1)})),
      ),
    batch(8, 3),
  ],
  'a larger model around it': [
    batch(8, 1),
    net => {
      const outer = sequential([net, layers.dense({units: 2})]);
      outer.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
      outer.trainOnBatchSync(numbers(8, 2), new Float32Array(16));
    },
    batch(8, 3),
  ],
};

describe('a batch like one before', () => {
  it.each(Object.entries(between))('is trained as any other: %s', async (_, steps) => {
    const [known, lookedUp] = [build(), build()];
    for (const step of steps) {
      const logs = await step(known, true);
      expect(logs).toEqual(await step(lookedUp, false));
      expect(bits(known)).toBe(bits(lookedUp));
    }
  });

  it('is copied when it is asked for: what is changed after that counts no more', async () => {
    const [net, other] = [build(), build()];
    const [x, y] = [numbers(8, 1), labels(8, 1)];
    for (const each of [net, other]) each.trainOnBatchSync(x, y);
    const running = net.trainOnBatch(x, y);
    x.fill(0);
    await running;
    other.trainOnBatchSync(numbers(8, 1), y);
    expect(bits(net)).toBe(bits(other));
  });

  it('is refused as any other', () => {
    const net = build();
    const [x, y] = [numbers(8, 1), labels(8, 1)];
    net.trainOnBatchSync(x, y);
    const before = bits(net);
    const gone = numbers(8, 1);
    structuredClone(gone, {transfer: [gone.buffer as ArrayBuffer]});
    const resizable = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(
      8 * width * 4,
      {maxByteLength: 1000},
    );
    const wrong: readonly (readonly [unknown, unknown, RegExp])[] = [
      [gone, y, /x: the array was transferred elsewhere/],
      [new Float32Array(resizable), y, /x: the array's buffer is resizable/],
      [x.subarray(1), y, /39 values are no whole number of rows/],
      [x, y.subarray(1), /x has 8 rows and y 7/],
      [x, Int32Array.from(y).fill(3), /class/],
      [x.slice().fill(Number.NaN), y, /row 0/],
      [null, y, /x/],
      [x, undefined, /y/],
      [x, 'abc', /y/],
      [new Float32Array(0), y, /x is empty/],
      [new DataView(new ArrayBuffer(160)), y, /x/],
    ];
    for (const [badX, badY, message] of wrong) {
      expect(() => net.trainOnBatchSync(badX as Float32Array, badY as Int32Array)).toThrow(message);
      expect(bits(net)).toBe(before);
    }
    net.dispose();
    expect(() => net.trainOnBatchSync(x, y)).toThrow(/disposed/);
  });

  it('is checked for what the loss takes', () => {
    const net = build('binaryCrossentropy', 1);
    const x = numbers(4, 1);
    net.trainOnBatchSync(x, Float32Array.of(0, 1, 1, 0));
    expect(() => net.trainOnBatchSync(x, Float32Array.of(0, 1, 2, 0))).toThrow(
      /^trainOnBatchSync: y holds 2 in row 2: binaryCrossentropy/,
    );
  });
});
