// A layer of the user's own makes a mask; losses and metrics are then over the positions that count, as in
// Keras: Σ loss · mask · weight / Σ mask, over an epoch as well, and in a model that was saved and loaded.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, afterEach, describe, expect, it, vi} from 'vitest';
import {
  type CallContext,
  input,
  Layer,
  layers,
  load,
  type Model,
  model,
  ops,
  optimizers,
  sequential,
  type Tensor,
} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

/** Steps of a sequence that hold nothing but 0 do not count. */
class Masking extends Layer {
  override readonly supportsMasking = true;
  get config() {
    return {};
  }
  override build() {
    return (x: Tensor) => ops.mul(x, 1);
  }
  override computeMask([x]: readonly Tensor[]) {
    return ops.any(ops.notEqual(x as Tensor, 0), -1);
  }
}

/** The mean over the steps that count, after which there is no mask any more. */
class MeanOverSteps extends Layer {
  override readonly supportsMasking = true;
  get config() {
    return {};
  }
  override build() {
    return (x: Tensor, {mask}: CallContext) => {
      if (!mask) return ops.mean(x, 1);
      const weights = ops.cast(mask, 'float32');
      return ops.div(ops.sum(ops.mul(x, ops.expandDims(weights, -1)), 1), ops.sum(weights, 1, true));
    };
  }
  override computeMask() {
    return undefined;
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-masks-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));
afterEach(() => vi.restoreAllMocks());

const [rows, steps, features] = [7, 5, 3];
const lengths = [5, 2, 1, 4, 3, 5, 2];
const counts = (row: number, step: number): boolean => step < (lengths[row] as number);
const all = Array.from({length: rows}, (_, row) =>
  Array.from({length: steps}, (_, step) => [row, step] as const),
).flat();
const counted = all.filter(([row, step]) => counts(row, step));

const x = {data: numbers(rows * steps * features, 1), shape: [rows, steps, features]};
for (const [row, step] of all) {
  if (!counts(row, step))
    x.data.fill(0, (row * steps + step) * features, (row * steps + step + 1) * features);
}
const y = {data: numbers(rows * steps * 2, 2), shape: [rows, steps, 2]};
const labels = {data: Int32Array.from({length: rows * steps}, (_, at) => (at * 7) % 2), shape: [rows, steps]};

const regression = (...last: Layer[]): Model =>
  sequential([
    new Masking({inputShape: [steps, features]}),
    layers.dense({units: 4, activation: 'tanh'}),
    layers.dropout({rate: 0}),
    layers.dense({units: 2}),
    ...last,
  ]);

/** The mean over the positions that count, or of what `weight` says they count for. */
function meanOf(
  value: (row: number, step: number) => number,
  weight: (row: number) => number = () => 1,
): number {
  const sum = counted.reduce((total, [row, step]) => total + value(row, step) * weight(row), 0);
  return sum / counted.length;
}

async function outputOf(net: Model): Promise<(row: number, step: number, unit: number) => number> {
  const {data} = (await net.predict(x)) as {data: Float32Array};
  return (row, step, unit) => data[(row * steps + step) * 2 + unit] as number;
}

const difference = (output: (row: number, step: number, unit: number) => number, row: number, step: number) =>
  [0, 1].map(unit => output(row, step, unit) - (y.data[(row * steps + step) * 2 + unit] as number));

