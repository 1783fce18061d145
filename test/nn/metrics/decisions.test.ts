// Metrics of right and wrong decisions against their definitions.
import {describe, expect, it} from 'vitest';
import {callbacks, losses, metrics} from '../../../lib/index.ts';
import {nested} from '../../support/plain-networks.ts';
import {
  argMax,
  bits,
  build,
  classes,
  expectMetric,
  type Measure,
  meanOf,
  over,
  rows,
  settings,
  x,
} from './measuring.ts';

/** Of each class: [tp, fp, fn, tn] by what says whether it was there and whether it was predicted. */
function tables(
  outputs: number[][],
  targets: number[][],
  count: number,
  there: (target: number[], unit: number) => boolean,
  predicted: (output: number[], unit: number) => boolean,
): number[][] {
  return Array.from({length: count}, (_, unit) => {
    const table = [0, 0, 0, 0];
    outputs.forEach((output, row) => {
      const [t, p] = [there(targets[row] as number[], unit), predicted(output, unit)];
      const cell = t ? (p ? 0 : 2) : p ? 1 : 3;
      table[cell] = (table[cell] as number) + 1;
    });
    return table;
  });
}

const formulas = {
  precision: ([tp = 0, fp = 0]: number[]) => over(tp, tp + fp),
  recall: ([tp = 0, , fn = 0]: number[]) => over(tp, tp + fn),
  specificity: ([, fp = 0, , tn = 0]: number[]) => over(tn, tn + fp),
  f1: ([tp = 0, fp = 0, fn = 0]: number[]) => over(2 * tp, 2 * tp + fp + fn),
};
const averages = {
  micro: (all: number[][], formula: (table: number[]) => number) =>
    formula([0, 1, 2, 3].map(cell => all.reduce((sum, table) => sum + (table[cell] as number), 0))),
  macro: (all: number[][], formula: (table: number[]) => number) => meanOf(all.map(formula)),
  weighted(all: number[][], formula: (table: number[]) => number) {
    const support = all.map(([tp = 0, , fn = 0]) => tp + fn);
    const total = support.reduce((a, b) => a + b, 0);
    return all.reduce((sum, table, at) => sum + (support[at] as number) * formula(table), 0) / total;
  },
};

const ways = {
  sparse: (o: number[][], t: number[][]) =>
    tables(
      o,
      t,
      classes,
      ([label], unit) => label === unit,
      (p, unit) => argMax(p) === unit,
    ),
  largest: (o: number[][], t: number[][]) =>
    tables(
      o,
      t,
      classes,
      (target, unit) => argMax(target) === unit,
      (p, unit) => argMax(p) === unit,
    ),
  threshold: (count: number, threshold: number) => (o: number[][], t: number[][]) =>
    tables(
      o,
      t,
      count,
      (target, unit) => target[unit] === 1,
      (p, unit) => (p[unit] as number) > threshold,
    ),
};

describe.each(Object.keys(formulas) as (keyof typeof formulas)[])('%s', kind => {
  const formula = formulas[kind];
  const make = metrics[kind];
  it.each(Object.keys(averages) as (keyof typeof averages)[])('%s', async average => {
    const by =
      (way: (o: number[][], t: number[][]) => number[][]): Measure =>
      (o, t) =>
        averages[average](way(o, t), formula);
    await expectMetric(settings.sparse, make({average}), by(ways.sparse), 12);
    await expectMetric(settings.binary, make({average}), by(ways.threshold(1, 0.5)), 12);
    await expectMetric(settings.multiLabel, make({average, threshold: 0.3}), by(ways.threshold(3, 0.3)), 12);
    const categorical = kind === 'f1' ? ways.largest : ways.threshold(classes, 0.5);
    await expectMetric(settings.categorical, make({average}), by(categorical), 12);
  });

  it('of one class, and by default', async () => {
    const one: Measure = (o, t) => formula(ways.sparse(o, t)[2] as number[]);
    await expectMetric(settings.sparse, make({classId: 2}), one, 12);
    const average = kind === 'f1' ? averages.macro : averages.micro;
    await expectMetric(settings.sparse, make(), (o, t) => average(ways.sparse(o, t), formula), 12);
  });
});

