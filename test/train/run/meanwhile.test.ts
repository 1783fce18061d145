// What may be asked of a model while it trains, and what it answers.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {type FitOptions, layers, load, optimizers, type Sequential, sequential} from '../../../lib/index.ts';
import {build, quiet, rows, weightsOf, x, y} from '../../support/small-model.ts';

describe('while a model trains', () => {
  it('predictions come from finished steps, saved weights too', async () => {
    // All weights move by the same amount each step, so a mix of two steps would show.
    const model = sequential([
      layers.dense({units: 1, useBias: false, kernelInitializer: 'zeros', inputShape: [4096]}),
    ]);
    model.compile({optimizer: optimizers.sgd({learningRate: 1e-6}), loss: 'meanSquaredError'});
    const ones = {data: new Float32Array(64 * 4096).fill(1), shape: [64, 4096]};
    const far = {data: new Float32Array(64).fill(1e6), shape: [64, 1]};
    const training = model.fit(ones, far, {epochs: 400, batchSize: 32, verbose: 0});
    let done = false;
    void training.then(() => {
      done = true;
    });
    const probe = {data: new Float32Array(4096 * 2).fill(0), shape: [2, 4096]};
    probe.data[0] = 1; // the first weight alone
    probe.data[4096 + 4095] = 1; // the last alone
    let looks = 0;
    while (!done) {
      const [first, last] = (await model.predict(probe)).data;
      expect(first).toBe(last);
      const [now, then] = model.predictSync(probe).data;
      expect(now).toBe(then);
      const weights = model.getWeights()[0]?.data as Float32Array;
      expect(new Set(weights).size).toBe(1);
      looks++;
    }
    await training;
    expect(looks).toBeGreaterThan(3);
  });

  it('a signal stops it after the current batch', async () => {
    const model = build();
    const controller = new AbortController();
    const batches: number[] = [];
    const training = model.fit(x, y, {
      ...quiet,
      epochs: 1e6,
      signal: controller.signal,
      callbacks: {
        onBatchEnd: batch => {
          batches.push(batch);
          if (batches.length === 6) controller.abort();
        },
      },
    });
    const error = (await training.catch((cause: unknown) => cause)) as {
      code: string;
      history: {epoch: number[]};
    };
    expect(error).toMatchObject({code: 'ERR_ABORTED', history: {epoch: [0]}});
    expect(batches.length).toBe(6);
    expect(model.iterations).toBe(6);
    await model.fit(x, y, quiet);
  });

  it('two models that train at once end as they do one after the other', async () => {
    const alone = [build({}, 1), build({optimizer: 'sgd'}, 2)];
    for (const model of alone) await model.fit(x, y, {...quiet, epochs: 30});
    const together = [build({}, 1), build({optimizer: 'sgd'}, 2)];
    await Promise.all(together.map(model => model.fit(x, y, {...quiet, epochs: 30})));
    expect(together.map(weightsOf)).toEqual(alone.map(weightsOf));
  });

  it('timers go on', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await build().fit(x, y, {...quiet, epochs: 3000});
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });

  it('a signal without callbacks leaves the weights of some finished step', async () => {
    const model = build();
    const controller = new AbortController();
    const first = JSON.stringify(weightsOf(model));
    const timer = setInterval(() => {
      if (JSON.stringify(weightsOf(model)) !== first) controller.abort(new Error('enough'));
    }, 2);
    const endless = model.fit(x, y, {...quiet, epochs: 1e6, seed: 3, signal: controller.signal});
    const error = (await endless.catch((cause: unknown) => cause)) as Error & {code: string};
    clearInterval(timer);
    expect(error).toMatchObject({code: 'ERR_ABORTED', cause: {message: 'enough'}});
    const steps = model.iterations;
    expect(steps).toBeGreaterThan(0);
    const again = build();
    await again.fit(x, y, {
      ...quiet,
      epochs: 1e6,
      seed: 3,
      callbacks: {
        onBatchEnd: () => {
          again.stopTraining = again.iterations === steps;
        },
      },
    });
    expect(again.iterations).toBe(steps);
    expect(weightsOf(again)).toEqual(weightsOf(model));
  });

  it('nobody else writes its weights, and all may again afterwards', async () => {
    const model = build();
    const controller = new AbortController();
    const training = model.fit(x, y, {...quiet, epochs: 1e6, signal: controller.signal});
    const weights = model.getWeights();
    const busy = /the model is in training by fit; wait for its promise, or stop it by its signal/;
    expect(() => model.setWeights(weights)).toThrow(busy);
    expect(() => model.compile({optimizer: 'sgd', loss: 'mse'})).toThrow(busy);
    await expect(model.fit(x, y)).rejects.toThrow(busy);
    await expect(model.trainOnBatch(x, y)).rejects.toThrow(busy);
    controller.abort();
    await expect(training).rejects.toMatchObject({code: 'ERR_ABORTED'});
    model.setWeights(weights);
    expect(model.getWeights()).toEqual(weights);
    await model.trainOnBatch(x, y);
    model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
    await model.fit(x, y, quiet);
  });

  it('a signal that was given before leaves all as it was', async () => {
    const model = build();
    const before = weightsOf(model);
    await expect(model.fit(x, y, {...quiet, signal: AbortSignal.abort()})).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      history: {epoch: []},
    });
    expect(weightsOf(model)).toEqual(before);
    expect(model.iterations).toBe(0);
  });
});

