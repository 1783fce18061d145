// Seams between types: each op on operands of all types that tfjs lets in, with odd numbers among them, has
// the type and the numbers of tfjs's cpu backend; but for what docs/tfjs.md says of floats that no int32
// holds, and of bools that are added.
import * as tf from '@tensorflow/tfjs-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

type Type = 'float32' | 'int32' | 'bool';
type Body = (...operands: tf.Tensor[]) => tf.Tensor;

const types: readonly Type[] = ['float32', 'int32', 'bool'];

/** Sixteen of each, so that every one meets every other along two axes. */
const values: Readonly<Record<Type, readonly number[]>> = {
  float32: [0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, 0.125, 1e6, -1e6, 7.75, Infinity, -Infinity, NaN],
  int32: [0, 1, -1, 2, -2, 3, -3, 5, 7, -7, 100, -100, 4097, -4097, 46341, -46340],
  bool: [0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0],
};

/** Remainders by infinity are those of TensorFlow here. */
const finiteOnly: readonly string[] = ['mod'];

/** Integers whose sums do not fit: they wrap around in both. */
const extremes = [2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, -1];

const unary: Readonly<Record<string, Body>> = {
  abs: x => tf.abs(x),
  neg: x => tf.neg(x),
  sign: x => tf.sign(x),
  square: x => tf.square(x),
  sqrt: x => tf.sqrt(x),
  rsqrt: x => tf.rsqrt(x),
  reciprocal: x => tf.reciprocal(x),
  exp: x => tf.exp(x),
  expm1: x => tf.expm1(x),
  log: x => tf.log(x),
  log1p: x => tf.log1p(x),
  floor: x => tf.floor(x),
  ceil: x => tf.ceil(x),
  round: x => tf.round(x),
  relu: x => tf.relu(x),
  relu6: x => tf.relu6(x),
  elu: x => tf.elu(x),
  selu: x => tf.selu(x),
  leakyRelu: x => tf.leakyRelu(x, 0.3),
  sigmoid: x => tf.sigmoid(x),
  softplus: x => tf.softplus(x),
  tanh: x => tf.tanh(x),
  step: x => tf.step(x, 0.5),
  clip: x => tf.clipByValue(x, -1.5, 2.5),
  isNaN: x => tf.isNaN(x),
  isInf: x => tf.isInf(x),
  isFinite: x => tf.isFinite(x),
  'to float32': x => tf.cast(x, 'float32'),
  'to int32': x => tf.cast(x, 'int32'),
  'to bool': x => tf.cast(x, 'bool'),
  sum: x => tf.sum(x),
  mean: x => tf.mean(x),
  max: x => tf.max(x),
  min: x => tf.min(x),
  'sum of an axis': x => tf.sum(tf.reshape(x, [4, 4]), 0),
  cumsum: x => tf.cumsum(x),
  'cumsum from the end': x => tf.cumsum(tf.reshape(x, [4, 4]), 1, true, true),
  cumprod: x => tf.cumprod(tf.slice(x, 0, 6)),
  prod: x => tf.prod(tf.reshape(tf.slice(x, 0, 8), [2, 4]), 1),
  'the largest three': x => tf.topk(x, 3).values,
  'places of the largest three': x => tf.topk(x, 3).indices,
  argMax: x => tf.argMax(x),
  argMin: x => tf.argMin(x),
  reverse: x => tf.reverse(x),
  pad: x => tf.pad(x, [[1, 2]], 1),
  tile: x => tf.tile(x, [2]),
  zerosLike: x => tf.zerosLike(x),
  onesLike: x => tf.onesLike(x),
};

const binary: Readonly<Record<string, Body>> = {
  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  mul: (a, b) => tf.mul(a, b),
  div: (a, b) => tf.div(a, b),
  floorDiv: (a, b) => tf.floorDiv(a, b),
  mod: (a, b) => tf.mod(a, b),
  maximum: (a, b) => tf.maximum(a, b),
  minimum: (a, b) => tf.minimum(a, b),
  squaredDifference: (a, b) => tf.squaredDifference(a, b),
  equal: (a, b) => tf.equal(a, b),
  notEqual: (a, b) => tf.notEqual(a, b),
  less: (a, b) => tf.less(a, b),
  lessEqual: (a, b) => tf.lessEqual(a, b),
  greater: (a, b) => tf.greater(a, b),
  greaterEqual: (a, b) => tf.greaterEqual(a, b),
  prelu: (a, b) => tf.prelu(a, b),
  where: (a, b) => tf.where(tf.greater(a, 0), a, b),
  concat: (a, b) => tf.concat([tf.reshape(a, [16]), tf.cast(tf.reshape(b, [16]), a.dtype as Type)]),
};

