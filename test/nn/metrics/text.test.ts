// Perplexity and edit distance over an epoch of batches, beside their formulas.
import {describe, expect, it} from 'vitest';
import {layers, metrics, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const [rows, steps, classes] = [5, 4, 3];
const data = numbers(rows * steps * classes).map(value => 3 * value);
const x = {data, shape: [rows, steps, classes]};
const labels = [
  [1, 2, 0, 0],
  [2, 2, 1, 0],
  [1, 1, 2, 2],
  [0, 0, 0, 0],
  [2, 1, 1, 0],
];

const scores = (row: number, step: number): number[] =>
  Array.from(data.slice((row * steps + step) * classes, (row * steps + step + 1) * classes));

function crossentropy(row: number, step: number): number {
  const own = scores(row, step);
  const sum = own.reduce((total, value) => total + Math.exp(value), 0);
  return Math.log(sum) - (own[labels[row]?.[step] as number] as number);
}

/** What the metric is for outputs that are the inputs. */
async function measured(metric: ReturnType<typeof metrics.perplexity>, softmax = false): Promise<number> {
  const net = sequential([
    layers.activation({activation: softmax ? 'softmax' : 'linear', inputShape: [steps, classes]}),
  ]);
  const loss = {kind: 'sparseCategoricalCrossentropy', fromLogits: !softmax} as never;
  net.compile({optimizer: 'sgd', loss, metrics: [metric], warn: false});
  const y = {data: Int32Array.from(labels.flat()), shape: [rows, steps]};
  const logs = await net.evaluate(x, y);
  return logs[metric.kind] as number;
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const all = labels.flatMap((row, at) => row.map((label, step) => [label, crossentropy(at, step)] as const));

describe('metrics.perplexity', () => {
  it('is exp of the mean crossentropy over an epoch, of what counts', async () => {
    const wanted = Math.exp(mean(all.map(([, loss]) => loss)));
    expect(await measured(metrics.perplexity({fromLogits: true}))).toBeCloseTo(wanted, 4);
    expect(await measured(metrics.perplexity(), true)).toBeCloseTo(wanted, 4);
    const counted = all.filter(([label]) => label !== 0).map(([, loss]) => loss);
    const masked = await measured(metrics.perplexity({fromLogits: true, maskTokenId: 0}));
    expect(masked).toBeCloseTo(Math.exp(mean(counted)), 4);
  });
});

/** Of lists, by all that may be done to them. */
function edits(a: number[], b: number[]): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const [p, ...left] = a as [number, ...number[]];
  const [q, ...right] = b as [number, ...number[]];
  if (p === q) return edits(left, right);
  return 1 + Math.min(edits(left, right), edits(left, b), edits(a, right));
}

describe('metrics.editDistance', () => {
  const written = labels.map((_, row) =>
    Array.from({length: steps}, (_, step) => {
      const own = scores(row, step);
      return own.indexOf(Math.max(...own));
    }),
  );
  const counted = (list: number[], merge = false): number[] =>
    list.filter((label, at) => label !== 0 && !(merge && at > 0 && list[at - 1] === label));

  it('counts edits for each label, or for each sample', async () => {
    for (const mergeRepeated of [false, true]) {
      const each = written.map((list, row) =>
        edits(counted(list, mergeRepeated), counted(labels[row] as number[])),
      );
      const total = each.reduce((a, b) => a + b, 0);
      const count = labels.flat().filter(label => label !== 0).length;
      expect(await measured(metrics.editDistance({mergeRepeated}))).toBeCloseTo(total / count, 6);
      const plain = await measured(metrics.editDistance({mergeRepeated, normalize: false}));
      expect(plain).toBeCloseTo(total / rows, 6);
    }
  });

  it('says what is wrong', () => {
    expect(() => metrics.editDistance({normalize: 1 as never})).toThrow(/normalize/);
    expect(() => metrics.perplexity({maskTokenId: 0.5})).toThrow(/maskTokenId/);
    const net = sequential([layers.dense({units: 3, inputShape: [2]})]);
    net.compile({
      optimizer: 'sgd',
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['editDistance'],
      warn: false,
    });
    return expect(net.evaluate([[1, 2]], [1])).rejects.toThrow(
      /editDistance: expected an output \[batch, steps/,
    );
  });
});
