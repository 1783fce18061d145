// Counts of decisions, overlaps of classes, and the best of one measure where another holds, by definition.
import {describe, expect, it} from 'vitest';
import {load, metrics} from '../../../lib/index.ts';
import {argMax, build, classes, expectMetric, type Measure, meanOf, over, settings, x} from './measuring.ts';

/** Rows of predictions and targets as yes and no for each class. */
type Decide = (output: number[], unit: number) => boolean;

const counts =
  (
    there: Decide,
    predicted: Decide,
    units: number,
    cell: readonly [there: boolean, predicted: boolean],
  ): Measure =>
  (outputs, targets) => {
    let count = 0;
    outputs.forEach((output, row) => {
      for (let unit = 0; unit < units; unit++) {
        const own = [there(targets[row] as number[], unit), predicted(output, unit)];
        if (own[0] === cell[0] && own[1] === cell[1]) count++;
      }
    });
    return count;
  };
const above =
  (threshold: number): Decide =>
  (output, unit) =>
    (output[unit] as number) > threshold;
const isLargest: Decide = (output, unit) => argMax(output) === unit;
const isLabel: Decide = ([label], unit) => label === unit;

describe('counts of decisions', () => {
  it.each([
    ['truePositives', true, true],
    ['falsePositives', false, true],
    ['trueNegatives', false, false],
    ['falseNegatives', true, false],
  ] as const)('%s', async (kind, isThere, isPredicted) => {
    const cell = [isThere, isPredicted] as const;
    const make = metrics[kind];
    await expectMetric(settings.binary, make(), counts(above(0.5), above(0.5), 1, cell), 12);
    const low = make({threshold: 0.3});
    await expectMetric(settings.multiLabel, low, counts(above(0.5), above(0.3), 3, cell), 12);
    await expectMetric(settings.sparse, make(), counts(isLabel, isLargest, classes, cell), 12);
    const one: Measure = (o, t) =>
      counts(
        target => isLabel(target, 2),
        output => isLargest(output, 2),
        1,
        cell,
      )(o, t);
    await expectMetric(settings.sparse, make({classId: 2}), one, 12);
    expect(() => make({average: 'macro'} as object)).toThrow(/unknown option "average"/);
  });
});

describe('fBeta', () => {
  const table = (there: Decide, predicted: Decide, units: number): [Measure, Measure, Measure] => [
    counts(there, predicted, units, [true, true]),
    counts(there, predicted, units, [false, true]),
    counts(there, predicted, units, [true, false]),
  ];
  it('weighs recall beta² times', async () => {
    for (const beta of [0.5, 1, 2]) {
      const measure: Measure = (o, t) => {
        const [tp, fp, fn] = table(above(0.5), above(0.5), 3).map(of => of(o, t)) as [number, number, number];
        const [precision, recall] = [over(tp, tp + fp), over(tp, tp + fn)];
        return over((1 + beta ** 2) * precision * recall, beta ** 2 * precision + recall);
      };
      await expectMetric(settings.multiLabel, metrics.fBeta({beta, average: 'micro'}), measure, 10);
    }
    const f1: Measure = (o, t) =>
      meanOf(
        [0, 1, 2, 3].map(unit => {
          const own = table(
            target => isLabel(target, unit),
            output => isLargest(output, unit),
            1,
          ).map(of => of(o, t)) as [number, number, number];
          return over(2 * own[0], 2 * own[0] + own[1] + own[2]);
        }),
      );
    await expectMetric(settings.sparse, metrics.fBeta(), f1, 10);
    expect(() => metrics.fBeta({beta: 0})).toThrow(/^metrics\.fBeta: beta: expected a finite number > 0/);
  });
});

/** Of each class what is both, as a share of what is either; classes without anything are left out. */
const overlap =
  (there: Decide, predicted: Decide, chosen: readonly number[]): Measure =>
  (o, t) => {
    const shares = chosen.flatMap(unit => {
      const all = o.map((output, row) => [there(t[row] as number[], unit), predicted(output, unit)]);
      const either = all.filter(([a, b]) => a || b).length;
      return either === 0 ? [] : [all.filter(([a, b]) => a && b).length / either];
    });
    return shares.length === 0 ? 0 : meanOf(shares);
  };
/** Class 0 is no, class 1 is yes. */
const yes =
  (threshold: number): Decide =>
  (output, unit) =>
    Number((output[0] as number) > threshold) === unit;

