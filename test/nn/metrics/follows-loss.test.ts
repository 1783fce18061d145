// Metrics take from the loss what outputs are and which labels count; at borders they are exact.
import {describe, expect, it} from 'vitest';
import {layers, losses, metrics, type Sequential, sequential} from '../../../lib/index.ts';

type Options = Omit<Parameters<Sequential['compile']>[0], 'optimizer'>;

/** Gives its input back. */
function identity(width: number, options: Options): Sequential {
  const model = sequential([layers.activation({activation: 'linear', inputShape: [width]})]);
  model.compile({optimizer: 'sgd', ...options});
  return model;
}

const logitsOf = (p: number): number => Math.log(p / (1 - p));
const y = [[1], [0], [1], [0], [1], [0]];
const probabilities = [0.9, 0.6, 0.4, 0.2, 0.7, 0.5];

describe('logits', () => {
  const {binaryCrossentropy, binaryFocalCrossentropy} = losses;
  const names = [
    'accuracy',
    'precision',
    'recall',
    'specificity',
    'f1',
    'matthews',
    'binaryCrossentropy',
  ] as const;
  it.each([binaryCrossentropy, binaryFocalCrossentropy])(
    'count as the probabilities that they stand for',
    async make => {
      const given = [
        ...names,
        'auc',
        metrics.precision({threshold: 0.3}),
        metrics.recall({threshold: 0.65}),
      ] as const;
      const plain = identity(1, {loss: make(), metrics: given});
      const logits = identity(1, {loss: make({fromLogits: true}), metrics: given});
      const wanted = await plain.evaluate(
        probabilities.map(p => [p]),
        y,
      );
      const logs = await logits.evaluate(
        probabilities.map(p => [logitsOf(p)]),
        y,
      );
      expect(Object.keys(logs)).toContain('precision_1');
      for (const [name, value] of Object.entries(wanted)) expect(logs[name]).toBeCloseTo(value, 5);
    },
  );

  it('are compared as they are by a threshold that is none of a probability, or on demand', async () => {
    const given = [
      metrics.recall({threshold: 2, name: 'far'}),
      metrics.recall({threshold: 0.5, fromLogits: false, name: 'raw'}),
    ];
    const model = identity(1, {loss: binaryCrossentropy({fromLogits: true}), metrics: given});
    expect(await model.evaluate([[0.3], [1], [3]], [[1], [1], [1]])).toMatchObject({far: 1 / 3, raw: 2 / 3});
  });

  it('of several classes go through a softmax', async () => {
    const loss = losses.categoricalCrossentropy({fromLogits: true});
    const model = identity(3, {loss, metrics: ['precision', 'auc']});
    const outputs = [
      [5, 4, 4],
      [1, 1, 1],
    ];
    const hot = [
      [1, 0, 0],
      [0, 1, 0],
    ];
    const logs = await model.evaluate(outputs, hot);
    expect(logs.precision).toBe(1);
  });
});

describe('labels that the loss ignores', () => {
  it.each([-1, 1, 7])('count in no metric: %d', async ignoreClass => {
    const names = [
      'accuracy',
      'sparseCategoricalCrossentropy',
      'auc',
      'f1',
      'matthews',
      'precision',
    ] as const;
    const given = [...names, metrics.sparseTopKCategoricalAccuracy({k: 1})];
    const outputs = [
      [0.7, 0.2, 0.1],
      [0.1, 0.2, 0.7],
      [0.3, 0.1, 0.6],
      [0.2, 0.7, 0.1],
    ];
    const options = {weightedMetrics: ['accuracy'], metrics: given} as const;
    const all = identity(3, {loss: losses.sparseCategoricalCrossentropy({ignoreClass}), ...options});
    const some = identity(3, {loss: 'sparseCategoricalCrossentropy', ...options});
    const wanted = await some.evaluate(outputs.slice(0, 3), [0, 2, 0]);
    const logs = await all.evaluate(outputs, [0, 2, 0, ignoreClass]);
    for (const [name, value] of Object.entries(wanted)) expect(logs[name]).toBeCloseTo(value, 6);
    expect(logs.accuracy).toBe(2 / 3);
  });
});

describe('borders', () => {
  it('r2 near 1e7 is that near 0', async () => {
    const targets = [0, 4, 8, 12, 40];
    const model = identity(1, {loss: 'mse', metrics: ['r2']});
    const near = await model.evaluate(
      targets.map(t => [t + 1]),
      targets.map(t => [t]),
    );
    const far = await model.evaluate(
      targets.map(t => [t + 1e7 + 1]),
      targets.map(t => [t + 1e7]),
    );
    expect(far.r2).toBeCloseTo(near.r2 as number, 12);
  });

  it('thresholds met exactly, targets of 0.5, no positives and one class', async () => {
    const loss = 'binaryCrossentropy';
    const names = ['accuracy', 'precision', 'recall', 'f1', 'matthews', 'auc'] as const;
    const model = identity(1, {loss, metrics: names});
    const none = {accuracy: 1, precision: 0, recall: 0, matthews: 0, auc: 0};
    expect(await model.evaluate([[0.5], [0.1]], [[0.5], [0]])).toMatchObject(none);
    expect(await model.evaluate([[0.9], [0.8]], [[1], [0.75]])).toMatchObject({
      accuracy: 1,
      f1: 1,
      matthews: 0,
    });
    const weighted = identity(1, {loss, weightedMetrics: ['matthews']});
    const sampleWeight = [0.1, 0.2, 0.3];
    expect((await weighted.evaluate([[1], [1], [0]], [[1], [1], [1]], {sampleWeight})).matthews).toBe(0);
  });
});

describe('names', () => {
  const loss = 'binaryCrossentropy';
  it('are chosen, or numbered, and refused where logs use them for something else', () => {
    const compile = (given: NonNullable<Options['metrics']>) => () => identity(1, {loss, metrics: given});
    expect(
      compile([metrics.auc({name: 'a'}), 'auc', metrics.auc({curve: 'PR'}), metrics.auc({name: 'b'})]),
    ).not.toThrow();
    for (const name of ['loss', 'val_loss', 'val_auc', 'learningRate', '__proto__']) {
      expect(compile([metrics.auc({name})])).toThrow(/compile: metrics: /);
    }
    expect(compile([metrics.auc({name: 'a'}), metrics.recall({name: 'a'})])).toThrow(
      /"a" stands there already/,
    );
    expect(() => metrics.r2({name: ''})).toThrow(/metrics\.r2: name: expected text/);
  });
});
