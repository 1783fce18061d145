// Convolutions and pooling as functions: gradients of gradients, Keras's paddings, what is fused, how memory
// and bits behave.
import {describe, expect, it} from 'vitest';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile, getThreads, layers, ops, sequential, setThreads} from '../../lib/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {type Operand, reals, spread} from '../conformance/data.ts';
import {expectGradient} from '../conformance/gradient.ts';
import {evaluate, type Given} from '../reference.ts';
import {numbers} from '../support/plain-networks.ts';

const tensorOf = (name: string, operand: Operand): readonly [Tensor, Operand] => [
  input({name, shape: operand.shape}),
  operand,
];

/** Σ of f's result times numbers: its gradients, and those of a sum over these gradients. */
function expectTwice(
  f: (...operands: Tensor[]) => Tensor,
  given: readonly (readonly [Tensor, Operand])[],
): void {
  const values: Given = new Map(given.map(([tensor, {data}]) => [tensor, Float64Array.from(data)]));
  const targets = given.map(([tensor]) => tensor);
  const y = f(...targets);
  const loss = ops.sum(ops.mul(ops.square(y), ops.constant(numbers(y.size, 3), y.shape)));
  const first = gradients(loss, targets);
  first.forEach((gradient, index) => {
    expectGradient(loss, targets[index] as Tensor, gradient, values, `gradient ${index}`);
  });
  const weighed = first.map((gradient, index) =>
    ops.sum(ops.mul(gradient, ops.constant(numbers(gradient.size, 5 + index), gradient.shape))),
  );
  const sum = weighed.reduce((a, b) => ops.add(a, b));
  const second = gradients(sum, targets);
  second.forEach((gradient, index) => {
    expectGradient(sum, targets[index] as Tensor, gradient, values, `second gradient ${index}`);
  });
  const all = Object.fromEntries([...first, ...second].map((tensor, index) => [`g${index}`, tensor]));
  const program = compileProgram({outputs: all, store: new VariableStore()});
  const {outputs} = program.runSync(
    Object.fromEntries(given.map(([{call}, {data}]) => [nameOf(call), data])),
  );
  evaluate([...first, ...second], values).forEach((exact, index) => {
    const most = Math.max(1, ...exact.map(Math.abs));
    exact.forEach((value, at) => {
      expect(Math.abs((outputs[`g${index}`]?.[at] as number) - value) / most).toBeLessThan(1e-5);
    });
  });
}

const nameOf = (call: Tensor['call']): string => (call.attributes as {name: string}).name;

describe('gradients of gradients, in float64 against differences, and by the kernels', () => {
  it('of a convolution, whose kernel gradient is made in parts', () => {
    // 120 windows of an image: parts of two blocks of pixels each.
    const x = tensorOf('x', reals([7, 12, 10, 2]));
    const w = tensorOf('w', reals([3, 2, 2, 3]));
    expectTwice((a, b) => ops.conv(a as Tensor, b as Tensor, {padding: 'same'}), [x, w]);
  });

  it('of a convolution with strides, dilation and groups', () => {
    const x = tensorOf('x', reals([2, 7, 6, 4]));
    const w = tensorOf('w', reals([3, 2, 2, 2]));
    const options = {
      strides: [2, 1],
      dilationRate: [1, 2],
      groups: 2,
      padding: [
        [1, 2],
        [0, 1],
      ],
    } as const;
    expectTwice((a, b) => ops.conv(a as Tensor, b as Tensor, options), [x, w]);
  });

  it('of a transposed one, and of single channels', () => {
    const x = tensorOf('x', reals([2, 3, 4, 2]));
    const w = tensorOf('w', reals([3, 3, 3, 2]));
    expectTwice(
      (a, b) => ops.convTranspose(a as Tensor, b as Tensor, {strides: 2, outputPadding: 1}),
      [x, w],
    );
    const each = tensorOf('w', reals([2, 2, 2, 2]));
    expectTwice((a, b) => ops.depthwiseConv(a as Tensor, b as Tensor, {padding: 'same'}), [x, each]);
  });

  it('of pooling', () => {
    const x = tensorOf('x', spread([2, 5, 4, 2]));
    expectTwice(a => ops.maxPool(a as Tensor, 3, {strides: 2, padding: 'same'}), [x]);
    expectTwice(a => ops.averagePool(a as Tensor, [2, 3], {strides: 1, padding: 'same'}), [x]);
    expectTwice(a => ops.adaptiveMaxPool(a as Tensor, [2, 3]), [x]);
    expectTwice(a => ops.adaptiveAveragePool(a as Tensor, 2), [x]);
  });
});

