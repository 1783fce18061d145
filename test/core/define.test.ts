// What the literal of a signature makes of an op: rules by name, positions for those who know no names.
import {afterAll, describe, expect, expectTypeOf, it} from 'vitest';
import {attributes, defineOp} from '../../lib/core/define.ts';
import {match} from '../../lib/core/operands.ts';
import type {Shape} from '../../lib/core/shape.ts';
import {apply, apply1, type Gradients, input, opTable, type Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {matmulOp} from '../../lib/ops/gemm.ts';
import {add, cast, matmul, mul, sum} from '../../lib/ops/index.ts';

const f32 = (name: string, ...shape: number[]): Tensor => input({name, shape});
const [x, y, z] = [f32('x', 2, 3), f32('y', 2, 3), f32('z', 4, 3)];

/** What this file enters into the table of all ops. */
const names = ['testPair', 'testJoin', 'testMany', 'testHidden', 'testIncomplete'];

afterAll(() => {
  for (const name of names) opTable.delete(name);
});

const pairOp = defineOp({
  signature: 'testPair(a: T, b?: f32) -> sum: f32, difference: f32, guard: i32 {scale: f32, on: bool}',
  guard: {kind: 'notFinite', operand: 'b'},
  inPlace: 'b',
  shape({a}) {
    return {difference: a.shape, sum: a.shape, guard: [7]};
  },
  grad: ({dSum, dDifference}, {a, b, sum: result}, {scale, on}) => {
    expectTypeOf(dSum).toEqualTypeOf<Tensor | null>();
    expectTypeOf(a).toEqualTypeOf<Tensor>();
    expectTypeOf(b).toEqualTypeOf<Tensor | undefined>();
    expectTypeOf(result).toEqualTypeOf<Tensor>();
    expectTypeOf(scale).toEqualTypeOf<number>();
    expectTypeOf(on).toEqualTypeOf<boolean>();
    return {da: dSum && mul(dSum, scale), db: on ? dDifference : null};
  },
});

const joinOp = defineOp({
  signature: 'testJoin(first: f32, ...parts: f32) -> y: f32 {axis: i32, order: words, by: op}',
  shape({first, parts}, {axis, order, by}) {
    expectTypeOf(parts).toEqualTypeOf<readonly Tensor[]>();
    expectTypeOf(order).toEqualTypeOf<readonly number[]>();
    expectTypeOf(by).toEqualTypeOf<string | null>();
    return [axis, parts.length, ...first.shape];
  },
  grad: ({dy}, {parts}) => {
    expectTypeOf(dy).toEqualTypeOf<Tensor>();
    return {dFirst: null, dParts: parts.map((part, index) => (index === 1 ? null : mul(part, sum(dy))))};
  },
});

describe('results', () => {
  it('have the shapes of their names, in the order of the signature', () => {
    const results = apply(pairOp, [x, y], {scale: 2, on: true});
    expectTypeOf(results).toEqualTypeOf<readonly [Tensor, Tensor, Tensor]>();
    expect(results.map(String)).toEqual(['float32[2,3]', 'float32[2,3]', 'int32[7]']);
    expect(String(apply1(joinOp, [x, y, z], {axis: 5, order: [], by: null}))).toBe('float32[5,2,2,3]');
  });

  it('of any number are a list of shapes', () => {
    const manyOp = defineOp({
      signature: 'testMany(x: f32) -> ...ys: f32 {count: i32}',
      shape: ({x: {shape}}, {count}) => Array.from({length: count}, (): Shape => shape),
    });
    const results = apply(manyOp, [x], {count: 3});
    expectTypeOf(results).toEqualTypeOf<readonly Tensor[]>();
    expect(results.map(String)).toEqual(Array<string>(3).fill('float32[2,3]'));
  });

  it('take their type from the signature, an operand or the attribute dtype', () => {
    const bools = input({name: 'bools', shape: [4], dtype: 'bool'});
    expect(opTable.get('reshape')?.infer([bools], {shape: [2, 2]})).toEqual([{shape: [2, 2], dtype: 'bool'}]);
    expect(String(cast(bools, 'int32'))).toBe('int32[4]');
  });
});

describe('gradients', () => {
  it('go to the operands of their names, by position', () => {
    const [total, difference] = apply(pairOp, [x, y], {scale: 3, on: true});
    const parts = (loss: Tensor): string[] => gradients(loss, [x, y]).map(({call}) => call.op.name);
    expect(parts(sum(total))).toEqual(['mul', 'broadcastTo']);
    expect(pairOp.grad?.([total, null, null], total.call)[1]).toBe(null);
    expect(pairOp.grad?.([null, x, null], difference.call)).toEqual([null, x]);
  });

  it('of any number of operands are a list', () => {
    const {call} = apply1(joinOp, [x, x, y, z], {axis: 1, order: [], by: null});
    const given = joinOp.grad?.([call.result], call) as Gradients;
    expect(given.map(dx => dx && String(dx))).toEqual([null, 'float32[2,3]', null, 'float32[4,3]']);
  });
});

describe('traits', () => {
  it('know operands and results by their positions', () => {
    expect(pairOp.guard).toEqual({kind: 'notFinite', output: 2, operand: 1});
    expect(pairOp.inPlace).toBe(2);
    expect(matmulOp.contraction?.terms([x, z], {transposeA: true, transposeB: true})).toBe(2);
    const {call} = matmul(x, z, {transposeB: true});
    expect(call.op.flops(call.inputs, call.outputs, call.attributes)).toBe(2 * 2 * 4 * 3);
  });
});

describe('match', () => {
  it('gives operands and attributes of calls of an op, and of no other', () => {
    const product = match(matmul(x, z, {transposeB: true}), matmulOp);
    expect(product).toMatchObject({a: x, b: z, epilogue: [], transposeA: false, transposeB: true});
    expect(match(add(x, y), matmulOp)).toBeUndefined();
    expect(match(add(x, y), add.op)).toEqual({a: x, b: y});
  });
});

it('what a definition forgets is an error that says its name', () => {
  defineOp({
    signature: 'testIncomplete(a: f32, b: f32) -> y: f32 {axis: i32}',
    // @ts-expect-error: Property 'c' does not exist
    shape: ({c}) => c?.shape ?? [],
    // @ts-expect-error: Property 'db' is missing
    grad: ({dy}) => ({da: dy}),
  });
  const hidden = defineOp({
    signature: 'testHidden(a: f32, b: f32) -> y: f32 {axis: i32}',
    also: attributes<{readonly size: number}>(),
    shape: (_, {axis, size}) => [axis, size],
  });
  // @ts-expect-error: one operand is missing
  expect(() => apply1(hidden, [x], {axis: 0, size: 3})).toThrow(
    'testHidden: expected 2 operands. Received 1',
  );
  // @ts-expect-error: 'size' is missing
  expect(String(apply1(hidden, [x, y], {axis: 4}))).toBe('float32[4,]');
  expect(() => defineOp({signature: 'testShapeless(a: f32) -> y: f32'})).toThrow(
    'op testShapeless has no rule for shapes',
  );
  const withoutGuard = {
    signature: 'testGuard(a: f32) -> y: f32',
    guard: {kind: 'stop', operand: 'b'},
  } as const;
  // @ts-expect-error: no such operand
  expect(() => defineOp(withoutGuard)).toThrow('op testGuard has no result named guard');
  expect(names.every(name => opTable.has(name))).toBe(true);
});
