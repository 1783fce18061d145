// Numbers that leave the finite end a training before the commit of that step, and the error says where.
import {describe, expect, it} from 'vitest';
import {layers, ops, optimizers, type Sequential, schedules, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {build, type CompileOptions, rows, weightsOf, x, y} from '../../support/small-model.ts';

it('a loss that is no longer finite stops at that step, with the weights of the step before', async () => {
  const optimizer = () => optimizers.sgd({learningRate: 1e30});
  const options = {batchSize: 5, shuffle: false} as const;
  const model = build({optimizer: optimizer()});
  const failed = model.fit(x, y, options);
  await expect(failed).rejects.toMatchObject({
    code: 'ERR_NOT_FINITE',
    message: expect.stringMatching(
      /no longer finite at epoch 0, batch 1, first in dense_1 .*learning rate \(now 1e\+30\)/,
    ),
  });
  const oneStep = build({optimizer: optimizer()});
  await oneStep.fit({data: x.data.subarray(0, 30), shape: [5, 6]}, y.subarray(0, 5), options);
  expect(weightsOf(model)).toEqual(weightsOf(oneStep));
});

it('a schedule that gives no rate stops before that step', async () => {
  const model = build();
  const all = {batchSize: rows};
  const before = weightsOf(model);
  const learningRate = (step: number): number => (step < 2 ? 0 : Number.NaN);
  model.compile({optimizer: optimizers.sgd({learningRate}), loss: 'sparseCategoricalCrossentropy'});
  await expect(model.fit(x, y, {...all, epochs: 5})).rejects.toMatchObject({
    code: 'ERR_VALUE',
    message: expect.stringMatching(/learning rate NaN for step 2/),
  });
  expect(weightsOf(model)).toEqual(before);
  expect(model.iterations).toBe(2);
  model.optimizer.learningRate = schedules.constant({learningRate: 0.1});
  await model.fit(x, y);
  expect(weightsOf(model)).not.toEqual(before);
});

it('a gradient that overflows where the loss does not is named by its parameter', async () => {
  const options = {useBias: false, units: 1};
  const model = sequential([
    layers.dense({...options, inputShape: [1], name: 'first'}),
    layers.dense({...options, name: 'second'}),
  ]);
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
  model.setWeights([
    {name: 'first/kernel', data: [1e-2]},
    {name: 'second/kernel', data: [1]},
  ]);
  const before = weightsOf(model);
  await expect(model.fit([[1.5e20]], [[0]])).rejects.toMatchObject({
    code: 'ERR_NOT_FINITE',
    message: expect.stringMatching(/gradient of first\/kernel .*epoch 0, batch 0, first in first/),
  });
  expect(weightsOf(model)).toEqual(before);
});

describe('numbers that leave the finite', () => {
  const targets = numbers(rows, 4);
  const linear = (options: Partial<CompileOptions>): Sequential => {
    const model = sequential(
      [layers.dense({units: 5, inputShape: [6], name: 'first'}), layers.dense({units: 1, name: 'second'})],
      {seed: 1},
    );
    model.compile({optimizer: optimizers.sgd({learningRate: 3}), loss: 'mse', ...options});
    return model;
  };

  /** Trains until it fails; and another that stops one step earlier, which must have the same weights. */
  async function failing(
    make: () => Sequential,
    batchSize: number,
  ): Promise<{steps: number; message: string}> {
    const model = make();
    const options = {epochs: 1000, batchSize, seed: 8};
    const error = await model.fit(x, targets, options).then(
      () => undefined,
      (cause: Error & {code: string}) => cause,
    );
    expect(error).toMatchObject({code: 'ERR_NOT_FINITE'});
    const steps = model.iterations;
    const other = make();
    if (steps > 0) {
      await other.fit(x, targets, {
        ...options,
        callbacks: {
          onBatchEnd: () => {
            other.stopTraining = other.iterations === steps;
          },
        },
      });
    }
    expect(other.iterations).toBe(steps);
    expect(weightsOf(model)).toEqual(weightsOf(other));
    return {steps, message: error?.message as string};
  }

  it.each([7, 16, 50])('a loss, in batches of %i', async batchSize => {
    const {steps, message} = await failing(() => linear({}), batchSize);
    expect(steps).toBeGreaterThan(1);
    const batches = Math.ceil(rows / batchSize);
    const at = `epoch ${Math.floor(steps / batches)}, batch ${steps % batches}`;
    expect(message).toMatch(`no longer finite at ${at}, first in `);
    expect(message).toMatch(/first in (loss|first|second|first\/\w+|second\/\w+) \(\w+\)/);
    expect(message).toMatch(/The weights are those of the step before/);
    expect(message).toMatch(/learning rate \(now 3\)/);
  });

  it('a gradient alone, at the first step', async () => {
    // The derivative of a root at 0 is infinite: 0/0 where output and target are the same.
    const distance = (target: Parameters<typeof ops.sub>[0], output: Parameters<typeof ops.sub>[1]) =>
      ops.sum(ops.sqrt(ops.square(ops.mul(ops.sub(output, target), 0))), 1);
    const {steps, message} = await failing(() => linear({loss: distance}), 10);
    expect(steps).toBe(0);
    expect(message).toMatch(/the gradient of \S+ is no longer finite at epoch 0, batch 0/);
  });

  it('leave a model that trains on at a smaller rate', async () => {
    const model = linear({optimizer: optimizers.sgd({learningRate: 1e30})});
    const before = model.getWeights();
    await expect(model.fit(x, targets, {batchSize: 10})).rejects.toThrow(/now 1e\+30/);
    model.setWeights(before);
    model.optimizer.learningRate = 0.01;
    const {history} = await model.fit(x, targets, {epochs: 3});
    expect(history.loss?.[2]).toBeLessThan(history.loss?.[0] as number);
  });
});
