// Fourier transforms of every kind of length, against their definition in float64.
import {describe, expect, it} from 'vitest';
import {compile, ops} from '../../lib/index.ts';
import type {ComplexPair} from '../../lib/ops/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {reals} from '../conformance/data.ts';

type Numbers = ArrayLike<number>;

/** Lines of n numbers, by the sum that a transform is. */
function exactly(re: Numbers, im: Numbers, n: number, sign: 1 | -1): [Float64Array, Float64Array] {
  const roots = Array.from({length: n}, (_, at) => (2 * Math.PI * at) / n);
  const [cos, sin] = [roots.map(Math.cos), roots.map(angle => sign * Math.sin(angle))];
  const results: [Float64Array, Float64Array] = [new Float64Array(re.length), new Float64Array(re.length)];
  for (let at = 0; at < re.length; at++) {
    const first = at - (at % n);
    let [real, imaginary] = [0, 0];
    for (let j = 0; j < n; j++) {
      const turn = ((at % n) * j) % n;
      const [c, s] = [cos[turn] as number, sin[turn] as number];
      real += (re[first + j] as number) * c - (im[first + j] as number) * s;
      imaginary += (re[first + j] as number) * s + (im[first + j] as number) * c;
    }
    results[0][at] = sign === 1 ? real / n : real;
    results[1][at] = sign === 1 ? imaginary / n : imaginary;
  }
  return results;
}

const lengthOf = (values: readonly Numbers[]): number =>
  Math.sqrt(values.reduce((sum, own) => sum + Array.from(own).reduce((a, b) => a + b * b, 0), 0));

function transformed(
  shape: number[],
  [re, im]: readonly Float32Array[],
  transform: typeof ops.fft,
): Numbers[] {
  const pair: ComplexPair = [ops.input({name: 're', shape}), ops.input({name: 'im', shape})];
  const [real, imaginary] = transform(pair);
  const {a, b} = compile({a: real, b: imaginary}).runSync({re: re as Float32Array, im: im as Float32Array});
  return [a?.data as Numbers, b?.data as Numbers];
}

describe('Fourier transforms', () => {
  // One product; cut once and twice; primes as a product and as a convolution, alone and as factors.
  const lengths = [1, 2, 3, 5, 8, 13, 64, 65, 67, 100, 128, 134, 211, 257, 526, 1000, 1024, 2 * 1009, 4096];

  it.each(lengths)('of %i numbers are their sums, and undo each other', n => {
    const shape = [3, n];
    const parts = [reals(shape).data, reals(shape).data] as Float32Array[];
    const [re, im] = parts as [Float32Array, Float32Array];
    for (const [transform, sign] of [[ops.fft, -1] as const, [ops.ifft, 1] as const]) {
      const exact = exactly(re, im, n, sign);
      const found = transformed(shape, parts, transform);
      const errors = found.map((own, part) => Array.from(own, (x, at) => x - (exact[part]?.[at] as number)));
      expect(lengthOf(errors) / lengthOf(exact)).toBeLessThan(1e-6);
    }
    const back = transformed(shape, parts, pair => ops.ifft(ops.fft(pair)));
    const errors = back.map((own, part) => Array.from(own, (x, at) => x - (parts[part]?.[at] as number)));
    expect(lengthOf(errors) / lengthOf(parts)).toBeLessThan(1e-6);
  });

  it.each([3, 6])('of %i numbers have gradients', n => {
    const shape = [2, n];
    for (const [transform, sign] of [[ops.fft, -1] as const, [ops.ifft, 1] as const]) {
      for (const part of [0, 1] as const) {
        expectComposite(`${transform.name} of ${n}`, {
          build: (re, im) => transform([re, im])[part],
          exact: (re, im) => exactly(re, im, n, sign)[part],
          operands: [reals(shape), reals(shape)],
          differentiable: 2,
          tolerance: 1e-5,
        });
      }
    }
  });

  it('take lines of any rank, and refuse parts that do not fit', () => {
    const x = ops.input({name: 'x', shape: [2, 3, 4]});
    expect(ops.fft([x, x]).map(({shape}) => shape)).toEqual([
      [2, 3, 4],
      [2, 3, 4],
    ]);
    expect(() => ops.fft([x, ops.input({name: 'x', shape: [2, 4, 3]})])).toThrow(
      /^fft: both parts must have one shape, .* Received \[2,3,4\] and \[2,4,3\]/,
    );
    expect(() =>
      ops.ifft([ops.input({name: 'x', shape: [2, 0]}), ops.input({name: 'x', shape: [2, 0]})]),
    ).toThrow(/^ifft: both parts/);
  });
});