describe('intersection over union', () => {
  it('of class numbers and of one-hot rows', async () => {
    const all = [0, 1, 2, 3];
    await expectMetric(settings.sparse, metrics.meanIoU(), overlap(isLabel, isLargest, all), 12);
    await expectMetric(settings.categorical, metrics.meanIoU(), overlap(isLargest, isLargest, all), 12);
    const some = metrics.iou({targetClassIds: [1, 3]});
    await expectMetric(settings.sparse, some, overlap(isLabel, isLargest, [1, 3]), 12);
    await expectMetric(settings.categorical, some, overlap(isLargest, isLargest, [1, 3]), 12);
  });

  it('of a single yes or no', async () => {
    await expectMetric(settings.binary, metrics.meanIoU(), overlap(yes(0.5), yes(0.5), [0, 1]), 12);
    const there = metrics.iou({targetClassIds: [1], threshold: 0.3});
    await expectMetric(settings.binary, there, overlap(yes(0.5), yes(0.3), [1]), 12);
  });

  it('refuses classes that are none', async () => {
    expect(() => metrics.iou({targetClassIds: []})).toThrow(/targetClassIds: expected a list of classes/);
    const model = build(settings.binary, [metrics.iou({targetClassIds: [2]})]);
    await expect(model.evaluate(x, settings.binary.y)).rejects.toThrow(/has 2 classes\. Received 2/);
  });
});

const measures = {
  precision: (tp: number, fp: number) => over(tp, tp + fp),
  recall: (tp: number, _: number, fn: number) => over(tp, tp + fn),
  sensitivity: (tp: number, _: number, fn: number) => over(tp, tp + fn),
  specificity: (_: number, fp: number, __: number, tn: number) => over(tn, tn + fp),
};

/** Over all thresholds, straight from the predictions. */
function best(
  pairs: readonly (readonly [number, boolean])[],
  wanted: keyof typeof measures,
  held: keyof typeof measures,
  least: number,
  count: number,
): number {
  let most = 0;
  for (let at = 0; at < count; at++) {
    const cell = (there: boolean, predicted: boolean): number =>
      pairs.filter(([p, own]) => own === there && p > at / (count - 1) === predicted).length;
    const all = [cell(true, true), cell(false, true), cell(true, false), cell(false, false)] as const;
    if (measures[held](...all) >= least) most = Math.max(most, measures[wanted](...all));
  }
  return most;
}

describe('the best of one where another holds', () => {
  const flat = (o: number[][], t: number[][]): [number, boolean][] =>
    o.flatMap((row, at) => row.map((p, unit): [number, boolean] => [p, t[at]?.[unit] === 1]));
  it.each([
    ['precisionAtRecall', 'precision', 'recall'],
    ['recallAtPrecision', 'recall', 'precision'],
    ['sensitivityAtSpecificity', 'sensitivity', 'specificity'],
    ['specificityAtSensitivity', 'specificity', 'sensitivity'],
  ] as const)('%s', async (kind, wanted, held) => {
    const make = metrics[kind] as (options: object) => ReturnType<typeof metrics.auc>;
    for (const least of [0.5, 0.85]) {
      const metric = make({[held]: least, numThresholds: 40});
      const measure: Measure = (o, t) => best(flat(o, t), wanted, held, least, 40);
      await expectMetric(settings.binary, metric, measure, 10);
      await expectMetric(settings.multiLabel, metric, measure, 10);
    }
    const one: Measure = (o, t) =>
      best(
        o.map((row, at): [number, boolean] => [row[2] as number, t[at]?.[0] === 2]),
        wanted,
        held,
        0.6,
        200,
      );
    await expectMetric(settings.sparse, make({[held]: 0.6, classId: 2}), one, 10);
    expect(() => make({[held]: 1.5})).toThrow(new RegExp(`^metrics\\.${kind}: ${held}: .* <= 1`));
    expect(() => make(undefined as unknown as object)).toThrow(/expected an object of options/);
  });

  it('goes into a file', async () => {
    const model = build(settings.binary, [metrics.precisionAtRecall({recall: 0.6}), metrics.iou()]);
    const again = await load(await model.toBytes());
    const [before, after] = [
      await model.evaluate(x, settings.binary.y),
      await again.evaluate(x, settings.binary.y),
    ];
    expect(Object.keys(after)).toEqual(['loss', 'precisionAtRecall', 'iou']);
    expect(after).toEqual(before);
  });
});
