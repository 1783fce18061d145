// stopGradient, customGradient, and products with the Hessian, in float64 by the interpreter and in plans.
import {describe, expect, it} from 'vitest';
import {input, type Tensor} from '../../lib/core/tensor.ts';
import {compile, gradients, hessianVectorProduct, ops} from '../../lib/index.ts';
import {evaluate, type Given} from '../reference.ts';
import {numbers} from '../support/plain-networks.ts';

const x = input({name: 'x', shape: [3]});
const values = Float32Array.of(0.5, -1.25, 2);
const given: Given = new Map([[x, values]]);
const inFloat64 = (tensor: Tensor): number[] => [...(evaluate([tensor], given)[0] ?? [])];

/** The same by a compiled plan. */
const inPlan = (tensor: Tensor): number[] => [...compile(tensor).runSync({x: values}).data].map(Number);

describe('stopGradient', () => {
  it('is the identity, whose input is a constant to gradients', () => {
    const y = ops.sum(ops.mul(ops.square(x), ops.stopGradient(x)));
    const exact = [...values].map(v => v ** 3).reduce((a, b) => a + b);
    expect(inFloat64(y)[0]).toBeCloseTo(exact, 12);
    const [dx] = gradients(y, [x]) as [Tensor];
    // d(x²·c)/dx = 2·x·c, not 3·x².
    const expected = [...values].map(v => 2 * v * v);
    expect(inFloat64(dx)).toEqual(expected);
    expect(inPlan(dx)).toEqual(expected);
    expect(inFloat64(gradients(ops.sum(ops.stopGradient(x)), [x])[0] as Tensor)).toEqual([0, 0, 0]);
  });

  it('costs no instruction and no gap in a fused pass', () => {
    const plain = compile(ops.exp(ops.mul(ops.add(x, 1), 2))).plan.instructions.map(({name}) => name);
    const stopped = ops.exp(ops.stopGradient(ops.mul(ops.add(x, 1), 2)));
    expect(compile(stopped).plan.instructions.map(({name}) => name)).toEqual(plain);
  });
});

describe('customGradient', () => {
  it('has the value of its function and the gradient that it gives', () => {
    // The straight-through estimator: rounds to the sign, and lets the gradient pass where |x| ≤ 1.
    const binarize = ops.customGradient((a: Tensor) => ({
      value: ops.sign(a),
      gradient: dy => ops.select(ops.lessEqual(ops.abs(a), 1), dy, 0),
    }));
    const y = binarize(x);
    const [dx] = gradients(ops.sum(ops.mul(y, ops.constant(Float32Array.of(3, 4, 5), [3]))), [x]) as [Tensor];
    for (const run of [inFloat64, inPlan]) {
      expect(run(y)).toEqual([1, -1, 1]);
      expect(run(dx)).toEqual([3, 0, 0]);
    }
  });

  it('of several inputs, some of which get none, may be differentiated again', () => {
    const scaled = ops.customGradient((a: Tensor, b: Tensor) => ({
      value: ops.mul(a, b),
      gradient: dy => [ops.mul(dy, ops.mul(ops.square(a), a)), null],
    }));
    const b = ops.add(x, 1);
    const [da] = gradients(ops.sum(scaled(x, b)), [x]) as [Tensor];
    expect(inFloat64(da)).toEqual([...values].map(v => v ** 3));
    const [second] = gradients(ops.sum(da), [x]) as [Tensor];
    const expected = [...values].map(v => 3 * v ** 2);
    inFloat64(second).forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] as number, 12);
    });
  });

  it('keeps the gradient finite where plain ops would not: log(1 + exp(x)) of a large x', () => {
    const softplus = ops.customGradient((a: Tensor) => ({
      value: ops.log(ops.add(1, ops.exp(a))),
      gradient: dy => ops.mul(dy, ops.sub(1, ops.div(1, ops.add(1, ops.exp(a))))),
    }));
    const [dx] = gradients(ops.sum(softplus(x)), [x]) as [Tensor];
    const run = compile(dx);
    expect(run.runSync({x: [100, 0, -100]}).data).toEqual(Float32Array.of(1, 0.5, 0));
  });

  it('is checked', () => {
    const make = (f: unknown) => ops.customGradient(f as (a: Tensor) => never)(x);
    expect(() => make(() => x)).toThrow(/^customGradient: the function must give \{value, gradient\}/);
    expect(() => make(() => ({value: x}))).toThrow(/^customGradient: the function must give/);
    const wrong: [unknown, RegExp][] = [
      [[], /^customGradient: expected 1 gradients\. Received 0/],
      [3, /^customGradient: expected 1 gradients\. Received 3/],
      [
        [ops.ones([2])],
        /^customGradient: the gradient of input 0 must be float32\[3\]\. Received float32\[2\]/,
      ],
    ];
    for (const [gradient, text] of wrong) {
      const y = make(() => ({value: x, gradient: () => gradient}));
      expect(() => gradients(ops.sum(y), [x])).toThrow(text);
    }
  });
});

