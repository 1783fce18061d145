// What the compiler makes of recurrent cells: one call each way in every iteration, and the same bits as the
// products and cells that it is made of.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {expectNear, Given, named, type Outputs} from '../ops/recurrent.ts';

interface Size {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
  readonly biased?: boolean;
}

/** All outputs of a cell over a sequence, and the gradients of all that it reads. */
function net(kind: 'lstm' | 'gru', {steps, batch, units, biased = true}: Size, unrolled = false) {
  const given = new Given();
  const gates = kind === 'lstm' ? 4 : 3;
  const x = given.input('x', steps, batch, 5);
  const [w, u] = [given.input('w', 5, gates * units), given.input('u', units, gates * units)] as const;
  const [b, h0] = [given.input('b', gates * units), given.input('h0', batch, units)] as const;
  const step = (states: readonly Tensor[], xt: Tensor): readonly Tensor[] => {
    const [h, c] = states as [Tensor, Tensor];
    const [sums, product] = [ops.matmul(xt, w), ops.matmul(h, u)];
    if (kind === 'gru') return [ops.gruCell(sums, biased ? ops.add(product, b) : product, h)];
    const next = ops.lstmCell(ops.add(ops.add(sums, b), product), c);
    return [next.h, next.c];
  };
  const before = kind === 'lstm' ? [h0, ops.tanh(h0)] : [h0];
  let all: Tensor;
  if (unrolled) {
    let states: readonly Tensor[] = before;
    const made: Tensor[] = [];
    for (let turn = 0; turn < steps; turn++) {
      states = step(states, ops.reshape(ops.slice(x, 0, turn, 1), [batch, 5]));
      made.push(ops.reshape(states[0] as Tensor, [1, batch, units]));
    }
    all = ops.concatenate(made, 0);
  } else {
    const {outputs} = ops.scan(
      (states: readonly Tensor[], [xt]) => {
        const next = step(states, xt);
        return {carries: next, outputs: [next[0] as Tensor]};
      },
      {carries: before, sequences: [x]},
    );
    all = outputs[0] as Tensor;
  }
  const targets = kind === 'lstm' || biased ? {x, w, u, b, h0} : {x, w, u, h0};
  const loss = ops.sum(ops.mul(ops.square(all), 0.5));
  const outputs = {all, ...named(gradients(loss, Object.values(targets)), Object.keys(targets))};
  return {given, outputs, loss, targets};
}

const inLoops = (outputs: Outputs): string[] =>
  compileProgram({outputs, store: new VariableStore()})
    .plan.instructions.filter(({depth}) => depth === 1)
    .map(({name}) => name);

const sizes: readonly Size[] = [
  {steps: 6, batch: 3, units: 4},
  {steps: 5, batch: 11, units: 17},
  {steps: 4, batch: 64, units: 48},
  {steps: 5, batch: 37, units: 128},
];

describe.each(['lstm', 'gru'] as const)('%s', kind => {
  it('has one call for a step forward; backward, what arrives is added before', () => {
    expect(inLoops(net(kind, sizes[0] as Size).outputs)).toEqual([`${kind}Step`, 'map', `${kind}StepGrad`]);
  });

  it.each(sizes)('gives the same bits as its products and cells: %j', size => {
    const {given, outputs} = net(kind, size);
    const fused = given.run(outputs);
    const apart = given.run(outputs, {passes: {fuse: false}});
    for (const name of Object.keys(outputs)) expect(fused[name], name).toEqual(apart[name]);
    expectNear(fused, given.run(outputs, {passes: {move: false}}));
  });

  it.each(sizes.slice(0, 2))('gives what the oracle gives, unrolled too: %j', size => {
    for (const unrolled of [false, true]) {
      const {given, outputs} = net(kind, size, unrolled);
      expectNear(given.run(outputs), given.exact(outputs));
    }
  });

  it('has gradients of gradients', () => {
    const {given, targets, loss} = net(kind, {steps: 3, batch: 2, units: 3});
    const first = gradients(loss, Object.values(targets));
    const total = first.reduce((sum, own) => ops.add(sum, ops.sum(ops.square(own))), ops.constant(0));
    const outputs = named(gradients(total, Object.values(targets)), Object.keys(targets));
    expectNear(given.run(outputs), given.exact(outputs), 1e-4);
  });
});