describe('a mask reaches losses and metrics', () => {
  it('whose means are over what counts, with sample weights and over batches', async () => {
    const net = regression();
    net.compile({loss: 'mse', metrics: ['mae'], weightedMetrics: ['mse'], optimizer: 'sgd'});
    const output = await outputOf(net);
    const squared = (row: number, step: number) =>
      difference(output, row, step).reduce((sum, d) => sum + d * d, 0) / 2;
    const absolute = (row: number, step: number) =>
      difference(output, row, step).reduce((sum, d) => sum + Math.abs(d), 0) / 2;
    const logs = await net.evaluate(x, y);
    expect(logs.loss).toBeCloseTo(meanOf(squared), 5);
    expect(logs.mae).toBeCloseTo(meanOf(absolute), 5);
    net.compile({
      loss: 'mse',
      metrics: ['mae'],
      weightedMetrics: ['mse'],
      optimizer: optimizers.sgd({learningRate: 0}),
    });
    const {history} = await net.fit(x, y, {epochs: 1, batchSize: 3, verbose: 0});
    expect(history.loss?.[0]).toBeCloseTo(logs.loss as number, 5);
    expect(history.mae?.[0]).toBeCloseTo(logs.mae as number, 5);
    const weights = Float32Array.from({length: rows}, (_, row) => 0.5 + row);
    const weighted = await net.evaluate(x, y, {sampleWeight: weights});
    const weight = (row: number) => weights[row] as number;
    expect(weighted.loss).toBeCloseTo(meanOf(squared, weight), 4);
    const total = meanOf(() => 1, weight);
    expect(weighted.mse).toBeCloseTo(meanOf(squared, weight) / total, 4);
    expect(weighted.mae).toBeCloseTo(meanOf(absolute), 5);
  });

  it('and training, which does not see the targets of what does not count', async () => {
    const elsewhere = {...y, data: y.data.slice()};
    for (const [row, step] of all) if (!counts(row, step)) elsewhere.data[(row * steps + step) * 2] = 1e6;
    const [one, other] = [regression(), regression()];
    for (const [net, targets] of [
      [one, y],
      [other, elsewhere],
    ] as const) {
      net.compile({loss: 'mse', optimizer: 'adam'});
      const before = (await net.evaluate(x, targets)).loss as number;
      const {history} = await net.fit(x, targets, {epochs: 20, batchSize: 3, verbose: 0});
      expect(history.loss?.at(-1)).toBeLessThan(before);
    }
    const weights = one.getWeights().map(({data}) => [...data]);
    expect(other.getWeights().map(({data}) => [...data])).toEqual(weights);
  });

  it('of class labels, with ignored ones and from logits alike', async () => {
    for (const ignoreClass of [undefined, 1]) {
      const net = regression(layers.activation({activation: 'softmax'}));
      const loss = {
        kind: 'sparseCategoricalCrossentropy',
        config: {...(ignoreClass !== undefined && {ignoreClass})},
      };
      net.compile({
        loss: {kind: loss.kind, ...loss.config} as never,
        metrics: ['accuracy'],
        optimizer: 'sgd',
      });
      const output = await outputOf(net);
      const label = (row: number, step: number) => labels.data[row * steps + step] as number;
      const seen = counted.filter(([row, step]) => label(row, step) !== ignoreClass);
      const mean = (value: (row: number, step: number) => number) =>
        seen.reduce((sum, [row, step]) => sum + value(row, step), 0) / seen.length;
      const logs = await net.evaluate(x, labels);
      expect(logs.loss).toBeCloseTo(
        mean((row, step) => -Math.log(output(row, step, label(row, step)))),
        5,
      );
      const right = (row: number, step: number) =>
        Number(output(row, step, 1) > output(row, step, 0)) === label(row, step) ? 1 : 0;
      expect(logs.accuracy).toBeCloseTo(mean(right), 6);
    }
  });

  it('in a model that was saved and loaded, and in one that is a layer of another', async () => {
    const net = regression();
    net.compile({loss: 'mse', metrics: ['mae'], optimizer: 'adam'});
    await net.fit(x, y, {epochs: 2, batchSize: 3, verbose: 0});
    const logs = await net.evaluate(x, y);
    const file = path.join(folder, 'masked.chainrule');
    await net.save(file);
    const loaded = await load(file, {customObjects: {Masking}});
    expect(await loaded.evaluate(x, y)).toEqual(logs);
    const start = input({shape: [steps, features]});
    const outer = model({inputs: start, outputs: net.apply(start)});
    outer.compile({loss: 'mse', metrics: ['mae'], optimizer: 'adam'});
    expect(await outer.evaluate(x, y)).toEqual(logs);
  });
});

