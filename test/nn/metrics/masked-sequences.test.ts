// Losses and metrics of sequences as a whole under a mask; and of sequences of any length.
import {describe, expect, it} from 'vitest';
import {layers, losses, metrics, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

describe('sequences as a whole', () => {
  const [length, classes] = [7, 4];
  const shownSteps = [
    [0, 1, 2, 3, 4, 5, 6],
    [0, 1, 2],
    [2, 3, 5, 6],
    [1, 4, 5],
  ];
  const scores = numbers(4 * length * classes, 21).map(value => 2 * value + 0.01);
  const logits = scores.map((value, at) => {
    const [row, step] = [Math.floor(at / classes / length), Math.floor(at / classes) % length];
    return shownSteps[row]?.includes(step) ? value : 0;
  });
  const targets = [
    [1, 2, 2],
    [3, 1, 0],
    [2, 0, 0],
    [1, 3, 0],
  ];
  const compiled = {
    optimizer: 'sgd',
    loss: losses.ctc({maxLabels: 3}),
    metrics: [
      metrics.editDistance({mergeRepeated: true, normalize: false}),
      metrics.editDistance({normalize: false, name: 'all'}),
    ],
  } as const;

  it('ctc and editDistance are those of the steps that a mask leaves', async () => {
    const masked = sequential([layers.masking({inputShape: [length, classes]})]);
    masked.compile(compiled);
    const logs = await masked.evaluate(
      {data: logits, shape: [4, length, classes]},
      {data: Int32Array.from(targets.flat()), shape: [4, 3]},
    );
    const sums: Record<string, number> = {loss: 0, editDistance: 0, all: 0};
    for (const [row, shown] of shownSteps.entries()) {
      const own = sequential([
        layers.activation({activation: 'linear', inputShape: [shown.length, classes]}),
      ]);
      own.compile(compiled);
      const data = shown.flatMap(step => [
        ...logits.subarray((row * length + step) * classes, (row * length + step + 1) * classes),
      ]);
      const single = await own.evaluate({data: Float32Array.from(data), shape: [1, shown.length, classes]}, [
        targets[row] as number[],
      ]);
      for (const name of Object.keys(sums))
        sums[name] = (sums[name] as number) + (single[name] as number) / 4;
    }
    for (const [name, value] of Object.entries(sums)) expect(logs[name], name).toBeCloseTo(value, 4);
  });

  it('editDistance leaves out labels of hidden steps where each step has one', async () => {
    const masked = sequential([layers.masking({inputShape: [3, 2]})]);
    const loss = losses.sparseCategoricalCrossentropy({fromLogits: true});
    const metric = metrics.editDistance({ignoreClass: -1});
    masked.compile({optimizer: 'sgd', loss, metrics: [metric]});
    // Written 1, –, 0; to be written 1, 1, 1: one of the two that are shown is wrong.
    const logs = await masked.evaluate(
      [
        [
          [0.1, 1],
          [0, 0],
          [1, 0.1],
        ],
      ],
      [[1, 1, 1]],
    );
    expect(logs.editDistance).toBe(1 / 2);
  });
});

describe('of sequences of any length', () => {
  const [features, classes] = [3, 3];

  it.each([3, 130])('with %i steps metrics are those of a model of that length', async length => {
    const list = [
      'precision',
      'auc',
      'confusionMatrix',
      'f1',
      'editDistance',
      'perplexity',
      'accuracy',
    ] as const;
    const compiled = {
      optimizer: 'sgd',
      loss: 'sparseCategoricalCrossentropy',
      metrics: list,
      weightedMetrics: ['recall', 'auc'],
    } as const;
    const make = (steps: number | null) => {
      const model = sequential(
        [layers.dense({units: classes, activation: 'softmax', inputShape: [steps, features]})],
        {seed: 2},
      );
      model.compile(compiled);
      return model;
    };
    const data = {data: numbers(4 * length * features, 5), shape: [4, length, features]};
    const y = {
      data: Int32Array.from({length: 4 * length}, (_, at) => (at * 5) % classes),
      shape: [4, length],
    };
    const weights = {sampleWeight: [1, 2, 3, 4]};
    const [open, fixed] = [make(null), make(length)];
    const wanted = await fixed.evaluate(data, y, weights);
    expect(await open.evaluate(data, y, weights)).toEqual(wanted);
    const {history} = await open.fit(data, y, {batchSize: 3, shuffle: false, verbose: 0, ...weights});
    const {history: own} = await fixed.fit(data, y, {batchSize: 3, shuffle: false, verbose: 0, ...weights});
    expect(history).toEqual(own);
  });
});