it('a gru without a bias of its state is one call, too', () => {
  const {given, outputs} = net('gru', {...(sizes[1] as Size), biased: false});
  expect(inLoops(outputs)).toEqual(['gruStep', 'map', 'gruStepGrad']);
  expectNear(given.run(outputs), given.exact(outputs));
});

it.each(['lstm', 'gru'] as const)('weights of %s are laid out in panels once in front of a loop', kind => {
  const planOf = (size: Size): string => {
    const {outputs} = net(kind, size);
    return compileProgram({outputs, store: new VariableStore()}).stages().plan;
  };
  const gates = kind === 'lstm' ? 4 : 3;
  const plan = planOf({steps: 5, batch: 37, units: 128});
  const stepOf = (name: string): string => plan.split(`${name}(`)[1]?.split(')')[0] ?? '';
  expect(stepOf(`${kind}Step`)).toContain(`f32[${2 * gates},128,64]`);
  expect(stepOf(`${kind}StepGrad`)).toContain(`f32[2,${gates * 128},64]`);
  // Each way one call lays them out, from the weights as they are.
  expect(plan.match(/(?<=permutation: )\[[^\]]*/g)?.sort()).toEqual(['[0,2,1', '[1,0,2']);
  for (const size of [
    {steps: 5, batch: 3, units: 128},
    {steps: 5, batch: 37, units: 24},
    {steps: 2, batch: 37, units: 128},
  ]) {
    expect(planOf(size)).not.toContain(',64] {permutation');
    expect(planOf(size)).not.toMatch(/f32\[\d+,\d+,64\]/);
  }
});

it('weights that exceed a cache stay in a product that all threads share', () => {
  const given = new Given();
  const [x, u, c] = [given.input('x', 3, 2, 1200), given.input('u', 300, 1200), given.input('c', 2, 300)];
  const {carries} = ops.scan(
    ([h, state], [sums]) => {
      const next = ops.lstmCell(ops.add(ops.matmul(h, u as Tensor), sums), state);
      return {carries: [next.h, next.c]};
    },
    {carries: [c as Tensor, c as Tensor], sequences: [x as Tensor]},
  );
  expect(inLoops({last: carries[0]})).toEqual(['matmul', 'lstmCell']);
});

it('two cells in one loop, of different sizes, each become a call each way', () => {
  const given = new Given();
  const [x, first, c0] = [given.input('x', 4, 3, 20), given.input('u', 5, 20), given.input('c', 3, 5)];
  const [between, second, c1] = [given.input('w', 5, 24), given.input('v', 6, 24), given.input('d', 3, 6)];
  const {carries} = ops.scan(
    ([h, c, g, d], [sums]) => {
      const lower = ops.lstmCell(ops.add(ops.matmul(h, first), sums), c);
      const inner = ops.add(ops.matmul(g, second), ops.matmul(lower.h, between));
      const upper = ops.lstmCell(inner, d);
      return {carries: [lower.h, lower.c, upper.h, upper.c]};
    },
    {carries: [c0, c0, c1, c1], sequences: [x]},
  );
  const targets = [first, between, second];
  const outputs = named(gradients(ops.sum(ops.square(carries[2])), targets), ['u', 'w', 'v']);
  const loops = inLoops(outputs);
  for (const name of ['lstmStep', 'lstmStepGrad']) {
    expect(loops.filter(own => own === name)).toHaveLength(2);
  }
  expectNear(given.run(outputs), given.exact(outputs));
});
