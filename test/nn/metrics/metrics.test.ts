// Metrics of numbers, top-k accuracies and metrics of one's own against their definitions; options refused.
import {describe, expect, it} from 'vitest';
import {type CustomMetric, load, type Metric, metrics, ops, type Tensor} from '../../../lib/index.ts';
import {nested} from '../../support/plain-networks.ts';
import {withFolder} from '../support.ts';
import {
  argMax,
  build,
  expectMetric,
  labels,
  type Measure,
  meanOf,
  reals,
  type Setting,
  settings,
  x,
} from './measuring.ts';

describe('errors of numbers', () => {
  const column = (list: number[][], at: number): number[] => list.map(row => row[at] as number);
  const parts = (o: number[][], t: number[][], at: number) => {
    const mean = meanOf(column(t, at));
    const total = column(t, at).reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const rest = column(o, at).reduce((sum, value, row) => sum + (value - (t[row]?.[at] as number)) ** 2, 0);
    return {total, rest};
  };
  it('r2 of each column, averaged', async () => {
    await expectMetric(
      settings.numbers,
      metrics.r2(),
      (o, t) => meanOf([0, 1].map(at => 1 - parts(o, t, at).rest / parts(o, t, at).total)),
      7,
    );
    const weighted: Measure = (o, t) => {
      const [a, b] = [parts(o, t, 0), parts(o, t, 1)];
      return 1 - (a.rest + b.rest) / (a.total + b.total);
    };
    await expectMetric(
      settings.numbers,
      metrics.r2({classAggregation: 'varianceWeightedAverage'}),
      weighted,
      7,
    );
  });

  const each =
    (formula: (y: number, t: number) => number): Measure =>
    (o, t) =>
      meanOf(o.flatMap((row, at) => row.map((y, unit) => formula(y, t[at]?.[unit] as number))));
  const logOfOneMore = (z: number): number => Math.log(1 + Math.max(z, 1e-7));
  const cases: readonly (readonly [Metric, Measure, Setting])[] = [
    [
      metrics.rootMeanSquaredError(),
      (o, t) => Math.sqrt(each((y, own) => (y - own) ** 2)(o, t)),
      settings.numbers,
    ],
    [
      metrics.meanAbsolutePercentageError(),
      each((y, t) => (100 * Math.abs(y - t)) / Math.abs(t)),
      settings.numbers,
    ],
    [
      metrics.meanSquaredLogarithmicError(),
      each((y, t) => (logOfOneMore(y) - logOfOneMore(t)) ** 2),
      settings.numbers,
    ],
    [metrics.logcosh(), each((y, t) => Math.log(Math.cosh(y - t))), settings.numbers],
    [
      metrics.huber({delta: 2}),
      each((y, t) => {
        const d = Math.abs(y - t);
        return d <= 2 ? d * d * 0.5 : 2 * d - 2;
      }),
      settings.numbers,
    ],
    [metrics.poisson(), each((y, t) => y - t * Math.log(y + 1e-7)), settings.multiLabel],
    [metrics.hinge(), each((y, t) => Math.max(1 - (2 * t - 1) * y, 0)), settings.multiLabel],
    [metrics.squaredHinge(), each((y, t) => Math.max(1 - (2 * t - 1) * y, 0) ** 2), settings.multiLabel],
    [
      metrics.binaryCrossentropy(),
      each((y, t) => -t * Math.log(y) - (1 - t) * Math.log(1 - y)),
      settings.multiLabel,
    ],
    [
      metrics.categoricalCrossentropy(),
      (o, t) => meanOf(o.map((row, at) => -Math.log(row[argMax(t[at] as number[])] as number))),
      settings.categorical,
    ],
    [
      metrics.sparseCategoricalCrossentropy(),
      (o, t) => meanOf(o.map((row, at) => -Math.log(row[t[at]?.[0] as number] as number))),
      settings.sparse,
    ],
    [
      metrics.kullbackLeiblerDivergence(),
      (o, t) =>
        meanOf(
          o.map((row, at) =>
            row.reduce((sum, y, unit) => {
              const own = Math.max(t[at]?.[unit] as number, 1e-7);
              return sum + own * Math.log(own / y);
            }, 0),
          ),
        ),
      settings.categorical,
    ],
    [
      metrics.categoricalHinge(),
      (o, t) =>
        meanOf(
          o.map((row, at) => {
            const own = argMax(t[at] as number[]);
            const wrong = Math.max(0, ...row.filter((_, unit) => unit !== own));
            return Math.max(wrong - (row[own] as number) + 1, 0);
          }),
        ),
      settings.categorical,
    ],
    [
      metrics.cosineSimilarity(),
      (o, t) =>
        meanOf(
          o.map((row, at) => {
            const target = t[at] as number[];
            const dot = row.reduce((sum, y, unit) => sum + y * (target[unit] as number), 0);
            return dot / Math.hypot(...row) / Math.hypot(...target);
          }),
        ),
      settings.numbers,
    ],
  ];
  it.each(cases.map(one => [one[0].kind, one] as const))('%s', async (_, [metric, measure, setting]) => {
    const relative = {...setting};
    const model = build(relative, [metric]);
    const {data: output} = await model.predict(x);
    const wanted = measure(nested(output, setting.units), setting.targets as number[][]);
    const evaluated = (await model.evaluate(x, setting.y))[metric.kind] as number;
    expect(Math.abs(evaluated / wanted - 1)).toBeLessThan(1e-5);
    const {history} = await model.fit(x, setting.y, {batchSize: 10, verbose: 0});
    expect(Math.abs((history[metric.kind]?.[0] as number) / wanted - 1)).toBeLessThan(1e-5);
  });
});

