// What a user can write: every call of a model, and what training promises.
import {describe, expect, it} from 'vitest';
import {
  activations,
  callbacks,
  constraints,
  data,
  initializers,
  type Logs,
  layers,
  losses,
  metrics,
  ops,
  optimizers,
  regularizers,
  type Sequential,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {build, quiet, rows, weightsOf, x, y} from './small-model.ts';

const firstOf = (model: Sequential) => model.getWeights()[0]?.data ?? new Float32Array(0);
const rowOf = (index: number) => x.data.slice(index * 6, index * 6 + 6);

describe('the namespaces', () => {
  it('are all there, and a string stands for the defaults', () => {
    for (const space of [layers, activations, losses, metrics, optimizers, schedules, initializers]) {
      expect(Object.keys(space).length).toBeGreaterThan(0);
    }
    for (const space of [regularizers, constraints, callbacks, data, ops]) {
      expect(Object.keys(space).length).toBeGreaterThan(0);
    }
    const named = layers.dense({
      units: 2,
      activation: 'tanh',
      kernelInitializer: 'heNormal',
      inputShape: [3],
    });
    const made = layers.dense({
      units: 2,
      activation: activations.tanh(),
      kernelInitializer: initializers.heNormal(),
      inputShape: [3],
    });
    const weights = [named, made].map(layer => weightsOf(sequential([layer], {seed: 3})));
    expect(weights[0]).toEqual(weights[1]);
  });
});

describe('data', () => {
  it('means the same in every form', async () => {
    const nested = Array.from({length: rows}, (_, row) => [...rowOf(row)]);
    const forms = [
      [x, y],
      [x.data, Int32Array.from(y)],
      [nested, [...y]],
      [
        {data: Float32Array.from(x.data), shape: x.shape},
        {data: y, shape: [rows]},
      ],
    ] as const;
    const results: number[][][] = [];
    for (const [inputs, labels] of forms) {
      const model = build();
      await model.fit(inputs as typeof x, labels as typeof y, {...quiet, epochs: 2, seed: 5});
      results.push(weightsOf(model));
    }
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  });

  it('of bytes is scaled as it is read', async () => {
    const bytes = Uint8Array.from({length: rows * 6}, (_, i) => (i * 13) % 256);
    const scale = 1 / 256; // a power of two: scaling is exact
    const floats = {data: Float32Array.from(bytes, byte => byte * scale), shape: x.shape};
    const [one, other] = [build(), build()];
    await one.fit({data: bytes, shape: x.shape, scale}, y, {...quiet, epochs: 2});
    await other.fit(floats, y, {...quiet, epochs: 2});
    expect(weightsOf(one)).toEqual(weightsOf(other));
  });
});

describe('predict', () => {
  it('gives a row the same bits in any batch, on either thread; the shape says what was asked', async () => {
    const model = build();
    const all = await model.predict(x);
    expect(all.shape).toEqual([rows, 4]);
    expect(model.predictSync(x)).toEqual(all);
    for (const count of [1, 7, 8, 9, 33]) {
      const some = await model.predict({data: x.data.subarray(0, count * 6), shape: [count, 6]});
      expect(some.shape).toEqual([count, 4]);
      expect([...some.data]).toEqual([...all.data.subarray(0, count * 4)]);
    }
    const single = model.predictSync(rowOf(3));
    expect(single.shape).toEqual([4]);
    expect([...single.data]).toEqual([...all.data.subarray(12, 16)]);
    expect(single.data.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
  });

  it('leaves dropout out, which training does not', async () => {
    const model = sequential([layers.dropout({rate: 0.5, inputShape: [6]}), layers.dense({units: 4})], {
      seed: 2,
    });
    expect((await model.predict(x)).data).toEqual((await model.predict(x)).data);
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss: 'meanSquaredError'});
    const targets = {data: new Float32Array(rows * 4), shape: [rows, 4]};
    const {history} = await model.fit(x, targets, {...quiet, epochs: 2});
    expect(history.loss?.[0]).not.toBe(history.loss?.[1]);
    const {loss} = await model.evaluate(x, targets);
    expect(loss).toBe((await model.evaluate(x, targets)).loss);
  });
});