describe('a layer', () => {
  it('gets the mask of its input, and may end it', async () => {
    const net = sequential([new Masking({inputShape: [steps, features]}), new MeanOverSteps()]);
    const {data} = (await net.predict(x)) as {data: Float32Array};
    const mean = (row: number, feature: number) => {
      const own = lengths[row] as number;
      const values = Array.from(
        {length: own},
        (_, step) => x.data[(row * steps + step) * features + feature] as number,
      );
      return values.reduce((sum, value) => sum + value, 0) / own;
    };
    data.forEach((value, at) => {
      expect(value).toBeCloseTo(mean(Math.floor(at / features), at % features), 5);
    });
  });

  it('that does not support masking ends the mask with a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const net = regression(layers.flatten());
    expect(warned.mock.calls.map(([text, options]) => [text, (options as {code: string}).code])).toEqual([
      [
        'flatten gets a mask but does not support masking: what follows does not see the mask.',
        'CHAINRULE_MASK',
      ],
    ]);
    const flat = {data: y.data, shape: [rows, steps * 2]};
    net.compile({loss: 'mse', optimizer: 'sgd'});
    const {data} = (await net.predict(x)) as {data: Float32Array};
    const plain =
      data.reduce((sum, value, at) => sum + (value - (y.data[at] as number)) ** 2, 0) / data.length;
    expect((await net.evaluate(x, flat)).loss).toBeCloseTo(plain, 5);
  });

  it('whose mask does not fit its output is refused', () => {
    class Wrong extends Masking {
      override computeMask([x]: readonly Tensor[]) {
        return ops.notEqual(ops.slice(x as Tensor, 1, 0, 2), 0);
      }
    }
    expect(() => sequential([new Wrong({inputShape: [steps, features]})])).toThrow(
      /Wrong: computeMask: expected a bool mask of the first axes of \[2,5,3\]\. Received/,
    );
  });
});

describe('layers of several inputs', () => {
  const masked = () => {
    const [a, b] = [input({shape: [steps, features]}), input({shape: [steps, features]})];
    return {a, b, left: new Masking().apply(a), right: new Masking().apply(b)};
  };
  const zeros = {data: new Float32Array(x.data.length), shape: x.shape};
  const evaluate = async (net: Model): Promise<number> => {
    net.compile({loss: 'mse', optimizer: 'sgd'});
    const width = net.outputShape[1] as number;
    const target = {data: new Float32Array(rows * steps * width), shape: [rows, steps, width]};
    return (await net.evaluate([x, zeros], target)).loss as number;
  };
  const squares = counted.reduce((sum, [row, step]) => {
    const own = x.data.subarray((row * steps + step) * features, (row * steps + step + 1) * features);
    return sum + own.reduce((total, value) => total + value * value, 0);
  }, 0);

  it('have a position count where it does in any: add, concatenate', async () => {
    const {a, b, left, right} = masked();
    const added = model({inputs: [a, b], outputs: layers.add().apply([left, right])});
    expect(await evaluate(added)).toBeCloseTo(squares / (counted.length * features), 5);
    const joined = model({inputs: [a, b], outputs: layers.concatenate().apply([left, right])});
    expect(await evaluate(joined)).toBeCloseTo(squares / (counted.length * 2 * features), 5);
  });

  it('where one has no mask, have none, or count everywhere', async () => {
    const {a, b, left} = masked();
    const added = model({inputs: [a, b], outputs: layers.add().apply([left, b])});
    expect(await evaluate(added)).toBeCloseTo(squares / (all.length * features), 5);
    const joined = model({inputs: [a, b], outputs: layers.concatenate().apply([left, b])});
    expect(await evaluate(joined)).toBeCloseTo(squares / (all.length * 2 * features), 5);
  });
});

it('statistics of a batch are over what counts', async () => {
  const net = sequential([
    new Masking({inputShape: [steps, features]}),
    layers.batchNormalization({momentum: 0, epsilon: 1e-5}),
  ]);
  net.compile({loss: 'mse', optimizer: optimizers.sgd({learningRate: 0})});
  await net.fit(x, x, {epochs: 1, batchSize: rows, verbose: 0});
  const [mean, variance] = net
    .getWeights()
    .slice(-2)
    .map(({data}) => [...data]) as [number[], number[]];
  for (let feature = 0; feature < features; feature++) {
    const values = counted.map(([row, step]) => x.data[(row * steps + step) * features + feature] as number);
    const center = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean[feature]).toBeCloseTo(center, 4);
    const spread = values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length;
    expect(variance[feature]).toBeCloseTo(spread, 4);
  }
});
