// A training step of one's own through `compile`: the same bits as fit, by the same plan.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {
  compile,
  gradients,
  layers,
  losses,
  minimize,
  ops,
  optimizers,
  type Sequential,
  schedules,
  sequential,
} from '../../lib/index.ts';
import type {OptimizerLike} from '../../lib/optim/resolve.ts';
import {onCompile} from '../../lib/session/compile.ts';
import {labelsOf, numbers} from '../support/plain-networks.ts';

const rows = 40;
const batch = 8;
const steps = rows / batch;
const epochs = 3;
const x = numbers(rows * 6, 4);
const y = labelsOf(rows, 3);
const order = Int32Array.from({length: rows}, (_, row) => row);

function build(): Sequential {
  return sequential(
    [
      layers.dense({units: 9, activation: 'relu', inputShape: [6]}),
      layers.dropout({rate: 0.4}),
      layers.dense({units: 3, activation: 'softmax'}),
    ],
    {seed: 5},
  );
}

/** The loss of a batch, and what its step reads. */
function lossOf(model: Sequential): {loss: Tensor; perSample: Tensor} {
  const all = ops.input({name: 'x', shape: [-1, 6]});
  const labels = ops.input({name: 'y', shape: [-1], dtype: 'uint8'});
  const table = ops.input({name: 'rows', shape: [batch], dtype: 'int32', perStep: true});
  const output = model.call(ops.gatherRows(all, table), {training: true}) as Tensor;
  const perSample = losses.sparseCategoricalCrossentropy()(ops.gatherLabels(labels, table), output);
  return {loss: ops.mean(perSample), perSample};
}

/** Trains by a step of one's own; one native call for each epoch. */
async function trainByStep(model: Sequential, optimizer: OptimizerLike) {
  const {loss} = lossOf(model);
  const {updates, guards, hyper} = minimize(loss, model.trainableVariables, optimizer);
  const step = compile({loss}, {updates, guards});
  const all: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const first = epoch * steps;
    const own = {
      x,
      y,
      rows: order,
      hyper: hyper(first, steps),
      seed: [5, 0],
      step: Int32Array.from({length: steps}, (_, at) => first + at),
    };
    const result = await step.run(own, {steps});
    expect(result.loss.shape).toEqual([steps]);
    all.push(...result.loss.data);
  }
  return all;
}

const choices: [string, () => OptimizerLike][] = [
  ['adam', () => 'adam'],
  ['sgd with momentum', () => optimizers.sgd({learningRate: 0.1, momentum: 0.9})],
  [
    'a schedule, decay and clipping',
    () =>
      optimizers.adamw({
        learningRate: schedules.exponentialDecay({initialLearningRate: 0.05, decaySteps: 4, decayRate: 0.5}),
        globalClipNorm: 0.5,
      }),
  ],
];

