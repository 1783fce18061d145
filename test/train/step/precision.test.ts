// Training in bfloat16: operands of products lose bits, nothing else does.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {readDigits} from '../../../examples/mnist/idx.ts';
import {
  type CompileOptions,
  layers,
  load,
  type Sequential,
  schedules,
  sequential,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

type Precision = NonNullable<CompileOptions['precision']>;

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-precision-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const rows = 45;
const features = 37;
const outputs = 19;
const x = {data: numbers(rows * features, 2), shape: [rows, features]};
const y = {data: numbers(rows * outputs, 5), shape: [rows, outputs]};

/** Odd sizes, so that k is odd in each of the products. */
function build(precision?: Precision, seed = 3): Sequential {
  const model = sequential(
    [
      layers.dense({units: 51, activation: 'tanh', inputShape: [features]}),
      layers.dense({units: 33, activation: 'relu'}),
      layers.dense({units: outputs}),
    ],
    {seed},
  );
  model.compile({optimizer: 'adam', loss: 'meanSquaredError', ...(precision && {precision})});
  return model;
}

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const weightsOf = (model: Sequential): number[][] => model.getWeights().map(({data}) => Array.from(data));

describe('gradients in bfloat16', () => {
  it('are near those of float32, and not the same', async () => {
    const [low, full] = [await build('bfloat16').gradients(x, y), await build().gradients(x, y)];
    expect(Math.abs(low.loss / full.loss - 1)).toBeLessThan(0.01);
    for (const [name, {data}] of Object.entries(full.gradients)) {
      const other = low.gradients[name]?.data as Float32Array;
      const difference = norm(data.map((value, i) => value - (other[i] as number)));
      // Each operand is off by 2⁻⁸ at most, and there are up to five products on the way.
      expect(difference, name).toBeLessThan(10 * 2 ** -8 * norm(data));
      if (name.endsWith('kernel')) expect(difference, name).toBeGreaterThan(0);
    }
  });

  it('of convolutions are near those of float32, and not the same', async () => {
    const images = {data: numbers(6 * 12 * 11 * 16, 3), shape: [6, 12, 11, 16]};
    const targets = {data: numbers(6 * 24, 4), shape: [6, 24]};
    const gradientsIn = async (precision: Precision) => {
      const model = sequential(
        [
          layers.conv2d({filters: 41, kernelSize: 3, activation: 'tanh', inputShape: [12, 11, 16]}),
          layers.conv2d({filters: 32, kernelSize: 2, padding: 'same', strides: [1, 2]}),
          layers.conv2d({filters: 24, kernelSize: 3, padding: 'same'}),
          layers.globalAveragePooling2d(),
        ],
        {seed: 3},
      );
      model.compile({optimizer: 'sgd', loss: 'meanSquaredError', precision});
      return model.gradients(images, targets);
    };
    const [low, full] = [await gradientsIn('bfloat16'), await gradientsIn('float32')];
    for (const [name, {data}] of Object.entries(full.gradients)) {
      const other = low.gradients[name]?.data as Float32Array;
      const difference = norm(data.map((value, i) => value - (other[i] as number)));
      expect(difference, name).toBeLessThan(10 * 2 ** -8 * norm(data));
      if (name.endsWith('kernel')) expect(difference, name).toBeGreaterThan(0);
    }
  });

  it('are those of the training step', async () => {
    const [whole, halves] = [build('bfloat16'), build('bfloat16')];
    await whole.trainOnBatch(x, y);
    const {gradients} = await halves.gradients(x, y, {training: true});
    await halves.applyGradients(gradients);
    expect(weightsOf(halves)).toEqual(weightsOf(whole));
  });
});

describe('a model that trains in bfloat16', () => {
  it('learns, and predicts and evaluates in float32', async () => {
    const [low, full] = [build('bfloat16'), build()];
    const {history} = await low.fit(x, y, {epochs: 40, batchSize: 20});
    expect(history.loss?.at(-1)).toBeLessThan((history.loss?.[0] as number) / 2);
    full.setWeights(low.getWeights());
    expect(await low.predict(x)).toEqual(await full.predict(x));
    expect(await low.evaluate(x, y)).toEqual(await full.evaluate(x, y));
  });

  it('keeps its precision in its file, where it is not the usual one', async () => {
    const file = path.join(folder, 'model.chainrule');
    for (const precision of ['bfloat16', 'float32'] as const) {
      const model = build(precision);
      await model.trainOnBatch(x, y);
      await model.save(file);
      const again = await load(file);
      const [mine, its] = [await model.gradients(x, y), await again.gradients(x, y)];
      expect(its).toEqual(mine);
    }
  });

  // A relu that is off hides from the loss that the largest float32 is no bfloat16: infinity times zero.
  it('stops before a gradient that is not finite, and names it', async () => {
    const large = {...x, data: x.data.slice()};
    large.data[0] = 3.4e38;
    const deaf = (precision: Precision): Sequential => {
      const model = sequential([
        layers.dense({units: 32, activation: 'relu', inputShape: [features]}),
        layers.dense({units: outputs}),
      ]);
      model.compile({optimizer: 'sgd', loss: 'meanSquaredError', precision});
      const weights = model.getWeights();
      weights[0]?.data.fill(-0.1, 0, 32);
      model.setWeights(weights);
      return model;
    };
    const model = deaf('bfloat16');
    const before = weightsOf(model);
    const failure = model.fit(large, y, {batchSize: rows, epochs: 1, shuffle: false});
    await expect(failure).rejects.toMatchObject({code: 'ERR_NOT_FINITE'});
    await expect(failure).rejects.toThrow('dense/kernel');
    expect(weightsOf(model)).toEqual(before);
    await deaf('float32').fit(large, y, {batchSize: rows, epochs: 1, shuffle: false});
  });

  it('refuses another precision, with the nearest', () => {
    const call = (precision: unknown) => () => build(precision as Precision);
    expect(call('bfloat61')).toThrow('unknown precision "bfloat61". Did you mean "bfloat16"?');
    expect(call('float16')).toThrow('Known: float32, bfloat16.');
  });
});

describe('handwritten digits', () => {
  const {train, test} = readDigits();
  const images = (bytes: Uint8Array) => ({data: bytes, shape: [bytes.length / 784, 784], scale: 1 / 255});

  async function accuracyOf(precision: Precision): Promise<number> {
    const epochs = 2;
    const model = sequential(
      [
        layers.dense({units: 128, activation: 'relu', kernelInitializer: 'heUniform', inputShape: [784]}),
        layers.dense({units: 10, activation: 'softmax'}),
      ],
      {seed: 1},
    );
    model.compile({
      optimizer: 'adam',
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
      precision,
    });
    const decaySteps = epochs * Math.ceil(train.labels.length / 128);
    model.optimizer.learningRate = schedules.cosineDecay({initialLearningRate: 0.002, decaySteps});
    await model.fit(images(train.images), train.labels, {epochs, batchSize: 128, seed: 1});
    return (await model.evaluate(images(test.images), test.labels)).accuracy as number;
  }

  it('are told apart as well as in float32: within 0.2 points of 96 %', {timeout: 120_000}, async () => {
    const [low, full] = [await accuracyOf('bfloat16'), await accuracyOf('float32')];
    expect(full).toBeGreaterThan(0.955);
    expect(Math.abs(low - full)).toBeLessThanOrEqual(0.002);
  });
});
