import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {callsOf, rebuild, rewrite, usersOf} from '../../lib/graph/walk.ts';
import {add, input, mul, neg, relu} from '../../lib/ops/index.ts';

const x = input({name: 'x', shape: [2]});

describe('callsOf', () => {
  it('gives operands before what reads them, each once', () => {
    const a = neg(x);
    const b = mul(a, a);
    const names = callsOf([add(b, a), b]).map(({op}) => op.name);
    expect(names).toEqual(['input', 'neg', 'mul', 'add']);
  });

  it('walks graphs that are deeper than the call stack', () => {
    let y: Tensor = x;
    for (let depth = 0; depth < 50_000; depth++) y = neg(y);
    expect(callsOf([y])).toHaveLength(50_001);
  });
});

describe('usersOf', () => {
  it('lists a call once that reads a tensor twice', () => {
    const a = neg(x);
    const square = mul(a, a);
    const users = usersOf(callsOf([square, relu(a)]));
    expect(users.get(a)?.map(({op}) => op.name)).toEqual(['mul', 'relu']);
    expect(users.has(square)).toBe(false);
  });
});

describe('rewrite', () => {
  it('rebuilds only what reads something new', () => {
    const kept = relu(x);
    const changed = add(neg(x), kept);
    const become = rewrite([changed], (call, inputs) =>
      call.op.name === 'neg' ? [mul(inputs[0] as Tensor, -1)] : rebuild(call, inputs),
    );
    const [product, same] = become(changed).call.inputs as [Tensor, Tensor];
    expect(product.call.op.name).toBe('mul');
    expect(same).toBe(kept);
    expect(become(kept)).toBe(kept);
  });
});