describe('paddings are those of Keras', () => {
  const ones = (shape: readonly number[]): Tensor => ops.ones(shape);
  const dataOf = (y: Tensor): number[] => [...compile(y).runSync({}).data].map(Number);

  it('same: the odd one behind', () => {
    // A kernel of 2: what is added stands at the end.
    expect(dataOf(ops.conv(ones([1, 4, 1]), ones([2, 1, 1]), {padding: 'same'}))).toEqual([2, 2, 2, 1]);
    // A stride of 2 over 5: one before, one behind; over 4: one behind alone.
    const strided = (size: number) =>
      dataOf(ops.conv(ones([1, size, 1]), ones([3, 1, 1]), {padding: 'same', strides: 2}));
    expect(strided(5)).toEqual([2, 3, 2]);
    expect(strided(4)).toEqual([3, 2]);
    expect(dataOf(ops.averagePool(ones([1, 5, 1]), 2, {padding: 'same'}))).toEqual([1, 1, 1]);
  });

  it('causal: all before; a number on both sides; pairs', () => {
    const rising = ops.constant(Float32Array.of(1, 2, 4, 8), [1, 4, 1]);
    const causal = ops.conv(rising, ones([2, 1, 1]), {padding: 'causal', dilationRate: 2});
    expect(dataOf(causal)).toEqual([1, 2, 5, 10]);
    expect(dataOf(ops.conv(rising, ones([3, 1, 1]), {padding: 1}))).toEqual([3, 7, 14, 12]);
    expect(dataOf(ops.conv(rising, ones([3, 1, 1]), {padding: [[0, 2]]}))).toEqual([7, 14, 12, 8]);
  });

  it('of transposed convolutions: lengths with and without outputPadding', () => {
    const length = (options: object, size = 4) =>
      ops.convTranspose(ones([1, size, 1]), ones([3, 1, 1]), options).shape[1];
    expect(length({})).toBe(6);
    expect(length({strides: 2})).toBe(9);
    expect(length({strides: 2, outputPadding: 1})).toBe(10);
    expect(length({strides: 4})).toBe(16);
    expect(length({strides: 2, padding: 'same'})).toBe(8);
    expect(length({strides: 2, padding: 'same', outputPadding: 0})).toBe(7);
    expect(length({strides: 2, padding: 1, outputPadding: 1})).toBe(8);
    // As Keras gives it: the middle of what three windows spread.
    expect(
      dataOf(ops.convTranspose(ones([1, 3, 1]), ones([3, 1, 1]), {strides: 2, padding: 'same'})),
    ).toEqual([1, 1, 2, 1, 2, 1]);
  });
});

describe('a plan', () => {
  const x = input({name: 'x', shape: [2, 6, 6, 3]});
  const w = input({name: 'w', shape: [3, 3, 3, 4]});
  const bias = input({name: 'bias', shape: [4]});
  const instructions = (y: Tensor): string[] => compile(y).plan.instructions.map(({name}) => name);

  it('has one instruction for a convolution, its bias and its activation', () => {
    const y = ops.relu(ops.add(ops.conv(x, w, {padding: 'same'}), bias));
    expect(instructions(y)).toEqual(['conv']);
    expect(instructions(ops.relu6(ops.add(ops.conv(x, w), bias)))).toEqual(['conv']);
    const kernel = input({name: 'kernel', shape: [3, 3, 4, 3]});
    const back = ops.tanh(ops.add(ops.convTranspose(x, kernel, {strides: 2}), bias));
    expect(instructions(back)).toEqual(['convInput']);
  });

  it('and a product for windows of one pixel', () => {
    const one = input({name: 'one', shape: [1, 1, 3, 4]});
    expect(instructions(ops.relu(ops.add(ops.conv(x, one), bias)))).toEqual(['matmul']);
  });
});

it('a network that sees has the same bits for any number of threads and rows', async () => {
  const threads = getThreads();
  const train = async (count: number): Promise<Float32Array[]> => {
    setThreads(count);
    const net = sequential(
      [
        layers.conv2d({
          filters: 20,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
          inputShape: [13, 13, 3],
        }),
        layers.depthwiseConv2d({kernelSize: 3, strides: 2}),
        layers.batchNormalization(),
        layers.conv2dTranspose({filters: 5, kernelSize: 3, strides: 2}),
        layers.maxPooling2d(),
        layers.flatten(),
        layers.dense({units: 3, activation: 'softmax'}),
      ],
      {seed: 4},
    );
    net.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
    const rows = 50;
    const images = {data: numbers(rows * 507, 1), shape: [rows, 13, 13, 3]};
    const labels = Int32Array.from({length: rows}, (_, at) => at % 3);
    await net.fit(images, labels, {batchSize: 16, epochs: 2, verbose: 0});
    const all = await net.predict(images);
    const few = await net.predict({data: images.data.slice(0, 3 * 507), shape: [3, 13, 13, 3]});
    expect([...few.data]).toEqual([...all.data.slice(0, 9)]);
    return net.getWeights().map(({data}) => data);
  };
  try {
    const alone = await train(1);
    for (const count of [2, 3, 7]) expect(await train(count)).toEqual(alone);
  } finally {
    setThreads(threads);
  }
});