describe('whatever is asked', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-meanwhile-'));
  afterAll(() => rmSync(folder, {recursive: true, force: true}));
  const options: FitOptions = {...quiet, epochs: 300, seed: 9};
  const keyOf = (numbers: ArrayLike<number>): string => Array.from(numbers).join();

  /** Of each step of a training, the weights after it. */
  async function recorded(): Promise<{weights: Map<string, number>; outputs: Set<string>}> {
    const model = build();
    const weights = new Map<string, number>();
    const outputs = new Set<string>();
    const look = (): void => {
      weights.set(keyOf(weightsOf(model).flat()), model.iterations);
      outputs.add(keyOf(model.predictSync(x).data));
    };
    look();
    await model.fit(x, y, {...options, callbacks: {onBatchEnd: look}});
    return {weights, outputs};
  }

  it('the answer is that of one finished step: predictions, weights, files', async () => {
    const {weights, outputs} = await recorded();
    const model = build();
    let done = false;
    const pause = () => new Promise<void>(resolve => setTimeout(resolve));
    const callbacks = {every: 100, onBatchEnd: pause};
    const training = model.fit(x, y, {...options, callbacks}).finally(() => {
      done = true;
    });
    let looks = 0;
    let steps = 0;
    while (!done) {
      expect(outputs).toContain(keyOf((await model.predict(x)).data));
      expect(outputs).toContain(keyOf(model.predictSync(x).data));
      const step = weights.get(keyOf(weightsOf(model).flat()));
      expect(step).toBeGreaterThanOrEqual(steps);
      steps = step as number;
      const file = path.join(folder, 'now.chainrule');
      await model.save(file);
      const again: Sequential = await load(file);
      expect(weights.get(keyOf(weightsOf(again).flat()))).toBe(again.iterations);
      expect(again.iterations).toBeGreaterThanOrEqual(steps);
      await new Promise(resolve => setTimeout(resolve));
      looks++;
    }
    await training;
    expect(looks).toBeGreaterThan(5);
    expect(weights.get(keyOf(weightsOf(model).flat()))).toBe(300 * Math.ceil(rows / 16));
  });

  it('the training ends with the same bits', async () => {
    const alone = build();
    await alone.fit(x, y, options);
    const model = build();
    let done = false;
    const training = model.fit(x, y, options).finally(() => {
      done = true;
    });
    while (!done) {
      await Promise.all([model.predict(x), model.evaluate(x, y), model.gradients(x, y)]);
      model.predictSync(x.data.subarray(0, 6));
    }
    await training;
    expect(weightsOf(model)).toEqual(weightsOf(alone));
  });
});
