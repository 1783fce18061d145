// Which products take operands in bfloat16: those that gain by it, with all that is fused into them.
import {describe, expect, it} from 'vitest';
import {fuse} from '../../lib/compile/fuse.ts';
import {printRoots} from '../../lib/compile/listing.ts';
import {choosePrecision} from '../../lib/compile/precision.ts';
import {simplify} from '../../lib/compile/simplify.ts';
import type {Precision} from '../../lib/core/precision.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile} from '../../lib/index.ts';
import {add, conv, depthwiseConv, finite, matmul, relu, sum} from '../../lib/ops/index.ts';
import {f32, rootsOf} from './support.ts';

function chosen(y: Tensor, precision: Precision = 'bfloat16', join = true): string {
  return printRoots(choosePrecision(fuse(simplify(rootsOf(y)), join), precision));
}

const x = f32('x', 64, 48);
const w = f32('w', 48, 32);

describe('choosePrecision', () => {
  it('leaves everything as it is for float32', () => {
    expect(chosen(matmul(x, w), 'float32')).not.toContain('bfloat16');
  });

  it('keeps bias, activation and transposition', () => {
    const product = matmul(f32('x', 48, 64), f32('w', 32, 48), {transposeA: true, transposeB: true});
    const text = chosen(relu(add(product, f32('b', 32))));
    expect(text).toContain('matmul(x, w, b) {transposeA, transposeB, bfloat16, bias, map: relu}');
  });

  it('keeps another operand, and a test of the result', () => {
    const product = matmul(x, w);
    expect(chosen(add(product, f32('c', 64, 32)))).toContain('matmul(x, w, c) {bfloat16, map: add}');
    const tested = choosePrecision(fuse(rootsOf(product, {guards: [finite(product)]})), 'bfloat16');
    expect(printRoots(tested)).toContain('matmul(x, w) {bfloat16, guarded}');
  });

  it('takes products that stand alone, fused or not', () => {
    for (const join of [true, false])
      expect(chosen(matmul(x, w), 'bfloat16', join)).toContain('matmul(x, w) {bfloat16}');
  });

  it('leaves small products in float32: with a side under 16, or under 32768 terms', () => {
    const isLowered = (m: number, k: number, n: number): boolean =>
      chosen(matmul(f32('x', m, k), f32('w', k, n))).includes('bfloat16');
    expect(isLowered(64, 48, 16)).toBe(true);
    expect(isLowered(1000, 1000, 15)).toBe(false);
    expect(isLowered(15, 1000, 1000)).toBe(false);
    expect(isLowered(1000, 15, 1000)).toBe(false);
    expect(isLowered(32, 32, 32)).toBe(true);
    expect(isLowered(32, 31, 32)).toBe(false);
    expect(isLowered(0, 500, 500)).toBe(false);
  });
});

describe('choosePrecision of convolutions', () => {
  const image = f32('image', 2, 8, 8, 32);

  it('takes a result with what is fused into it, and both gradients', () => {
    const [filters, bias] = [f32('w', 3, 3, 32, 16), f32('b', 16)];
    const y = relu(add(conv(image, filters, {padding: 'same'}), bias));
    expect(chosen(y)).toContain('conv(image, w, b) {bias, map: relu, bfloat16,');
    const [dx, dw] = gradients(sum(y), [image, filters]) as [Tensor, Tensor];
    expect(chosen(dx)).toMatch(/convInput\(.*\) \{.*bfloat16/);
    expect(chosen(dw)).toMatch(/convKernel\(.*\) \{bfloat16/);
  });

  it('leaves few channels, few outputs, few pixels and groups of few in float32', () => {
    const isLowered = (x: Tensor, filters: Tensor, groups = 1): boolean =>
      chosen(conv(x, filters, {groups, padding: 'same'})).includes('bfloat16');
    expect(isLowered(image, f32('w', 3, 3, 32, 16))).toBe(true);
    expect(isLowered(image, f32('w', 3, 3, 32, 15))).toBe(false);
    expect(isLowered(f32('x', 2, 8, 8, 15), f32('w', 3, 3, 15, 64))).toBe(false);
    expect(isLowered(f32('x', 2, 5, 3, 64), f32('w', 3, 3, 64, 64))).toBe(false);
    expect(isLowered(image, f32('w', 3, 3, 16, 64), 2)).toBe(true);
    expect(isLowered(image, f32('w', 3, 3, 8, 64), 4)).toBe(false);
    expect(chosen(depthwiseConv(image, f32('w', 3, 3, 32, 1)))).not.toContain('bfloat16');
  });
});

describe('compile', () => {
  const y = matmul(f32('a', 40, 50), f32('b', 50, 30));
  const inputs = {
    a: Float32Array.from({length: 2000}, (_, i) => Math.fround(1 + (i % 7) / 1000)),
    b: new Float32Array(1500).fill(1),
  };

  it('rounds operands where it is told to', () => {
    const rounded = (i: number): number => Math.round((1 + (i % 7) / 1000) * 128) / 128;
    const result = compile(y, {precision: 'bfloat16'}).runSync(inputs);
    const exact = Array.from({length: 50}, (_, k) => rounded(k)).reduce((sum, value) => sum + value, 0);
    expect(result.data[0]).toBe(exact);
    expect(compile(y).runSync(inputs).data[0]).not.toBe(exact);
    expect(compile(y, {precision: 'float32'}).runSync(inputs)).toEqual(compile(y).runSync(inputs));
  });

  it('refuses another precision, with the nearest', () => {
    const call = (precision: unknown) => () => compile(y, {precision: precision as 'float32'});
    expect(call('bfloat61')).toThrow('unknown precision "bfloat61". Did you mean "bfloat16"?');
    expect(call('mixed')).toThrow('Known: float32, bfloat16.');
    expect(call(16)).toThrow('unknown precision 16');
  });
});
