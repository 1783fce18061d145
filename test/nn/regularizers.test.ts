// The penalty on angles, against its formula and differences in float64.
import {describe, expect, it} from 'vitest';
import {
  constraints,
  initializers,
  layers,
  ops,
  optimizers,
  type Regularizer,
  regularizers,
  sequential,
  type Tensor,
} from '../../lib/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {exactly, reals} from '../conformance/data.ts';
import {numbers} from '../support/plain-networks.ts';

/** Mean of |cos| over pairs of the rows of `values`, or of its columns. */
function meanCosine(values: Float64Array, rows: number, byRows: boolean): number {
  const columns = values.length / rows;
  const [count, length] = byRows ? [rows, columns] : [columns, rows];
  const at = (a: number, k: number): number => values[byRows ? a * columns + k : k * columns + a] as number;
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += at(a, k) * at(b, k);
    return sum;
  };
  let [sum, pairs] = [0, 0];
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      sum += Math.abs(dot(a, b)) / Math.sqrt(dot(a, a) * dot(b, b));
      pairs++;
    }
  }
  return pairs === 0 ? 0 : sum / pairs;
}

describe('orthogonalRegularizer', () => {
  it.each([
    [3, 5, 'rows'],
    [4, 2, 'rows'],
    [4, 2, 'columns'],
    [1, 3, 'rows'],
  ] as const)('of [%i,%i] by %s', (rows, columns, mode) => {
    const build = regularizers.orthogonalRegularizer({factor: 0.3, mode});
    const exact = (values: Float64Array): number[] => [0.3 * meanCosine(values, rows, mode === 'rows')];
    const operands = [reals([rows, columns], 0.2, 2)];
    expectComposite('orthogonalRegularizer', {build, exact, operands, differentiable: 1});
  });

  it('is 0 at right angles, whatever the lengths, and finite for rows of zeros', () => {
    const build = regularizers.orthogonalRegularizer();
    const operands = [exactly([3, 0, 0, -0.1, 0, 0], [3, 2])];
    expectComposite('orthogonalRegularizer', {build, exact: () => [0], operands, differentiable: 0});
  });

  it('pulls rows apart in a training', async () => {
    const kernelRegularizer = regularizers.orthogonalRegularizer({factor: 1});
    const model = sequential([layers.dense({units: 4, useBias: false, kernelRegularizer, inputShape: [3]})]);
    model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
    const [x, y] = [
      {data: new Float32Array(3), shape: [1, 3]},
      {data: new Float32Array(4), shape: [1, 4]},
    ];
    const {loss: before} = await model.evaluate(x, y);
    for (let step = 0; step < 200; step++) await model.trainOnBatch(x, y);
    expect((await model.evaluate(x, y)).loss).toBeLessThan(0.2 * (before as number));
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => regularizers.orthogonalRegularizer({factor: -1}), /factor: expected a finite number >= 0/],
    [() => regularizers.orthogonalRegularizer({mode: 'row' as never}), /mode: .* Did you mean "rows"/],
    [
      () => {
        const biasRegularizer = regularizers.orthogonalRegularizer();
        const model = sequential([layers.dense({units: 2, biasRegularizer, inputShape: [2]})]);
        model.compile({optimizer: 'sgd', loss: 'mse'});
        return model.evaluate([[1, 2]], [[1, 2]]);
      },
      /orthogonalRegularizer: expected a matrix. Received \[2\]/,
    ],
  ];
  it.each(refused)('refuses a wrong option: %#', async (call, text) => {
    await expect(async () => call()).rejects.toThrow(text);
  });
});