describe('gradients', () => {
  it('are the slopes of the loss, by the name of the parameter', async () => {
    const model = build();
    const {loss, gradients} = await model.gradients(x, y);
    expect(loss).toBeCloseTo((await model.evaluate(x, y)).loss as number, 5);
    expect(Object.keys(gradients)).toEqual(model.getWeights().map(({name}) => name));
    const step = 1e-2;
    for (const {name, data: values} of model.getWeights()) {
      for (const index of [0, values.length - 1]) {
        const at = async (change: number) => {
          const weights = model.getWeights();
          const own = weights.find(weight => weight.name === name) as {data: Float32Array};
          own.data[index] = (own.data[index] as number) + change;
          const moved = build();
          moved.setWeights(weights);
          return (await moved.evaluate(x, y)).loss as number;
        };
        const slope = ((await at(step)) - (await at(-step))) / (2 * step);
        expect(gradients[name]?.data[index]).toBeCloseTo(slope, 3);
      }
    }
  });
});

describe('weights', () => {
  it('are copies from getWeights and live in parameters', async () => {
    const model = build();
    const copy = model.getWeights()[0] as {name: string; shape: readonly number[]; data: Float32Array};
    const live = model.parameters[0] as {data: Float32Array};
    expect([copy.name, copy.shape]).toEqual(['dense/kernel', [6, 12]]);
    const before = [...live.data];
    copy.data.fill(9);
    expect([...live.data]).toEqual(before);
    await model.fit(x, y, quiet);
    expect([...live.data]).not.toEqual(before);
    const other = build({}, 8);
    other.setWeights(model.getWeights());
    expect(other.predictSync(x)).toEqual(model.predictSync(x));
  });

  it('are summed up in a table', () => {
    const text = build().summary({print: () => {}});
    expect(text).toMatch(/dense +\[batch,12\] +84/);
    expect(text).toMatch(/136 parameters/);
  });
});

