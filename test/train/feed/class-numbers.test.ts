// A class number for each row where a loss wants a row of numbers: the error names the loss that takes them.
import {describe, expect, it} from 'vitest';
import {Dataset, layers, losses, ops, sequential} from '../../../lib/index.ts';
import {untyped} from '../../support/refusals.ts';

const classes = 3;
const rows = 6;
const x = Float32Array.from({length: 2 * rows}, (_, at) => at / 10);
const labels = [0, 1, 2, 2, 1, 0];

function build(loss: unknown) {
  const net = sequential([layers.dense({units: classes, activation: 'softmax', inputShape: [2]})]);
  net.compile({optimizer: 'sgd', loss: untyped(loss), warn: false});
  return net;
}

const columns: [string, unknown][] = [
  ['a list', labels],
  ['a column', labels.map(label => [label])],
  ['Int32Array', Int32Array.from(labels)],
  ['bytes', Uint8Array.from(labels)],
  ['big integers', BigInt64Array.from(labels, BigInt)],
  ['float32', Float32Array.from(labels)],
  ['with its shape', {data: Int32Array.from(labels), shape: [rows, 1]}],
];

const own = (target: unknown, output: unknown) =>
  ops.mean(ops.square(ops.sub(untyped(target), untyped(output))), -1);

describe.each([
  ...Object.keys(losses).filter(kind => losses[kind as 'huber']().targets === 'values'),
  'a loss of one’s own',
])('class numbers given to %s', kind => {
  it.each(columns)('as %s', async (_, y) => {
    const net = build(kind in losses ? kind : own);
    const hint = /[Cc]lass numbers.* go with sparseCategoricalCrossentropy.*data\.oneHot/;
    const calls = [
      () => net.fit(x, untyped(y)),
      () => net.evaluate(x, untyped(y)),
      () => net.trainOnBatch(x, untyped(y)),
      () => net.gradients(x, untyped(y)),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(hint);
    const batches = Dataset.fromGenerator(() => [{xs: x, ys: untyped(y)}]);
    await expect(net.fit(batches)).rejects.toThrow(hint);
  });
});

describe('no such hint', () => {
  it('for numbers that are no classes, or of another count', async () => {
    const net = build('mse');
    for (const y of [labels.map(label => label - 0.5), labels.map(label => -label), labels.slice(1)]) {
      const error = await net.fit(x, y).catch((cause: Error) => cause);
      expect((error as Error).message).toMatch(/fit/);
      expect((error as Error).message).not.toMatch(/sparseCategoricalCrossentropy/);
    }
  });
});
