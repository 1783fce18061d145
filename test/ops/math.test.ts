// What elementary functions promise beyond their values, which the conformance suite holds to their bounds.
import {expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {compile, ops} from '../../lib/index.ts';
import {expectComposite} from '../conformance/composite.ts';
import {exactly, spread} from '../conformance/data.ts';

it('clip gives each element, or the bound that it lies beyond, and is differentiable', () => {
  const build = (x: Parameters<typeof ops.clip>[0]) => ops.clip(x, -0.75, 1.25);
  const exact = (x: Float64Array) => x.map(value => Math.min(Math.max(value, -0.75), 1.25));
  expectComposite('clip', {build, exact, operands: [spread([4, 5])], differentiable: 1});
});

it('clip keeps NaN, and its gradient counts at the bounds', () => {
  const x = ops.input({name: 'x', shape: [4]});
  const y = ops.clip(x, -1, 1);
  const [gradient] = gradients(ops.sum(y), [x]) as [Tensor];
  const program = compile({y, gradient});
  const {y: values, gradient: slopes} = program.runSync({x: Float32Array.of(Number.NaN, -1, 1, 2)});
  expect([...values.data]).toEqual([Number.NaN, -1, 1, 1]);
  expect([...slopes.data].slice(1)).toEqual([1, 1, 0]);
});

it('integers are rounded to themselves, and relu of them is int32, exactly', () => {
  const x = ops.input({name: 'x', shape: [4], dtype: 'int32'});
  const results = {down: ops.floor(x), up: ops.ceil(x), near: ops.round(x), positive: ops.relu(x)};
  const data = Int32Array.of(2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, -7);
  const {down, up, near, positive} = compile(results).runSync({x: data});
  for (const {data: own} of [down, up, near]) expect(own).toEqual(data);
  expect(positive.data).toEqual(Int32Array.of(2 ** 31 - 1, 0, 2 ** 24 + 1, 0));
});

it('sine and cosine reduce any argument exactly', () => {
  const angles = [1e5, 8388608, 16777215, 1e10, 1.2345e20, 3.4e38, -1e30].map(Math.fround);
  const x = exactly(angles);
  expectComposite('sin of large angles', {
    build: ops.sin,
    exact: all => all.map(Math.sin),
    operands: [x],
    differentiable: 0,
    tolerance: 2e-7,
  });
  expectComposite('cos of large angles', {
    build: ops.cos,
    exact: all => all.map(Math.cos),
    operands: [x],
    differentiable: 0,
    tolerance: 2e-7,
  });
});

it('mod is the remainder of Python, whatever the size of the quotient', () => {
  const x = ops.input({name: 'x', shape: [5]});
  const y = ops.input({name: 'y', shape: [5]});
  const {data} = compile(ops.mod(x, y)).runSync({
    x: Float32Array.of(7, -7, 7, 3e38, -1),
    y: Float32Array.of(3, 3, -3, 7, Number.POSITIVE_INFINITY),
  });
  const large = Number(BigInt(Math.fround(3e38)) % 7n);
  expect([...data]).toEqual([1, 2, -2, large, Number.POSITIVE_INFINITY]);
});