describe("a step of one's own", () => {
  it.each(choices)('gives the bits of fit: %s', async (_, optimizer) => {
    const fitted = build();
    fitted.compile({optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy'});
    const {history} = await fitted.fit(x, y, {batchSize: batch, epochs, shuffle: false});
    const own = build();
    const seen = await trainByStep(own, optimizer());
    expect(own.getWeights()).toEqual(fitted.getWeights());
    const means = Array.from(
      {length: epochs},
      (_, epoch) => seen.slice(epoch * steps, (epoch + 1) * steps).reduce((a, b) => a + b) / steps,
    );
    means.forEach((mean, epoch) => {
      expect(mean / (history.loss?.[epoch] as number)).toBeCloseTo(1, 6);
    });
  });

  it('is the plan of fit, instruction for instruction, where it gives and tests the same', async () => {
    const plans: string[][] = [];
    onCompile(({plan}) => void plans.push(plan.instructions.map(({name}) => name)));
    const fitted = build();
    fitted.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
    await fitted.fit(x, y, {batchSize: batch, shuffle: false});
    onCompile(undefined);
    const model = build();
    const {loss, perSample} = lossOf(model);
    const {updates, guards} = minimize(loss, model.trainableVariables, 'adam');
    // As `fit` does, it sums the losses and tests each of them rather than their mean.
    const tests = [ops.finite(perSample), ...guards.slice(1)];
    const {plan} = compile({loss: ops.total(perSample)}, {updates, guards: tests});
    expect(plans).toEqual([plan.instructions.map(({name}) => name)]);
  });

  it('of one call for each step, or of one for all, is the same', async () => {
    const run = async (perCall: number) => {
      const model = build();
      const {loss} = lossOf(model);
      const {updates, guards, hyper} = minimize(loss, model.trainableVariables, 'sgd');
      const step = compile(loss, {updates, guards});
      const seen: number[] = [];
      for (let first = 0; first < steps; first += perCall) {
        const numbersOf = (at: number) => order.slice(at * batch, (at + perCall) * batch);
        const stepNumbers = Array.from({length: perCall}, (_, at) => [first + at]);
        const own = {
          x,
          y,
          rows: numbersOf(first),
          hyper: hyper(first, perCall),
          seed: [1, 0],
          step: stepNumbers,
        };
        seen.push(...step.runSync(own, {steps: perCall}).data);
      }
      return {seen, weights: model.getWeights()};
    };
    expect(await run(1)).toEqual(await run(5));
  });

  it('changes what predict and fit see', async () => {
    const model = build();
    const before = model.predictSync(x.slice(0, 6));
    await trainByStep(model, 'adam');
    expect(model.predictSync(x.slice(0, 6))).not.toEqual(before);
    model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
    await model.fit(x, y);
  });
});

describe('compile: run with steps', () => {
  const w = () => ops.variable({name: 'w', shape: [2]});
  const value = ops.input({name: 'value', shape: [2], perStep: true});

  it('gives each result a first axis, and writes after each step', () => {
    const sum = w();
    const next = ops.add(sum.tensor, value);
    const add = compile({next, twice: ops.mul(next, 2)}, {updates: [[sum, next]]});
    const {next: all, twice} = add.runSync(
      {
        value: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
      {steps: 3},
    );
    expect(all).toEqual({data: Float32Array.of(1, 2, 4, 6, 9, 12), shape: [3, 2]});
    expect([...twice.data]).toEqual([2, 4, 8, 12, 18, 24]);
    expect(add.runSync({value: [1, 1]}).next).toEqual({data: Float32Array.of(10, 13), shape: [2]});
  });

  it('ends early by stopIf, with the results of the steps before', async () => {
    const sum = w();
    const next = ops.add(sum.tensor, value);
    const stop = ops.stopIf(ops.greater(ops.sum(next), 12));
    const add = compile(next, {updates: [[sum, next]], guards: [stop]});
    const result = await add.run(
      {
        value: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
      {steps: 3},
    );
    expect(result).toEqual({data: Float32Array.of(1, 2, 4, 6), shape: [2, 2]});
    expect(add.store.read(sum)).toEqual(Float32Array.of(4, 6));
  });

  it('names the step at which a guard found something', async () => {
    const sum = w();
    const next = ops.add(sum.tensor, ops.log(value));
    const add = compile(next, {updates: [[sum, next]], guards: [ops.finite(next)]});
    await expect(
      add.run(
        {
          value: [
            [1, 1],
            [1, 1],
            [-1, 1],
          ],
        },
        {steps: 3},
      ),
    ).rejects.toThrow(/^run: a checked value is not finite at step 2, first in the graph/);
    const few = {value: [[1, 1]]};
    await expect(add.run(few, {steps: 3})).rejects.toMatchObject({code: 'ERR_SHAPE'});
    await expect(add.run(few, {steps: 0})).rejects.toThrow(/^run: steps: expected an integer >= 1/);
    expect(() => add.runSync(few, {step: 1} as never)).toThrow(/^run: unknown option "step"/);
  });
});

it('what call and minimize are given is checked', () => {
  const model = build();
  const four = ops.input({name: 'four', shape: [2, 4]});
  expect(() => model.call(four)).toThrow(
    /^call: input must be float32\[batch,6\]\. Received float32\[2,4\]\.$/,
  );
  expect(() => model.call([])).toThrow(/^call: expected 1 tensors\. Received 0\.$/);
  expect(() => model.call(four, {training: 1 as never})).toThrow(/^call: training: expected true or false/);
  const loss = ops.sum(four);
  expect(() => minimize(loss, [], 'adam')).toThrow(/^minimize: expected variables to change/);
  expect(() => minimize(loss, model.trainableVariables, 'adm' as never)).toThrow(/Did you mean "adam"/);
  expect(() => minimize(four, model.trainableVariables, 'adam')).toThrow(/^gradients: the loss must be/);
  const {hyper} = minimize(lossOf(model).loss, model.trainableVariables, 'adam');
  expect(() => hyper(-1)).toThrow(/^minimize: hyper: first: expected an integer >= 0/);
  expect(() => hyper(0, 0)).toThrow(/^minimize: hyper: steps: expected an integer >= 1/);
});

it("gradients of a model's call are those that model.gradients gives", async () => {
  const model = build();
  model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  const input = ops.input({name: 'x', shape: [rows, 6]});
  const labels = ops.input({name: 'y', shape: [rows], dtype: 'int32'});
  const output = model.call(input) as Tensor;
  const loss = ops.mean(losses.sparseCategoricalCrossentropy()(labels, output));
  const derivatives = gradients(
    loss,
    model.trainableVariables.map(({tensor}) => tensor),
  );
  const found = await compile(derivatives).run({x, y: Int32Array.from(y)});
  const {gradients: expected} = await model.gradients(x, y);
  model.trainableVariables.forEach(({name}, index) => {
    expect(found[index]?.data).toEqual(expected[name]?.data);
  });
});
