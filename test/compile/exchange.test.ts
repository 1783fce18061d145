// What other processes take part in has a phase of its own. No op does yet: one with the kernel of `copy`
// stands in.
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {compileToPlan} from '../../lib/compile/index.ts';
import {printPlan} from '../../lib/compile/listing.ts';
import {defineOp} from '../../lib/core/define.ts';
import {apply1, type Op, opTable, type Tensor, variable} from '../../lib/core/tensor.ts';
import {finite, mul, sub, sum} from '../../lib/ops/index.ts';
import {f32, layoutOf, rootsOf} from './support.ts';

const copy = opTable.get('copy') as Op;
let exchange: (gradient: Tensor) => Tensor;

beforeAll(() => {
  opTable.delete('copy');
  const op = defineOp({signature: 'copy(x: T) -> y: T', exchanges: true, shape: ({x}) => x.shape});
  exchange = gradient => apply1(op, [gradient], {});
});
afterAll(() => opTable.set('copy', copy));

describe('the exchange phase', () => {
  it('holds what is exchanged and all that depends on it, and the guards are checked after it', () => {
    const w = variable({name: 'w', shape: [4]});
    const x = f32('x', 4);
    const dw = exchange(mul(x, w.tensor));
    const loss = sum(mul(x, 2));
    const outputs = {loss, size: sum(dw)};
    const roots = rootsOf(outputs, {updates: [[w, sub(w.tensor, dw)]], guards: [finite(dw), finite(loss)]});
    const plan = compileToPlan({...roots, outputs, ...layoutOf(roots)});
    expect(plan.instructions.map(({name, phase}) => `${phase} ${name}`)).toEqual([
      'compute map',
      'compute sum',
      'compute map',
      'exchange copy',
      'exchange sum',
      'exchange finiteEach',
      'exchange map',
      'commit copy',
    ]);
    expect(printPlan(plan)).toMatchInlineSnapshot(`
      "state 64 bytes, arena 320 bytes, constants 0 bytes
      io[0]  input   x     f32[4]
      io[1]  output  loss  f32[]   each step
      io[2]  output  size  f32[]   each step
      compute
        0  t0 arena+0 f32[4] = map(x io[0] f32[4]) {%0 = mul(i0, 2)}
        1  t1 io[1] f32[] = sum(t0 arena+0 f32[4]) {axis: 0}
        2  t2 arena+64 f32[4] = map(x io[0] f32[4], w state+0 f32[4]) {%0 = mul(i0, i1)}
      exchange
        3  t3 arena+128 f32[4] = copy(t2 arena+64 f32[4])
        4  t4 io[2] f32[] = sum(t3 arena+128 f32[4]) {axis: 0}
        5  t5 arena+192 i32[2] = finiteEach(t3 arena+128 f32[4], t1 io[1] f32[])
        6  t6 arena+256 f32[4] = map(w state+0 f32[4], t3 arena+128 f32[4]) {%0 = sub(i0, i1)}
      guard notFinite
      commit
        7  w state+0 f32[4] = copy(t6 arena+256 f32[4])"
    `);
  });
});