/** The definition: for each threshold the share of those above it, straight from the predictions. */
function auc(
  pairs: readonly (readonly [number, boolean])[],
  {curve = 'ROC', summation = 'interpolation', count = 200} = {},
): number {
  const thresholds = Array.from({length: count}, (_, at) =>
    at === 0 ? -1e-7 : at === count - 1 ? 1 + 1e-7 : at / (count - 1),
  );
  const above = (threshold: number, there: boolean): number =>
    pairs.filter(([p, own]) => own === there && p > threshold).length;
  const tp = thresholds.map(threshold => above(threshold, true));
  const fp = thresholds.map(threshold => above(threshold, false));
  const positives = pairs.filter(([, there]) => there).length;
  const negatives = pairs.length - positives;
  let area = 0;
  for (let at = 0; at + 1 < count; at++) {
    const [t0, t1, f0, f1] = [tp[at], tp[at + 1], fp[at], fp[at + 1]] as [number, number, number, number];
    if (curve === 'PR' && summation === 'interpolation') {
      const [all0, all1] = [t0 + f0, t1 + f1];
      const slope = over(t0 - t1, all0 - all1);
      const growth = all0 > 0 && all1 > 0 ? Math.log(all0 / all1) : 0;
      area += over(slope * (t0 - t1 + (t1 - slope * all1) * growth), positives);
      continue;
    }
    const [x0, x1] =
      curve === 'ROC' ? [over(f0, negatives), over(f1, negatives)] : [t0 / positives, t1 / positives];
    const [y0, y1] =
      curve === 'ROC' ? [over(t0, positives), over(t1, positives)] : [over(t0, t0 + f0), over(t1, t1 + f1)];
    const height = {interpolation: (y0 + y1) / 2, minoring: Math.min(y0, y1), majoring: Math.max(y0, y1)};
    area += (x0 - x1) * height[summation as 'minoring'];
  }
  return area;
}

describe('auc', () => {
  const flat = (o: number[][], t: number[][]): [number, boolean][] =>
    o.flatMap((row, at) => row.map((p, unit): [number, boolean] => [p, t[at]?.[unit] === 1]));
  it.each(['ROC', 'PR'] as const)('of %s, by each summation', async curve => {
    for (const summationMethod of ['interpolation', 'minoring', 'majoring'] as const) {
      const metric = metrics.auc({curve, summationMethod, numThresholds: 50});
      const measure: Measure = (o, t) => auc(flat(o, t), {curve, summation: summationMethod, count: 50});
      await expectMetric(settings.binary, metric, measure, 10);
    }
    await expectMetric(settings.multiLabel, metrics.auc({curve}), (o, t) => auc(flat(o, t), {curve}), 10);
  });

  it('of each label, of class labels, of logits', async () => {
    const ofUnit = (o: number[][], t: number[][], unit: number): number =>
      auc(o.map((row, at): [number, boolean] => [row[unit] as number, t[at]?.[unit] === 1]));
    const eachLabel: Measure = (o, t) => meanOf([0, 1, 2].map(unit => ofUnit(o, t, unit)));
    await expectMetric(settings.multiLabel, metrics.auc({multiLabel: true}), eachLabel, 10);
    const ofClass: Measure = (o, t) =>
      auc(o.flatMap((row, at) => row.map((p, unit): [number, boolean] => [p, t[at]?.[0] === unit])));
    await expectMetric(settings.sparse, metrics.auc(), ofClass, 10);
    const logits = {
      ...settings.binary,
      last: 'linear' as const,
      loss: losses.binaryCrossentropy({fromLogits: true}),
    };
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    const ofLogits: Measure = (o, t) =>
      auc(
        flat(
          o.map(row => row.map(sigmoid)),
          t,
        ),
      );
    await expectMetric(logits, metrics.auc({fromLogits: true}), ofLogits, 3);
  });

  it('is near the share of pairs in the right order', async () => {
    const model = build(settings.binary, [metrics.auc({numThresholds: 2000})]);
    const {data: output} = await model.predict(x);
    let [right, all] = [0, 0];
    for (const [i, p] of output.entries()) {
      for (const [k, q] of output.entries()) {
        if (bits[i] !== 1 || bits[k] !== 0) continue;
        right += p > q ? 1 : p === q ? 0.5 : 0;
        all++;
      }
    }
    expect((await model.evaluate(x, bits)).auc).toBeCloseTo(right / all, 2);
  });
});