describe('fit', () => {
  it('counts each sample once in the mean of an epoch, the short last batch included', async () => {
    const frozen = {optimizer: optimizers.sgd({learningRate: 0})};
    const model = build({...frozen, metrics: ['accuracy', 'sparseCategoricalAccuracy']});
    const probabilities = model.predictSync(x).data;
    let [sum, right] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const own = probabilities.subarray(row * 4, row * 4 + 4);
      sum -= Math.log(own[y[row] as number] as number);
      right += Number(own.indexOf(Math.max(...own)) === y[row]);
    }
    const {history} = await model.fit(x, y, quiet); // 16 + 16 + 16 + 2
    expect(history.loss?.[0]).toBeCloseTo(sum / rows, 5);
    expect(history.accuracy?.[0]).toBe(right / rows);
    expect(history.sparseCategoricalAccuracy?.[0]).toBe(right / rows);
    expect(await model.evaluate(x, y)).toMatchObject({accuracy: right / rows});
  });

  it('is decided by its seed alone', async () => {
    const train = async (seed: number, modelSeed = 1) => {
      const model = build({}, modelSeed);
      await model.fit(x, y, {...quiet, epochs: 2, seed});
      return weightsOf(model);
    };
    expect(await train(3)).toEqual(await train(3));
    expect(await train(3)).not.toEqual(await train(4));
    expect(await train(3, 2)).not.toEqual(await train(3));
  });

  it('holds rows back for validation, or takes others', async () => {
    const model = build();
    const {history} = await model.fit(x, y, {...quiet, epochs: 2, validationSplit: 0.2});
    expect(Object.keys(history).sort()).toEqual(['accuracy', 'loss', 'val_accuracy', 'val_loss']);
    const last = {data: x.data.subarray(40 * 6), shape: [10, 6]};
    expect((await model.evaluate(last, y.subarray(40))).loss).toBe(history.val_loss?.[1]);
    const other = await build().fit(x, y, {...quiet, validationData: [last, y.subarray(40)]});
    expect(other.history.val_loss?.length).toBe(1);
  });

  it('calls back in order, with means so far', async () => {
    const calls: string[] = [];
    const losses: number[] = [];
    const model = build();
    const {history} = await model.fit(x, y, {
      ...quiet,
      epochs: 2,
      callbacks: {
        onTrainBegin: () => void calls.push('train'),
        onEpochBegin: epoch => void calls.push(`epoch ${epoch}`),
        onBatchBegin: batch => void calls.push(`batch ${batch}`),
        onBatchEnd: (batch, logs) => {
          calls.push(`end ${batch}`);
          losses.push((logs as Logs).loss as number);
        },
        onEpochEnd: epoch => void calls.push(`epoch end ${epoch}`),
        onTrainEnd: () => void calls.push('train end'),
      },
    });
    const batches = [0, 1, 2, 3].flatMap(batch => [`batch ${batch}`, `end ${batch}`]);
    const epochs = [0, 1].flatMap(epoch => [`epoch ${epoch}`, ...batches, `epoch end ${epoch}`]);
    expect(calls).toEqual(['train', ...epochs, 'train end']);
    expect(losses[3]).toBe(history.loss?.[0]);
  });

  it('stops early, and gives back the best weights', async () => {
    const model = build({optimizer: optimizers.sgd({learningRate: 3})});
    const seen: number[][][] = [];
    const stopping = callbacks.earlyStopping({monitor: 'loss', patience: 3, restoreBestWeights: true});
    const watch = {onEpochEnd: () => void seen.push(weightsOf(model))};
    const {history} = await model.fit(x, y, {...quiet, epochs: 200, callbacks: [watch, stopping]});
    const all = history.loss as number[];
    expect(all.length).toBeLessThan(200);
    expect(weightsOf(model)).toEqual(seen[all.indexOf(Math.min(...all))]);
    const stopped = build();
    const once = await stopped.fit(x, y, {
      ...quiet,
      epochs: 9,
      callbacks: {
        onEpochEnd: epoch => {
          stopped.stopTraining = epoch === 1;
        },
      },
    });
    expect(once.epoch).toEqual([0, 1]);
  });

  it('follows a schedule, and a rate that is assigned between steps', async () => {
    const halves = schedules.exponentialDecay({initialLearningRate: 0.4, decaySteps: 1, decayRate: 0.5});
    const scheduled = build({optimizer: optimizers.sgd({learningRate: halves})});
    const assigned = build({optimizer: optimizers.sgd({learningRate: 0.4})});
    await scheduled.fit(x, y, {...quiet, epochs: 2, seed: 6});
    let rate = 0.4;
    await assigned.fit(x, y, {
      ...quiet,
      epochs: 2,
      seed: 6,
      callbacks: {
        onBatchEnd: () => {
          rate /= 2;
          assigned.optimizer.learningRate = rate;
        },
      },
    });
    expect(weightsOf(assigned)).toEqual(weightsOf(scheduled));
  });

  it('can be taken step by step', async () => {
    const [whole, single] = [build(), build()];
    await whole.fit(x, y, {verbose: 0, batchSize: 10, shuffle: false});
    for (let first = 0; first < rows; first += 10) {
      const part = {data: x.data.subarray(first * 6, (first + 10) * 6), shape: [10, 6]};
      await single.trainOnBatch(part, y.subarray(first, first + 10));
    }
    expect(weightsOf(single)).toEqual(weightsOf(whole));
  });
});

describe('penalties and limits', () => {
  const linear = (options: object) =>
    sequential([
      layers.dense({
        units: 1,
        useBias: false,
        kernelInitializer: 'ones' as 'zeros',
        inputShape: [2],
        ...options,
      }),
    ]);
  const one = {data: Float32Array.of(1, 2), shape: [1, 2]};
  const target = {data: Float32Array.of(3), shape: [1, 1]};

  it('a regularizer adds to the loss and pulls at the weight', async () => {
    const model = sequential([
      layers.dense({
        units: 1,
        useBias: false,
        kernelInitializer: initializers.constant({value: 1}),
        kernelRegularizer: regularizers.l2({l2: 0.5}),
        inputShape: [2],
      }),
    ]);
    model.compile({optimizer: optimizers.sgd({learningRate: 0.1}), loss: 'meanSquaredError'});
    const {loss} = await model.trainOnBatch(one, target); // 1 + 2 = 3: no error, only the penalty 0.5·(1 + 1)
    expect(loss).toBeCloseTo(1, 6);
    expect([...firstOf(model)].map(w => +w.toFixed(5))).toEqual([0.9, 0.9]);
  });

  it('a constraint holds after each step', async () => {
    const model = linear({
      kernelInitializer: initializers.constant({value: 1}),
      kernelConstraint: constraints.maxNorm({maxValue: 0.5}),
    });
    model.compile({optimizer: optimizers.sgd({learningRate: 0.1}), loss: 'meanSquaredError'});
    await model.trainOnBatch(one, target);
    expect(Math.hypot(...firstOf(model))).toBeCloseTo(0.5, 5);
  });
});