describe("Winograd's products", () => {
  it.each([
    [16, 16],
    [64, 64],
    [112, 32],
    [32, 96],
  ])('of %i and %i channels are off by no more than direct sums', (channels, filters) => {
    const x = tensorOf('x', reals([4, 8, 9, channels]));
    const w = tensorOf('w', reals([3, 3, channels, filters]));
    const [image, kernel] = [x[0], w[0]];
    const y = ops.conv(image, kernel, {padding: 'same'});
    const direct = ops.conv(image, kernel, {padding: 'same', winograd: false});
    const of = (result: Tensor, operand: Tensor): Tensor =>
      gradients(ops.sum(ops.mul(result, ops.constant(numbers(y.size, 5), y.shape))), [operand])[0] as Tensor;
    const fast = {y, dx: of(y, image), dw: of(y, kernel)};
    const wanted = {...fast, direct, directDx: of(direct, image), directDw: of(direct, kernel)};
    const program = compileProgram({outputs: wanted, store: new VariableStore()});
    const {outputs} = program.runSync({x: x[1].data, w: w[1].data});
    const given: Given = new Map([x, w].map(([tensor, {data}]) => [tensor, Float64Array.from(data)]));
    const exact = evaluate([wanted.direct, wanted.directDx, wanted.directDw], given);
    const errorOf = (name: string, result: number): number =>
      Math.hypot(...(exact[result] ?? []).map((value, at) => (outputs[name]?.[at] as number) - value));
    expect(outputs.y).not.toEqual(outputs.direct);
    expect(errorOf('y', 0)).toBeLessThanOrEqual(errorOf('direct', 0));
    expect(errorOf('dx', 1)).toBeLessThanOrEqual(errorOf('directDx', 1));
    expect(outputs.dw).not.toEqual(outputs.directDw);
    expect(errorOf('dw', 2)).toBeLessThanOrEqual(errorOf('directDw', 2));
  });

  // Each operand is a sum of up to four pixels or nine taps before it is rounded: 25/9 of the variance.
  it('in bfloat16 are off by up to twice as much as direct sums of rounded numbers', () => {
    const [x, w] = [tensorOf('x', reals([2, 8, 9, 64])), tensorOf('w', reals([3, 3, 64, 48]))];
    const y = ops.conv(x[0], w[0], {padding: 'same'});
    const direct = ops.conv(x[0], w[0], {padding: 'same', winograd: false});
    const of = (result: Tensor, operand: Tensor): Tensor =>
      gradients(ops.sum(ops.mul(result, ops.constant(numbers(y.size, 5), y.shape))), [operand])[0] as Tensor;
    const fast = {y, dx: of(y, x[0]), dw: of(y, w[0])};
    const wanted = {...fast, direct, directDx: of(direct, x[0]), directDw: of(direct, w[0])};
    const given: Given = new Map([x, w].map(([tensor, {data}]) => [tensor, Float64Array.from(data)]));
    const exact = evaluate([direct, wanted.directDx, wanted.directDw], given);
    const program = compileProgram({outputs: wanted, store: new VariableStore(), precision: 'bfloat16'});
    const {outputs} = program.runSync({x: x[1].data, w: w[1].data});
    const errorOf = (name: string, result: number): number =>
      Math.hypot(...(exact[result] ?? []).map((value, at) => (outputs[name]?.[at] as number) - value));
    const size = Math.hypot(...(exact[0] as Float64Array));
    expect(errorOf('direct', 0) / size).toBeGreaterThan(2 ** -11);
    expect(errorOf('direct', 0) / size).toBeLessThan(2 ** -8);
    expect(errorOf('y', 0)).toBeLessThan(2 * errorOf('direct', 0));
    expect(errorOf('dx', 1)).toBeLessThan(2 * errorOf('directDx', 1));
    expect(errorOf('dw', 2)).toBeLessThan(2 * errorOf('directDw', 2));
    expect(outputs.y).not.toEqual(outputs.direct);
  });

  it('can be turned off in a layer, which tells', () => {
    const layer = layers.conv2d({filters: 32, kernelSize: 3, winograd: false, inputShape: [8, 8, 32]});
    const model = sequential([layer]);
    expect(JSON.stringify(model.toJSON())).toContain('"winograd":false');
    const data = numbers(8 * 8 * 32, 3);
    const weights = model.getWeights().map(({data: own}) => own);
    const plain = sequential([layers.conv2d({filters: 32, kernelSize: 3, inputShape: [8, 8, 32]})]);
    plain.setWeights(weights);
    const rows = {data, shape: [1, 8, 8, 32]};
    const [direct, fast] = [model, plain].map(own => own.predictSync(rows).data) as [
      Float32Array,
      Float32Array,
    ];
    expect(direct).not.toEqual(fast);
    expect(Math.max(...direct.map((value, at) => Math.abs(value - (fast[at] as number))))).toBeLessThan(1e-5);
    expect(() => layers.conv2d({filters: 1, kernelSize: 3, winograd: 1 as never})).toThrow(/winograd/);
  });
});
