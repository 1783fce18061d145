// Each output of a model is measured by its own loss: yes or no by a threshold, classes by the largest.
import {describe, expect, it} from 'vitest';
import {input, layers, losses, metrics, model} from '../../../lib/index.ts';

const logitOf = (p: number): number => Math.log(p / (1 - p));

/** Gives its two inputs back: labels, each a yes or a no of its own, and one class of three. */
function twoHeads(tags: Parameters<typeof metrics.matthews>[0] = {}, fromLogits = false) {
  const [tagged, classed] = [input({shape: [3], name: 'tagged'}), input({shape: [3], name: 'classed'})];
  const same = (name: string) => layers.activation({activation: 'linear', name});
  const net = model({
    inputs: [tagged, classed],
    outputs: [same('tags').apply(tagged), same('class').apply(classed)],
  });
  net.compile({
    optimizer: 'sgd',
    loss: [losses.binaryCrossentropy({fromLogits}), 'categoricalCrossentropy'],
    metrics: [
      [metrics.matthews(tags), metrics.confusionMatrix(tags), 'accuracy', 'f1'],
      ['matthews', 'confusionMatrix', 'accuracy', 'f1'],
    ],
    warn: false,
  });
  return net;
}

const outputs = [
  [0.9, 0.8, 0.1],
  [0.2, 0.4, 0.3],
  [0.6, 0.1, 0.7],
  [0.45, 0.95, 0.55],
];
const tags = [
  [1, 0, 0],
  [1, 0, 0],
  [1, 0, 1],
  [0, 1, 1],
];
const oneHot = [
  [0, 1, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 0, 0],
];

/** [[tn, fp], [fn, tp]] over all numbers, and the correlation of both, by its definition. */
function counted(threshold: number) {
  const pairs = outputs.flatMap((row, at) =>
    row.map((p, unit) => [tags[at]?.[unit] ?? 0, Number(p > threshold)] as const),
  );
  const matrix = [0, 1].map(t => [0, 1].map(p => pairs.filter(([a, b]) => a === t && b === p).length));
  const mean = (side: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  const [a, b] = [mean(0), mean(1)];
  const covariance = pairs.reduce((sum, [t, p]) => sum + (t - a) * (p - b), 0) / pairs.length;
  return {matrix, matthews: covariance / Math.sqrt(a * (1 - a) * b * (1 - b))};
}

function expectTags(logs: Readonly<Record<string, number>>, threshold: number): void {
  const {matrix, matthews} = counted(threshold);
  expect(logs.tags_matthews).toBeCloseTo(matthews, 10);
  matrix.forEach((line, t) => {
    for (const [p, count] of line.entries()) expect(logs[`tags_confusionMatrix[${t}][${p}]`]).toBe(count);
  });
  expect(logs['tags_confusionMatrix[2][2]']).toBeUndefined();
}

describe('metrics of two outputs', () => {
  it('are by a threshold under a binary loss, by the largest under a categorical one', async () => {
    const net = twoHeads();
    const logs = await net.evaluate([outputs, outputs], [tags, oneHot]);
    expectTags(logs, 0.5);
    const {matrix} = counted(0.5);
    expect(logs.tags_accuracy).toBeCloseTo(((matrix[0]?.[0] ?? 0) + (matrix[1]?.[1] ?? 0)) / 12, 7);
    const ofClass = [
      [0, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
    ];
    ofClass.forEach((line, t) => {
      for (const [p, count] of line.entries()) expect(logs[`class_confusionMatrix[${t}][${p}]`]).toBe(count);
    });
    expect(logs.class_accuracy).toBe(0.5);
  });

  it('of logits, by a threshold of one’s own, by names of outputs, in training and weighted', async () => {
    expectTags(await twoHeads({threshold: 0.42}).evaluate([outputs, outputs], [tags, oneHot]), 0.42);
    const logits = outputs.map(row => row.map(logitOf));
    const ofLogits = twoHeads({threshold: 0.42}, true);
    expectTags(await ofLogits.evaluate([logits, outputs], [tags, oneHot]), 0.42);
    const net = twoHeads();
    net.compile({
      optimizer: 'sgd',
      loss: {class: 'categoricalCrossentropy', tags: 'binaryCrossentropy'},
      metrics: ['matthews', 'confusionMatrix'],
      weightedMetrics: {tags: ['matthews']},
      warn: false,
    });
    const sampleWeight = [1, 0, 0, 0];
    const logs = await net.evaluate([outputs, outputs], [tags, oneHot], {sampleWeight});
    expectTags(logs, 0.5);
    // [1, 1, 0] for [1, 0, 0]: one right yes, one wrong, one right no.
    expect(logs.weighted_tags_matthews).toBeCloseTo(0.5, 7);
  });

  it('take no threshold where the largest output decides', async () => {
    const net = twoHeads();
    const compile = () =>
      net.compile({
        optimizer: 'sgd',
        loss: ['binaryCrossentropy', 'categoricalCrossentropy'],
        metrics: [metrics.matthews({threshold: 0.3})],
        warn: false,
      });
    const run = async () => {
      compile();
      await net.evaluate([outputs, outputs], [tags, oneHot]);
    };
    await expect(run()).rejects.toThrow(
      /metrics\.matthews: threshold: targets are classes here; the largest/,
    );
  });
});