/** [true class][predicted class]. */
function matrixOf(o: number[][], t: number[][], count: number): number[][] {
  const matrix = Array.from({length: count}, () => new Array<number>(count).fill(0));
  o.forEach((row, at) => {
    const target = t[at] as number[];
    const label = target.length > 1 ? argMax(target) : (target[0] as number);
    const prediction = row.length > 1 ? argMax(row) : Number((row[0] as number) > 0.5);
    const line = matrix[label] as number[];
    line[prediction] = (line[prediction] as number) + 1;
  });
  return matrix;
}

describe('confusionMatrix and matthews', () => {
  /** As the correlation of one-hot truths and predictions (Gorodkin 2004), not by the formula of counts. */
  const correlation =
    (count: number): Measure =>
    (o, t) => {
      const pairs = matrixOf(o, t, count).flatMap((line, label) =>
        line.flatMap((cell, prediction) => new Array<[number, number]>(cell).fill([label, prediction])),
      );
      const covariance = (a: 0 | 1, b: 0 | 1): number => {
        let sum = 0;
        for (let unit = 0; unit < count; unit++) {
          const [first, second] = [a, b].map(side => pairs.map(pair => Number(pair[side as 0] === unit)));
          const [meanA, meanB] = [meanOf(first as number[]), meanOf(second as number[])];
          sum += meanOf(
            (first as number[]).map((value, at) => (value - meanA) * ((second?.[at] as number) - meanB)),
          );
        }
        return sum;
      };
      return over(covariance(0, 1), Math.sqrt(covariance(0, 0) * covariance(1, 1)));
    };

  it.each([
    ['sparse', classes],
    ['categorical', classes],
    ['binary', 2],
  ] as const)('of %s targets', async (name, count) => {
    const setting = settings[name];
    await expectMetric(setting, metrics.matthews(), correlation(count), 10);
    const model = build(setting, [metrics.confusionMatrix(), metrics.accuracy()]);
    const {data: output} = await model.predict(x);
    const wanted = matrixOf(nested(output, setting.units), setting.targets as unknown as number[][], count);
    const evaluated = await model.evaluate(x, setting.y);
    const {history} = await model.fit(x, setting.y, {batchSize: 8, verbose: 0});
    for (const [label, line] of wanted.entries()) {
      for (const [prediction, cell] of line.entries()) {
        expect(evaluated[`confusionMatrix[${label}][${prediction}]`]).toBe(cell);
        expect(history[`confusionMatrix[${label}][${prediction}]`]).toEqual([cell]);
      }
    }
    let text = '';
    await model.fit(x, setting.y, {
      verbose: 0,
      callbacks: callbacks.progress({bar: false, stream: {write: part => (text += part)}}),
    });
    expect(text).toMatch(/accuracy/);
    expect(text).not.toMatch(/confusionMatrix/);
    const right = wanted.reduce((sum, line, at) => sum + (line[at] as number), 0);
    expect(evaluated.accuracy).toBeCloseTo(right / rows, 12);
  });
});
