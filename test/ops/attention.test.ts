// Attention as a whole: beside its definition in ops, with caches, and without what is as large as the square
// of the length. Single calls are in the conformance suite.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {expectNear, Given, named} from './recurrent.ts';

const source = (given: Given) => ({seed: given.int32('seed', 3, 4), step: given.int32('step', 5), stream: 6});

interface Form {
  readonly causal?: boolean;
  readonly slopes?: readonly number[];
}

/** Scores that grow from block to block of 64 keys. */
function growing(k: Tensor): Tensor {
  const steps = k.shape[1] as number;
  const factors = Float32Array.from({length: steps}, (_, step) => 1 + 100 * Math.floor(step / 64));
  return ops.mul(k, ops.constant(factors, [steps, 1, 1]));
}

/** softmax(q·kᵀ/√size − slope · distance)·v, with all scores. */
function byDefinition(q: Tensor, k: Tensor, v: Tensor, {causal = false, slopes}: Form): Tensor {
  const [, steps, , size] = q.shape as [number, number, number, number];
  const [qh, kh, vh] = [q, k, v].map(x => ops.transpose(x, [0, 2, 1, 3])) as [Tensor, Tensor, Tensor];
  const scores = ops.mul(ops.matmul(qh, kh, {transposeB: true}), 1 / Math.sqrt(size));
  const row = ops.constant(
    Float32Array.from({length: steps}, (_, at) => at),
    [steps, 1],
  );
  const column = ops.reshape(row, [1, steps]);
  const losses = slopes && ops.constant(Float32Array.from(slopes), [slopes.length, 1, 1]);
  const left = losses ? ops.sub(scores, ops.mul(ops.abs(ops.sub(row, column)), losses)) : scores;
  const seen = causal ? ops.select(ops.greaterEqual(row, column), left, -1e30) : left;
  return ops.transpose(ops.matmul(ops.softmax(seen), vh), [0, 2, 1, 3]);
}

function operands(given: Given, steps: number, batch = 2): [Tensor, Tensor, Tensor] {
  const make = (name: string): Tensor => given.input(name, batch, steps, 3, 8);
  return [make('q'), make('k'), make('v')];
}

/** Of three heads: ALiBi's for one, one that grows with the distance, none. */
const slopes = [0.25, -0.01, 0];