interface Seen {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly numbers: readonly number[];
}

const seen = (x: tf.Tensor): Seen => ({dtype: x.dtype, shape: x.shape, numbers: [...x.dataSync()]});

/** What a body gives, or the words of its error. */
const outcome = (body: () => tf.Tensor): Seen | string =>
  tf.tidy(() => {
    try {
      return seen(body()) as never;
    } catch (error) {
      return (error as Error).message as never;
    }
  });

async function onBoth(body: () => tf.Tensor): Promise<[Seen | string, Seen | string]> {
  await tf.setBackend(backendName);
  const own = outcome(body);
  await tf.setBackend('cpu');
  return [own, outcome(body)];
}

const isNear = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= 2e-6 * Math.max(1e-6, Math.abs(b));

/** What a float beyond int32 becomes; the cpu backend has its last 32 bits. */
const mayBeBeyond = (number: number): boolean => number === 2 ** 31 - 1 || number === -(2 ** 31);

function expectSame([own, cpu]: [Seen | string, Seen | string], where: string, isStrict = false): void {
  if (typeof own === 'string' || typeof cpu === 'string') {
    expect(own, where).toBe(cpu);
    return;
  }
  expect([own.dtype, own.shape], where).toEqual([cpu.dtype, cpu.shape]);
  const odd = own.numbers.flatMap((number, at) => {
    const given = cpu.numbers[at] as number;
    const wanted = cpu.dtype === 'bool' ? Number(given !== 0) : given;
    if (!isStrict && own.dtype === 'int32' && mayBeBeyond(number)) return [];
    return isNear(number, wanted) ? [] : [`${at}: ${number}, not ${wanted}`];
  });
  expect(odd, where).toEqual([]);
}

function of(type: Type, shape: number[], name: string): tf.Tensor {
  const numbers = values[type].map(number =>
    finiteOnly.includes(name) && !Number.isFinite(number) ? 0.25 : number,
  );
  return tf.tensor(numbers, shape, type);
}

describe('types', () => {
  beforeAll(() => tf.setBackend(backendName));
  afterAll(() => tf.setBackend(backendName));

  test.each(Object.entries(unary))('%s', async (name, body) => {
    for (const type of types)
      expectSame(await onBoth(() => body(of(type, [16], name))), `${name} of ${type}`);
  });

  test.each(Object.entries(binary))('%s', async (name, body) => {
    for (const a of types) {
      for (const b of types) {
        const both = await onBoth(() => body(of(a, [16, 1], name), of(b, [1, 16], name)));
        expectSame(both, `${name} of ${a} and ${b}`);
      }
    }
  });

  test('integers wrap around', async () => {
    const x = (shape: number[]): tf.Tensor => tf.tensor(extremes, shape, 'int32');
    for (const name of ['add', 'sub', 'maximum', 'minimum', 'less', 'equal']) {
      const body = binary[name] as Body;
      expectSame(await onBoth(() => body(x([4, 1]), x([1, 4]))), name, true);
    }
    expectSame(await onBoth(() => tf.neg(x([4]))), 'neg', true);
    expectSame(await onBoth(() => tf.cumsum(x([4]))), 'cumsum', true);
  });

  test('numbers that a program writes become what the type holds', async () => {
    const written = [1.9, -1.9, 0.5, 3e9, -3e9, NaN, 255, 2 ** 31];
    for (const type of types)
      expectSame(await onBoth(() => tf.tensor(new Float32Array(written), [8], type)), `typed, ${type}`);
  });

  const activations = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;
  test.each(activations)('a fused product of int32 with %s is exact, and native', async activation => {
    const numbers = (count: number, step: number): number[] =>
      Array.from({length: count}, (_, at) => ((at * step) % 8191) - 4095);
    const slopes = activation === 'prelu' ? {preluActivationWeights: tf.tensor1d([2, 3], 'int32')} : {};
    const body = (): tf.Tensor =>
      tf.fused.matMul({
        a: tf.tensor2d(numbers(3 * 40, 4093), [3, 40], 'int32'),
        b: tf.tensor2d(numbers(40 * 2, 2731), [40, 2], 'int32'),
        bias: tf.tensor1d([1, -1], 'int32'),
        ...{activation, leakyreluAlpha: 0.5, ...slopes},
      });
    resetHandedOver();
    const both = await onBoth(body);
    expect(handedOver()).toEqual([]);
    expectSame(both, activation, true);
    if (activation !== 'linear') return;
    const {numbers: sums} = both[0] as Seen;
    expect(sums.some(sum => Math.fround(sum) !== sum)).toBe(true);
    expect(sums).toEqual((both[1] as Seen).numbers);
  });
});
