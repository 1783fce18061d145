// Activations that are layers, one of which learns: values, gradients, files, errors.
import {describe, expect, it} from 'vitest';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import {
  evaluateSync,
  initializers,
  type Layer,
  layers,
  load,
  ops,
  optimizers,
  regularizers,
  sequential,
} from '../../lib/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {reals, spread} from '../conformance/data.ts';
import {numbers} from '../support/plain-networks.ts';
import {withFolder} from './support.ts';

/** A layer without weights as a function of ops, perhaps under a mask. */
function functionOf(layer: Layer, inputShape: number[], mask?: Tensor): (x: Tensor) => Tensor {
  const noWeight = (): never => {
    throw new Error('this layer has no weights');
  };
  const forward = layer.build(inputShape, noWeight);
  const rest = {random: noWeight, update: noWeight, stateOf: noWeight, addLoss: noWeight};
  return x => forward(x, {training: false, ...rest, ...(mask && {mask})});
}

describe('layers of activations', () => {
  it('leakyRelu and elu, with the defaults of Keras', () => {
    const operands = [spread([3, 8], 0.2)];
    const cases: readonly (readonly [Layer, (x: number) => number])[] = [
      [layers.leakyRelu(), x => (x > 0 ? x : 0.3 * x)],
      [layers.leakyRelu({negativeSlope: 0.05}), x => (x > 0 ? x : 0.05 * x)],
      [layers.elu(), x => (x > 0 ? x : Math.expm1(x))],
      [layers.elu({alpha: 2}), x => (x > 0 ? x : 2 * Math.expm1(x))],
    ];
    for (const [layer, formula] of cases) {
      const build = functionOf(layer, [8]);
      expectComposite(layer.kind, {build, exact: x => x.map(formula), operands, differentiable: 1});
    }
  });

  it('softmax along any axis of a sample', () => {
    const [batch, rows, columns] = [2, 3, 4];
    for (const [axis, stride, length] of [
      [-1, 1, columns],
      [2, 1, columns],
      [1, columns, rows],
      [-2, columns, rows],
    ] as const) {
      const exact = (x: Float64Array): Float64Array =>
        x.map((value, at) => {
          const first = at - (Math.floor(at / stride) % length) * stride;
          let sum = 0;
          for (let k = 0; k < length; k++) sum += Math.exp(x[first + k * stride] as number);
          return Math.exp(value) / sum;
        });
      const build = functionOf(layers.softmax({axis}), [rows, columns]);
      const operands = [reals([batch, rows, columns])];
      expectComposite(`softmax along ${axis}`, {build, exact, operands, differentiable: 1});
    }
  });

  it('softmax of what a mask leaves, as in Keras: the rest is 0, and a row of which nothing is left', () => {
    const x = input({name: 'x', shape: [3, 3]});
    const y = functionOf(layers.softmax(), [3], ops.greater(x, 0))(x);
    const {data} = evaluateSync(y, {x: new Float32Array([1, -1, 1, -1, -2, -3, 5, 0, -5])});
    expect([...data]).toEqual([0.5, 0, 0.5, 0, 0, 0, 1, 0, 0]);
  });

  it('softmax over several axes: all of their elements add up to 1', () => {
    const [batch, rows, columns, channels] = [2, 3, 4, 5];
    for (const [axis, outer] of [
      [[1, 2], ([row, , channel]: number[]) => `${row},${channel}`],
      [[-1, 1], ([row, place]: number[]) => `${row},${(place as number) % columns}`],
      [[1, 2, 3], ([row]: number[]) => `${row}`],
    ] as const) {
      // Of each element: its row, its place in the image, its channel.
      const groupOf = (at: number): string => {
        const place = Math.floor(at / channels) % (rows * columns);
        return outer([Math.floor(at / (rows * columns * channels)), place, at % channels]);
      };
      const exact = (x: Float64Array): Float64Array => {
        const sums = new Map<string, number>();
        x.forEach((value, at) => {
          sums.set(groupOf(at), (sums.get(groupOf(at)) ?? 0) + Math.exp(value));
        });
        return x.map((value, at) => Math.exp(value) / (sums.get(groupOf(at)) as number));
      };
      const build = functionOf(layers.softmax({axis}), [rows, columns, channels]);
      const operands = [reals([batch, rows, columns, channels])];
      expectComposite(`softmax along ${axis}`, {build, exact, operands, differentiable: 1});
      expect(layers.softmax({axis}).config).toEqual({axis: [...axis]});
    }
  });

  it('prelu learns a slope for each element, or one for all along an axis', async () => {
    for (const [sharedAxes, shape] of [
      [undefined, [2, 3]],
      [[1], [1, 3]],
      [
        [1, 2],
        [1, 1],
      ],
    ] as const) {
      const alphaInitializer = initializers.randomUniform({minval: 0.1, maxval: 0.4});
      const layer = layers.prelu({alphaInitializer, ...(sharedAxes && {sharedAxes}), inputShape: [2, 3]});
      const model = sequential([layer], {seed: 5});
      const [alpha] = model.getWeights();
      expect(alpha).toMatchObject({name: 'prelu/alpha', shape});
      model.compile({optimizer: optimizers.sgd({learningRate: 0.5}), loss: 'mse'});
      const x = {data: numbers(4 * 6, 3), shape: [4, 2, 3]};
      const zero = {data: new Float32Array(4 * 6), shape: [4, 2, 3]};
      const [rows, columns] = shape;
      const slot = (at: number): number => (Math.floor((at % 6) / 3) % rows) * columns + ((at % 3) % columns);
      const slope = (at: number): number => alpha?.data[slot(at)] as number;
      const {data: y} = await model.predict(x);
      x.data.forEach((value, at) => {
        expect(y[at]).toBeCloseTo(value > 0 ? value : slope(at) * value, 6);
      });
      const wanted = new Float64Array(rows * columns);
      x.data.forEach((value, at) => {
        if (value < 0) wanted[slot(at)] = (wanted[slot(at)] as number) + (2 * slope(at) * value * value) / 24;
      });
      const {gradients} = await model.gradients(x, zero);
      wanted.forEach((value, at) => {
        expect(gradients['prelu/alpha']?.data[at]).toBeCloseTo(value, 6);
      });
      await model.trainOnBatch(x, zero);
      wanted.forEach((value, at) => {
        const after = model.getWeights()[0]?.data[at] as number;
        expect(after).toBeCloseTo((alpha?.data[at] as number) - 0.5 * value, 6);
      });
    }
  });

  it('prelu begins at 0, and takes penalties and limits', async () => {
    const model = sequential([
      layers.prelu({alphaRegularizer: regularizers.l1({l1: 1}), alphaConstraint: 'nonNeg', inputShape: [2]}),
    ]);
    expect([...(model.getWeights()[0]?.data ?? [])]).toEqual([0, 0]);
    model.setWeights([{name: 'prelu/alpha', data: [0.5, 0.001]}]);
    model.compile({optimizer: optimizers.sgd({learningRate: 0.1}), loss: 'mse'});
    const {loss} = await model.trainOnBatch([[1, 1]], [[1, 1]]);
    expect(loss).toBeCloseTo(0.501, 6);
    expect(model.getWeights()[0]?.data[0]).toBeCloseTo(0.4, 6);
    expect(model.getWeights()[0]?.data[1]).toBe(0);
  });

  it('come back from a file', async () => {
    const model = sequential([
      layers.dense({units: 6, activation: 'gelu', inputShape: [3]}),
      layers.prelu({alphaInitializer: initializers.constant({value: 0.25}), sharedAxes: [1]}),
      layers.leakyRelu({negativeSlope: 0.1}),
      layers.elu({alpha: 0.7}),
      layers.activation({activation: 'mish'}),
      layers.softmax(),
    ]);
    const x = {data: numbers(15), shape: [5, 3]};
    await withFolder(async folder => {
      await model.save(`${folder}/model.safetensors`);
      const again = await load(`${folder}/model.safetensors`);
      expect(await again.predict(x)).toEqual(await model.predict(x));
    });
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => layers.leakyRelu({negativeSlope: -0.1}), /layers.leakyRelu: negativeSlope: .* >= 0/],
    [() => layers.elu({alpha: '1' as never}), /layers.elu: alpha: expected a finite number. Received "1"/],
    [() => layers.softmax({axis: 0.5}), /layers.softmax: axis: expected an integer/],
    [() => layers.softmax({axis: []}), /layers.softmax: axis: expected at least one axis/],
    [
      () => sequential([layers.softmax({axis: [1, 3], inputShape: [2, 2]})]),
      /axis 1,3 is none of a sample's/,
    ],
    [() => sequential([layers.softmax({axis: 0, inputShape: [2]})]), /softmax: axis 0 is none of a sample's/],
    [() => sequential([layers.softmax({axis: 2, inputShape: [2]})]), /softmax: axis 2 is none of a sample's/],
    [() => layers.prelu({sharedAxes: 1 as never}), /layers.prelu: sharedAxes: expected an array/],
    [() => layers.prelu({sharedAxes: [0]}), /sharedAxes: expected an integer >= 1 and <= 5. Received 0/],
    [
      () => sequential([layers.prelu({sharedAxes: [2], inputShape: [4]})]),
      /sharedAxes: expected axes of a sample, from 1 on. Received 2 for samples of \[4\]/,
    ],
    [() => layers.prelu({alphaInitializer: 'zero' as never}), /unknown initializer "zero". .*"zeros"/],
  ];
  it.each(refused)('refuse a wrong option: %#', (call, text) => {
    expect(call).toThrow(text);
  });
});