describe('attention', () => {
  it.each<Form>([{}, {causal: true}, {slopes}, {slopes, causal: true}])(
    'is what its definition says, with its gradients: %o',
    form => {
      const given = new Given();
      const inputs = operands(given, 70);
      const outputsOf = (y: Tensor) => ({
        y,
        ...named(gradients(ops.sum(ops.square(y)), inputs), ['q', 'k', 'v']),
      });
      const own = given.run(outputsOf(ops.attention(...inputs, form)));
      expectNear(own, given.run(outputsOf(byDefinition(...inputs, form))), 2e-6);
    },
  );

  it('is what its definition says where scores grow from block to block, with its gradients', () => {
    const given = new Given();
    const inputs = operands(given, 200, 1);
    const [q, k, v] = inputs;
    const y = ops.attention(q, growing(k), v);
    const outputs = {y, ...named(gradients(ops.sum(ops.square(y)), inputs), ['q', 'k', 'v'])};
    expectNear(given.run(outputs), given.exact(outputs), 1e-5);
  });

  it('has gradients of gradients, with dropout, masks and slopes', () => {
    const given = new Given();
    const inputs = operands(given, 5, 1);
    const mask = ops.greater(given.input('mask', 1, 3, 5, 5), -0.3);
    const y = ops.attention(...inputs, {
      slopes,
      offset: given.int32('offset', 2),
      mask: ops.logicalOr(mask, ops.constant(new Uint8Array([1, 0, 0, 0, 0]), [1, 1, 1, 5], 'bool')),
      dropout: {rate: 0.3, source: source(given)},
    });
    const first = gradients(ops.sum(ops.square(y)), inputs);
    const total = first.reduce((sum, own) => ops.add(sum, ops.sum(ops.square(own))), ops.constant(0));
    const outputs = named(gradients(total, inputs), ['q', 'k', 'v']);
    expectNear(given.run(outputs), given.exact(outputs), 1e-4);
  });

  it.each<Form & {readonly grows?: boolean}>([{}, {slopes}, {grows: true}])(
    'gives a row the same bits alone, with a cache of keys and values, as among all rows: %o',
    ({grows, ...form}) => {
      const given = new Given();
      const [q, own, v] = operands(given, 131);
      const k = grows ? growing(own) : own;
      const whole = given.run({y: ops.attention(q, k, v, {...form, causal: true})}).y as Float32Array;
      for (const row of [0, 1, 11, 12, 63, 64, 65, 130]) {
        const at = given.int32(`at ${row}`, row);
        const one = ops.slice(q, 1, row, 1);
        const alone = given.run({y: ops.attention(one, k, v, {...form, causal: true, offset: at})}).y;
        const cache = [ops.slice(k, 1, 0, row + 1), ops.slice(v, 1, 0, row + 1)] as const;
        const cached = given.run({y: ops.attention(one, ...cache, {...form, offset: at})}).y;
        const wanted = [0, 1].flatMap(b => [
          ...whole.subarray((b * 131 + row) * 24, (b * 131 + row + 1) * 24),
        ]);
        expect(Array.from(alone as Float32Array), `row ${row}`).toEqual(wanted);
        expect(Array.from(cached as Float32Array), `row ${row}`).toEqual(wanted);
      }
    },
  );

  it('gives zeros, and gradients of zero, for a query that sees no key', () => {
    const given = new Given();
    const inputs = operands(given, 4, 1);
    const keyMask = ops.greater(given.input('none', 1, 4), 1);
    const y = ops.attention(...inputs, {keyMask});
    const results = given.run({y, ...named(gradients(ops.sum(y), inputs), ['q', 'k', 'v'])});
    for (const values of Object.values(results))
      expect(new Set(values as Float32Array)).toEqual(new Set([0]));
  });

  it.each<Form>([{}, {slopes}])('takes memory that grows with the length, not with its square: %o', form => {
    const bytesOf = (steps: number): number => {
      const inputs = operands(new Given(), steps, 1);
      const y = ops.attention(...inputs, {...form, causal: true});
      const outputs = named(gradients(ops.sum(ops.square(y)), inputs), ['q', 'k', 'v']);
      return compileProgram({outputs, store: new VariableStore()}).plan.arenaBytes;
    };
    expect(bytesOf(4096) / bytesOf(1024)).toBeLessThan(4.1);
  });

  it('says what does not fit', () => {
    const given = new Given();
    const [q, k, v] = operands(given, 4);
    const other = given.input('other', 2, 4, 2, 8);
    expect(() => ops.attention(q, other, other)).toThrow(/multiple of the 2 of keys/);
    expect(() => ops.attention(q, k, ops.slice(v, 1, 0, 3))).toThrow(/steps and heads of keys and values/);
    expect(() => ops.attention(q, ops.slice(k, 3, 0, 4), v)).toThrow(/differ in size/);
    expect(() => ops.attention(q, k, ops.reshape(v, [2, 4, 24]))).toThrow(/expected \[batch, steps/);
    const mask = ops.greater(given.input('mask', 4, 3), 0);
    expect(() => ops.attention(q, k, v, {keyMask: mask})).toThrow(/keyMask must be bool\[2,4\]/);
    expect(() => ops.attention(q, k, v, {mask})).toThrow(/mask must be/);
    expect(() => ops.attention(q, k, v, {slopes: [1, 2]})).toThrow(
      /slopes must be one finite number for each of the 3 heads\. Received \[1,2\]/,
    );
    expect(() => ops.attention(q, k, v, {slopes: [1, 2, Number.NaN]})).toThrow(/slopes must be/);
    expect(() => ops.attention(q, k, v, {dropout: {rate: 1, source: source(given)}})).toThrow(
      /rate of dropout/,
    );
  });
});