describe('accuracy of the k largest', () => {
  const amongLargest = (row: number[], own: number, k: number): number =>
    Number(row.filter(value => value > (row[own] as number)).length < k);
  it.each([1, 2, 3])('k = %i', async k => {
    const sparse: Measure = (o, t) => meanOf(o.map((row, at) => amongLargest(row, t[at]?.[0] as number, k)));
    const categorical: Measure = (o, t) =>
      meanOf(o.map((row, at) => amongLargest(row, argMax(t[at] as number[]), k)));
    await expectMetric(settings.sparse, metrics.sparseTopKCategoricalAccuracy({k}), sparse, 12);
    await expectMetric(settings.categorical, metrics.topKCategoricalAccuracy({k}), categorical, 12);
  });

  it('is 5 by default', async () => {
    const model = build(settings.sparse, [metrics.sparseTopKCategoricalAccuracy()]);
    expect((await model.evaluate(x, labels)).sparseTopKCategoricalAccuracy).toBe(1);
  });
});

describe('metrics', () => {
  it('of one`s own may keep what they like of each sample', async () => {
    class LargestError implements CustomMetric {
      call(target: Tensor, output: Tensor) {
        return ops.max(ops.abs(ops.sub(output, target)), 1);
      }
      accumulation = {
        size: () => 1,
        add(sums: Float64Array, [errors]: readonly ArrayLike<number>[], count: number) {
          for (let at = 0; at < count; at++) sums[0] = Math.max(sums[0] as number, errors?.[at] as number);
        },
        result: ([largest = 0]: Float64Array) => largest,
      };
    }
    const range = Object.assign(
      function range(_: Tensor, output: Tensor) {
        return [ops.max(output, 1), ops.neg(ops.max(ops.neg(output), 1))];
      },
      {
        accumulation: {
          size: () => 2,
          add(sums: Float64Array, [high, low]: readonly ArrayLike<number>[], count: number) {
            for (let at = 0; at < count; at++) {
              sums[0] = Math.max(sums[0] as number, high?.[at] as number);
              sums[1] = Math.min(sums[1] as number, low?.[at] as number);
            }
          },
          result: ([high = 0, low = 0]: Float64Array) => ({'/high': high, '/low': low}),
        },
      },
    ) as unknown as Metric;
    const model = build(settings.numbers, [new LargestError(), range]);
    const {data: output} = await model.predict(x);
    const errors = [...output].map((y, at) => Math.abs(Math.fround(y - (reals[at] as number))));
    const wanted = {
      LargestError: Math.max(...errors),
      'range/high': Math.max(0, ...output),
      'range/low': Math.min(0, ...output),
    };
    expect(await model.evaluate(x, settings.numbers.y)).toMatchObject(wanted);
    const {history} = await model.fit(x, settings.numbers.y, {batchSize: 9, verbose: 0});
    expect(history).toMatchObject(
      Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, [value]])),
    );
  });

  it('of one`s own come back from a file by customObjects', async () => {
    class WorstError implements CustomMetric {
      call(target: Tensor, output: Tensor) {
        return ops.max(ops.abs(ops.sub(output, target)), 1);
      }
      accumulation = {
        size: () => 1,
        add(sums: Float64Array, [errors]: readonly ArrayLike<number>[], count: number) {
          for (let at = 0; at < count; at++) sums[0] = Math.max(sums[0] as number, errors?.[at] as number);
        },
        result: ([worst = 0]: Float64Array) => worst,
      };
    }
    const model = build(settings.numbers, [
      new WorstError(),
      metrics.r2({classAggregation: 'uniformAverage'}),
    ]);
    await withFolder(async folder => {
      await model.save(`${folder}/model.safetensors`);
      const again = await load(`${folder}/model.safetensors`, {customObjects: {WorstError}});
      const logs = await model.evaluate(x, settings.numbers.y);
      expect(Object.keys(logs)).toEqual(['loss', 'WorstError', 'r2']);
      expect(await again.evaluate(x, settings.numbers.y)).toEqual(logs);
    });
  });

  it('by short names', async () => {
    const model = build(settings.numbers, ['mape', 'msle', 'rmse']);
    expect(Object.keys(await model.evaluate(x, settings.numbers.y))).toEqual([
      'loss',
      'mape',
      'msle',
      'rmse',
    ]);
  });

  it('come back from a file with their options', async () => {
    const {kind, config} = metrics.precision({average: 'macro', classId: 1});
    expect([kind, config]).toEqual(['precision', {average: 'macro', classId: 1}]);
    expect(metrics.auc({curve: 'PR'}).config).toEqual({curve: 'PR'});
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => metrics.precision({threshold: Number.NaN}),
      /metrics.precision: threshold: expected a finite number/,
    ],
    [
      () => metrics.recall({average: 'marco' as never}),
      /average: .* Received "marco". Did you mean "macro"\?/,
    ],
    [() => metrics.f1({classId: -1}), /metrics.f1: classId: expected an integer >= 0/],
    [() => metrics.auc({numThresholds: 1}), /metrics.auc: numThresholds: expected an integer >= 2/],
    [() => metrics.auc({curve: 'roc' as never}), /metrics.auc: curve: .* Did you mean "ROC"\?/],
    [() => metrics.auc({summationMethod: 'middle' as never}), /summationMethod: expected interpolation, /],
    [() => metrics.auc({multiLabel: 1 as never}), /multiLabel: expected true or false/],
    [() => metrics.auc({fromLogits: 1 as never}), /fromLogits: expected true or false/],
    [() => metrics.matthews({threshold: '0' as never}), /metrics.matthews: threshold/],
    [() => metrics.topKCategoricalAccuracy({k: 0}), /topKCategoricalAccuracy: k: expected an integer >= 1/],
    [() => metrics.sparseTopKCategoricalAccuracy({k: 1.5}), /sparseTopKCategoricalAccuracy: k/],
    [() => metrics.r2({classAggregation: 'mean' as never}), /r2: classAggregation: expected uniformAverage/],
    [() => metrics.cosineSimilarity({axis: 1.5}), /metrics.cosineSimilarity: axis: expected an integer/],
    [() => build(settings.sparse, ['presicion']), /unknown metric "presicion". Did you mean "precision"/],
    [
      () => build(settings.sparse, [metrics.recall({threshold: 0.4})]).evaluate(x, labels),
      /metrics.recall: threshold: targets are class labels here; the largest output is the prediction/,
    ],
    [
      () => build(settings.sparse, [metrics.recall({classId: 4})]).evaluate(x, labels),
      /metrics.recall: classId: the output has 4 classes. Received 4/,
    ],
    [
      () => build(settings.sparse, [metrics.r2()]).evaluate(x, labels),
      /r2: the target must be numbers of the output's shape/,
    ],
    [
      () => {
        const accumulation = {size: () => 1, add: () => undefined, result: () => 0};
        const lost = Object.assign(() => ops.ones([3]), {accumulation}) as unknown as Metric;
        return build(settings.sparse, [lost]).evaluate(x, labels);
      },
      /the metric .* must keep something of each sample, \[91,…\] here. Received .*\[3\]/,
    ],
  ];
  it.each(refused)('refuse a wrong option: %#', async (call, text) => {
    await expect(async () => call()).rejects.toThrow(text);
  });
});