describe('hessianVectorProduct', () => {
  const inner = 5;
  const rows = 4;
  const data = input({name: 'data', shape: [rows, 3]});
  const kernel = input({name: 'kernel', shape: [3, inner]});
  const bias = input({name: 'bias', shape: [inner]});
  const out = input({name: 'out', shape: [inner, 1]});
  const hidden = ops.tanh(ops.add(ops.matmul(data, kernel), bias));
  const loss = ops.mean(ops.square(ops.sub(ops.matmul(hidden, out), 0.3)));
  const targets = [kernel, bias, out];
  const vectors = targets.map(({shape}, index) => input({name: `vector${index}`, shape}));
  const leaves = [data, ...targets, ...vectors];
  const arrays = leaves.map(({size}, index) => numbers(size, index + 3));
  const products = hessianVectorProduct(loss, targets, vectors);

  it('is the change of the gradient along the vector', () => {
    const derivatives = gradients(loss, targets);
    const step = 1e-5;
    const gradientAt = (sign: number): Float64Array[] => {
      const moved = targets.map(({size}, index) => {
        const [value, vector] = [arrays[1 + index], arrays[4 + index]] as [Float32Array, Float32Array];
        return Float64Array.from(
          {length: size},
          (_, at) => (value[at] ?? 0) + sign * step * (vector[at] ?? 0),
        );
      });
      const [first] = arrays as [Float32Array];
      const at: Given = new Map<Tensor, ArrayLike<number>>([
        [data, first],
        ...targets.map((target, index) => [target, moved[index]] as [Tensor, Float64Array]),
      ]);
      return evaluate(derivatives, at);
    };
    const [up, down] = [gradientAt(1), gradientAt(-1)];
    const exact = evaluate(
      products,
      new Map(leaves.map((leaf, index) => [leaf, arrays[index] as Float32Array])),
    );
    const inputs = Object.fromEntries(
      leaves.map((leaf, index) => [
        (leaf.call.attributes as {name: string}).name,
        arrays[index] as Float32Array,
      ]),
    );
    const run = compile(products).runSync(inputs);
    exact.forEach((product, index) => {
      product.forEach((value, at) => {
        const change = ((up[index]?.[at] ?? 0) - (down[index]?.[at] ?? 0)) / (2 * step);
        expect(value).toBeCloseTo(change, 7);
        expect(run[index]?.data[at]).toBeCloseTo(value, 5);
      });
    });
    expect(Math.max(...exact.map(product => Math.max(...product.map(Math.abs))))).toBeGreaterThan(0.1);
  });

  it('is zero where the loss is linear, and checked', () => {
    const [zero] = hessianVectorProduct(ops.sum(x), [x], [ops.ones([3])]) as [Tensor];
    expect(inFloat64(zero)).toEqual([0, 0, 0]);
    expect(() => hessianVectorProduct(ops.sum(x), [x], [])).toThrow(
      /^hessianVectorProduct: part 0 of the vector must be float32\[3\]\. Received undefined\.$/,
    );
    expect(() => hessianVectorProduct(ops.sum(x), [x], [ops.ones([2])])).toThrow(/Received float32\[2\]\.$/);
    expect(() => hessianVectorProduct(x, [x], [x])).toThrow(/^gradients: the loss must be a float32 scalar/);
  });
});
