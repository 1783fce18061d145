import {describe, expect, it} from 'vitest';
import {compileToPlan} from '../../lib/compile/index.ts';
import {printPlan} from '../../lib/compile/listing.ts';
import type {Roots} from '../../lib/compile/roots.ts';
import {type Tensor, type Variable, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {add, finite, input, matmul, mul, relu, reshape, sub} from '../../lib/ops/index.ts';
import {applyUpdate, momentumOp, sgdOp} from '../../lib/ops/optimizer.ts';
import {f32, layoutOf, rootsOf} from './support.ts';

const x = f32('x', 4, 3);

function plan(outputs: Record<string, Tensor>, more: Partial<Roots> = {}): string {
  const roots = rootsOf(outputs, more);
  const request = {updates: roots.updates, guards: roots.guards, outputs, ...layoutOf(roots)};
  return printPlan(compileToPlan(request));
}

const weights = (name: string, ...shape: number[]): Variable => variable({name, shape});

describe('results', () => {
  it('are computed where they are wanted', () => {
    expect(plan({y: relu(x), flat: reshape(relu(mul(x, 2)), [12])})).toMatchInlineSnapshot(`
      "state 0 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input   x     f32[4,3]
      io[1]  output  y     f32[4,3]  each step
      io[2]  output  flat  f32[12]   each step
      compute
        0  t0 io[1] f32[4,3] = map(x io[0] f32[4,3]) {%0 = relu(i0)}
        1  t1 io[2] f32[4,3] = map(x io[0] f32[4,3]) {%0 = mul(i0, 2); %0 = relu(%0)}"
    `);
  });

  it('are copied where they are leaves, or wanted twice', () => {
    const w = weights('w', 3).tensor;
    const y = relu(x);
    expect(plan({w, copyOfX: x, y, same: reshape(y, [12])})).toMatchInlineSnapshot(`
      "state 64 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input   x        f32[4,3]
      io[1]  output  w        f32[3]    each step
      io[2]  output  copyOfX  f32[4,3]  each step
      io[3]  output  y        f32[4,3]  each step
      io[4]  output  same     f32[12]   each step
      compute
        0  t0 io[3] f32[4,3] = map(x io[0] f32[4,3]) {%0 = relu(i0)}
        1  w io[1] f32[3] = copy(w state+0 f32[3])
        2  copyOfX io[2] f32[4,3] = copy(x io[0] f32[4,3])
        3  same io[4] f32[12] = copy(t1 io[3] f32[12])"
    `);
  });

  it('may be read by what follows', () => {
    const y = relu(x);
    expect(plan({y, z: ops.sum(y, 0)})).toMatchInlineSnapshot(`
      "state 0 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input   x  f32[4,3]
      io[1]  output  y  f32[4,3]  each step
      io[2]  output  z  f32[3]    each step
      compute
        0  t0 io[1] f32[4,3] = map(x io[0] f32[4,3]) {%0 = relu(i0)}
        1  t1 io[2] f32[3] = sum(t0 io[1] f32[4,3]) {axis: 0}"
    `);
  });
});

describe('the commit', () => {
  const v = weights('v', 3, 2);
  const w = weights('w', 3, 2);
  const hyper = f32('hyper', 1, 1);
  const dw = f32('dw', 3, 2);

  it('lets updates work on the state itself', () => {
    const [[next]] = applyUpdate(sgdOp, hyper, [[w.tensor, dw]], {groups: [0]}) as [[Tensor]];
    expect(plan({}, {updates: [[w, next]]})).toMatchInlineSnapshot(`
      "state 64 bytes, arena 0 bytes, constants 0 bytes
      io[0]  input  hyper  f32[1,1]
      io[1]  input  dw     f32[3,2]
      commit
        0  w state+0 f32[3,2] = sgd(hyper io[0] f32[1,1], w state+0 f32[3,2],
               dw io[1] f32[3,2]) {groups: [0]}"
    `);
  });

  it('copies updates of other kinds once all are computed', () => {
    const updates: Roots['updates'] = [
      [v, add(v.tensor, w.tensor)],
      [w, mul(w.tensor, v.tensor)],
    ];
    expect(plan({}, {updates})).toMatchInlineSnapshot(`
      "state 128 bytes, arena 128 bytes, constants 0 bytes
      compute
        0  t0 arena+0 f32[3,2] = map(v state+0 f32[3,2], w state+64 f32[3,2]) {%0 = add(i0, i1)}
        1  t1 arena+64 f32[3,2] = map(w state+64 f32[3,2], v state+0 f32[3,2]) {%0 = mul(i0, i1)}
      commit
        2  v state+0 f32[3,2] = copy(t0 arena+0 f32[3,2])
        3  w state+64 f32[3,2] = copy(t1 arena+64 f32[3,2])"
    `);
  });

  it('exchanges two variables', () => {
    const updates: Roots['updates'] = [
      [v, w.tensor],
      [w, v.tensor],
    ];
    expect(plan({}, {updates})).toMatchInlineSnapshot(`
      "state 128 bytes, arena 128 bytes, constants 0 bytes
      compute
        0  t0 arena+0 f32[3,2] = copy(w state+64 f32[3,2])
        1  t1 arena+64 f32[3,2] = copy(v state+0 f32[3,2])
      commit
        2  v state+0 f32[3,2] = copy(t0 arena+0 f32[3,2])
        3  w state+64 f32[3,2] = copy(t1 arena+64 f32[3,2])"
    `);
  });

  it('saves what an update in place reads of a variable that another one writes', () => {
    const [[nextV]] = applyUpdate(sgdOp, hyper, [[v.tensor, dw]], {groups: [0]}) as [[Tensor]];
    const [[nextW]] = applyUpdate(sgdOp, hyper, [[w.tensor, v.tensor]], {groups: [0]}) as [[Tensor]];
    const updates: Roots['updates'] = [
      [v, nextV],
      [w, nextW],
    ];
    expect(plan({}, {updates})).toMatchInlineSnapshot(`
      "state 128 bytes, arena 64 bytes, constants 0 bytes
      io[0]  input  hyper  f32[1,1]
      io[1]  input  dw     f32[3,2]
      compute
        0  t0 arena+0 f32[3,2] = copy(v state+0 f32[3,2])
      commit
        1  v state+0 f32[3,2] = sgd(hyper io[0] f32[1,1], v state+0 f32[3,2],
               dw io[1] f32[3,2]) {groups: [0]}
        2  w state+64 f32[3,2] = sgd(hyper io[0] f32[1,1], w state+64 f32[3,2],
               t0 arena+0 f32[3,2]) {groups: [0]}"
    `);
  });

  it('is not where an update runs whose result is read elsewhere', () => {
    const [[next]] = applyUpdate(sgdOp, hyper, [[w.tensor, dw]], {groups: [0]}) as [[Tensor]];
    expect(plan({y: ops.sum(next, 0)}, {updates: [[w, next]]})).toMatchInlineSnapshot(`
      "state 64 bytes, arena 64 bytes, constants 0 bytes
      io[0]  input   hyper  f32[1,1]
      io[1]  input   dw     f32[3,2]
      io[2]  output  y      f32[2]    each step
      compute
        0  t0 arena+0 f32[3,2] = sgd(hyper io[0] f32[1,1], w state+0 f32[3,2],
               dw io[1] f32[3,2]) {groups: [0]}
        1  t1 io[2] f32[2] = sum(t0 arena+0 f32[3,2]) {axis: 0}
      commit
        2  w state+0 f32[3,2] = copy(t0 arena+0 f32[3,2])"
    `);
  });

  it('gives a result the values before it', () => {
    expect(plan({before: w.tensor}, {updates: [[w, mul(w.tensor, 2)]]})).toMatchInlineSnapshot(`
      "state 64 bytes, arena 64 bytes, constants 0 bytes
      io[0]  output  before  f32[3,2]  each step
      compute
        0  t0 arena+0 f32[3,2] = map(w state+0 f32[3,2]) {%0 = mul(i0, 2)}
        1  before io[0] f32[3,2] = copy(w state+0 f32[3,2])
      commit
        2  w state+0 f32[3,2] = copy(t0 arena+0 f32[3,2])"
    `);
  });
});

/** One hidden layer on rows of a data set, momentum, all guards. */
function trainingStep(): [outputs: Record<string, Tensor>, more: Partial<Roots>] {
  const rows = input({name: 'rows', shape: [8], dtype: 'int32', perStep: true});
  const data = input({name: 'data', shape: [-1, 4], dtype: 'uint8'});
  const classes = input({name: 'classes', shape: [-1], dtype: 'uint8'});
  const parameters = [weights('w1', 4, 6), weights('b1', 6), weights('w2', 6, 3), weights('b2', 3)];
  const [w1, b1, w2, b2] = parameters.map(({tensor}) => tensor) as [Tensor, Tensor, Tensor, Tensor];
  const hidden = relu(add(matmul(ops.gatherRows(data, rows), w1), b1));
  const logits = add(matmul(hidden, w2), b2);
  const {loss} = ops.softmaxCrossentropy(logits, ops.gatherLabels(classes, rows));
  const mean = ops.mean(loss);
  const grads = gradients(mean, [w1, b1, w2, b2]);
  const velocities = parameters.map(({name, shape}) => weights(`${name}/v`, ...shape));
  const segments = parameters.map(({tensor}, index) => [
    tensor,
    grads[index] as Tensor,
    (velocities[index] as Variable).tensor,
  ]);
  const updated = applyUpdate(momentumOp, f32('hyper', 1, 2), segments);
  const updates = parameters.flatMap((parameter, index): [Variable, Tensor][] => {
    const [next, velocity] = updated[index] as [Tensor, Tensor];
    return [
      [parameter, next],
      [velocities[index] as Variable, velocity],
    ];
  });
  return [{loss: ops.total(loss)}, {updates, guards: [mean, ...grads].map(finite)}];
}

describe('a training step', () => {
  it('runs each weight’s gradient behind its dz, tests, and commits at the end', () => {
    const [outputs, more] = trainingStep();
    expect(plan(outputs, more)).toMatchInlineSnapshot(`
      "state 768 bytes, arena 1984 bytes, constants 64 bytes
      io[0]  input   data     u8[-1,4]
      io[1]  input   rows     i32[8]    each step
      io[2]  input   classes  u8[-1]
      io[3]  input   hyper    f32[1,2]
      io[4]  output  loss     f64[]     each step
      compute
        0  t0 arena+896 f32[8,4], t1 arena+1536 i32[8] = gatherRows(data io[0] u8[-1,4],
               rows io[1] i32[8]) {scale: 1, offset: 0}
        1  t2 arena+512 f32[8,6] = matmul(t0 arena+896 f32[8,4], w1 state+0 f32[4,6],
               b1 state+256 f32[6]) {bias, map: relu}
        2  t3 arena+1024 f32[8,3] = matmul(t2 arena+512 f32[8,6], w2 state+384 f32[6,3],
               b2 state+640 f32[3]) {bias}
        3  t4 arena+1600 i32[8], t5 arena+1664 i32[8] = gatherLabels(classes io[2] u8[-1],
               rows io[1] i32[8])
        4  t6 arena+1728 f32[8], t7 arena+1152 f32[8,3],
               t8 arena+1792 i32[8] = softmaxCrossentropy(t3 arena+1024 f32[8,3], t4 arena+1600 i32[8])
        5  t9 io[4] f64[] = total(t6 arena+1728 f32[8])
        6  t10 arena+1856 f32[] = sum(t6 arena+1728 f32[8]) {axis: 0}
        7  t11 arena+1856 f32[] = map(t10 arena+1856 f32[]) {%0 = mul(i0, 0.125)}
        8  t12 arena+1152 f32[8,3] = subtractOneHot(t7 arena+1152 f32[8,3], t4 arena+1600 i32[8],
               constant literal+0 f32[])
        9  t13 arena+704 f32[8,6] = matmul(t12 arena+1152 f32[8,3], w2 state+384 f32[6,3],
               t2 arena+512 f32[8,6]) {transposeB, map: reluGrad}
       10  t14 arena+1280 f32[4,6], t15 arena+0 i32[64] = matmul(t0 arena+896 f32[8,4],
               t13 arena+704 f32[8,6]) {transposeA}
       11  t16 arena+1920 f32[6] = sum(t13 arena+704 f32[8,6]) {axis: 0}
       12  t17 arena+1408 f32[6,3], t18 arena+256 i32[64] = matmul(t2 arena+512 f32[8,6],
               t12 arena+1152 f32[8,3]) {transposeA}
       13  t19 arena+1024 f32[3] = sum(t12 arena+1152 f32[8,3]) {axis: 0}
       14  t20 arena+1088 i32[3] = finiteEach(t11 arena+1856 f32[], t16 arena+1920 f32[6],
               t19 arena+1024 f32[3])
      guard inputNotFinite of data
      guard inputNotFinite of classes
      guard labelOutOfRange of classes
      guard notFinite
      guard notFinite
      guard notFinite
      commit
       15  w1 state+0 f32[4,6], w1/v state+128 f32[4,6], b1 state+256 f32[6], b1/v state+320 f32[6],
               w2 state+384 f32[6,3], w2/v state+512 f32[6,3], b2 state+640 f32[3],
               b2/v state+704 f32[3] = momentum(hyper io[3] f32[1,2], w1 state+0 f32[4,6],
               t14 arena+1280 f32[4,6], w1/v state+128 f32[4,6], b1 state+256 f32[6],
               t16 arena+1920 f32[6], b1/v state+320 f32[6], w2 state+384 f32[6,3],
               t17 arena+1408 f32[6,3], w2/v state+512 f32[6,3], b2 state+640 f32[3],
               t19 arena+1024 f32[3], b2/v state+704 f32[3]) {groups: [0,0,0,0]}"
    `);
  });
});

describe('refused', () => {
  const w = weights('w', 2);

  it.each<[string, () => unknown, string]>([
    [
      'two inputs of one name',
      () => plan({y: add(f32('a', 2), f32('a', 1))}),
      'two different inputs are named "a"',
    ],
    [
      'an output named like an input',
      () => plan({x: relu(x)}),
      '"x" is the name of an input and of an output',
    ],
    [
      'two updates of one variable',
      () =>
        plan(
          {},
          {
            updates: [
              [w, w.tensor],
              [w, relu(w.tensor)],
            ],
          },
        ),
      'two updates of w',
    ],
    [
      'an update of another shape',
      () => plan({}, {updates: [[w, sub(x, 1)]]}),
      'the update of w has another shape',
    ],
    [
      'a guard that is no test',
      () => plan({y: relu(x)}, {guards: [x]}),
      'a guard must be the result of a check',
    ],
    [
      'a result without a number of rows',
      () => plan({y: f32('z', -1, 2)}),
      'y has an unknown number of rows',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