describe('a penalty on what a layer gives', () => {
  const values = numbers(7 * 3, 4);
  const x = {data: values, shape: [7, 3]};
  const zero = {data: new Float32Array(21), shape: [7, 3]};
  const perSample = (formula: (value: number) => number): number =>
    values.reduce((sum, value) => sum + formula(value), 0) / 7;
  const cases: readonly (readonly [string, Regularizer, number])[] = [
    ['l1', regularizers.l1({l1: 0.1}), perSample(value => 0.1 * Math.abs(value))],
    ['l2', regularizers.l2({l2: 0.1}), perSample(value => 0.1 * value * value)],
    [
      'l1l2',
      regularizers.l1l2({l1: 0.1, l2: 0.2}),
      perSample(value => 0.1 * Math.abs(value) + 0.2 * value * value),
    ],
    [
      'orthogonalRegularizer',
      regularizers.orthogonalRegularizer({factor: 0.5, mode: 'columns'}),
      (0.5 * meanCosine(Float64Array.from(values), 7, false)) / 7,
    ],
    ['one`s own', ((y: Tensor) => ops.mul(ops.sum(y), 2)) as Regularizer, perSample(value => 2 * value)],
  ];
  it.each(cases)('%s', async (_, activityRegularizer, penalty) => {
    const model = sequential([
      layers.dense({
        units: 3,
        useBias: false,
        kernelInitializer: 'identity',
        activityRegularizer,
        inputShape: [3],
      }),
    ]);
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss: 'mse'});
    const plain = values.reduce((sum, value) => sum + value * value, 0) / 21;
    expect((await model.gradients(x, zero)).loss).toBeCloseTo(plain + penalty, 6);
    expect((await model.trainOnBatch(x, zero)).loss).toBeCloseTo(plain + penalty, 6);
  });

  it('by samples counts the same whatever the batches', async () => {
    const model = sequential([
      layers.activation({activation: 'linear', activityRegularizer: 'l2', inputShape: [3]}),
    ]);
    model.compile({optimizer: 'sgd', loss: 'mse'});
    const wanted = values.reduce((sum, value) => sum + value * value, 0) * (1 / 21 + 0.01 / 7);
    expect((await model.evaluate(x, zero)).loss).toBeCloseTo(wanted, 6);
  });
});

describe('constraints', () => {
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => constraints.maxNorm({maxValue: 0}), /constraints.maxNorm: maxValue: expected a finite number > 0/],
    [() => constraints.maxNorm({axis: 0.5}), /constraints.maxNorm: axis: expected an integer/],
    [() => constraints.unitNorm({axis: 9}), /constraints.unitNorm: axis: .* <= 5/],
    [() => constraints.minMaxNorm({minValue: -1}), /constraints.minMaxNorm: minValue: .* >= 0/],
    [() => constraints.minMaxNorm({minValue: 2, maxValue: 1}), /constraints.minMaxNorm: maxValue: .* >= 2/],
    [() => constraints.minMaxNorm({rate: 2}), /constraints.minMaxNorm: rate: .* <= 1/],
    [() => constraints.minMaxNorm({axis: Number.NaN}), /constraints.minMaxNorm: axis/],
    [() => constraints.unitNorm({axis: []}), /constraints.unitNorm: axis: expected axes such as \[0, 1, 2\]/],
    [() => constraints.maxNorm({axis: [0, 0]}), /constraints.maxNorm: axis: .* each once. Received \[0,0\]/],
    [() => constraints.maxNorm({axis: [0, 0.5]}), /constraints.maxNorm: axis: expected an integer/],
    [
      async () => {
        const biasConstraint = constraints.unitNorm({axis: 1});
        const model = sequential([layers.dense({units: 2, biasConstraint, inputShape: [2]})]);
        model.compile({optimizer: 'sgd', loss: 'mse'});
        await model.trainOnBatch([[1, 2]], [[1, 2]]);
      },
      /axis 1 is outside \[2\]/,
    ],
  ];
  it.each(refused)('refuse a wrong option: %#', async (call, text) => {
    await expect(async () => call()).rejects.toThrow(text);
  });

  it('and penalties hold for a bias as for a kernel', async () => {
    const model = sequential([
      layers.dense({
        units: 3,
        biasInitializer: initializers.constant({value: 2}),
        biasRegularizer: regularizers.l1l2({l1: 0.1, l2: 0.2}),
        biasConstraint: constraints.maxNorm({maxValue: 1}),
        inputShape: [1],
      }),
    ]);
    model.compile({optimizer: optimizers.sgd({learningRate: 0}), loss: 'mse'});
    expect((await model.trainOnBatch([[0]], [[2, 2, 2]])).loss).toBeCloseTo(3 * (0.2 + 0.8), 5);
    const bias = model.getWeights().find(({name}) => name === 'dense/bias')?.data as Float32Array;
    expect(Math.hypot(...bias)).toBeCloseTo(1, 5);
  });
});
