// What may be asked of a model while it trains, and what it answers.
import {describe, expect, it} from 'vitest';
import {layers, optimizers, sequential} from '../../lib/index.ts';
import {build, quiet, weightsOf, x, y} from './small-model.ts';

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
});
