// The cells of recurrent nets: gates, state and output of one step, each in one pass. What the inputs and the
// state add to the gates are products before them.
import {defineOp} from '../core/define.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {apply, checkTensor, failIn, type Tensor, type TensorSpec} from '../core/tensor.ts';
import {concatenate} from './join.ts';
import {add, mul, neg, square, sub, tanh, zeros} from './map.ts';
import {slice} from './pad.ts';

/** Refuses gates that are not so many times as wide as the state. */
function checkGates(op: string, gates: Tensor, state: Tensor, count: number): void {
  const units = state.shape.at(-1) ?? 0;
  const fits = state.rank > 0 && sameShape(gates.shape, [...state.shape.slice(0, -1), count * units]);
  if (fits) return;
  const received = `Received ${formatShape(gates.shape)} and ${formatShape(state.shape)}`;
  failIn(op, 'ERR_SHAPE', `expected ${count} gates of each unit of the state. ${received}`);
}

function checkStates(op: string, state: Tensor, others: readonly Tensor[]): Shape {
  for (const other of others) {
    if (sameShape(other.shape, state.shape)) continue;
    const received = `Received ${formatShape(other.shape)} and ${formatShape(state.shape)}`;
    failIn(op, 'ERR_SHAPE', `states and their gradients must have one shape. ${received}`);
  }
  return state.shape;
}

type Gates = readonly [Tensor, Tensor, Tensor, Tensor];

/** The parts of the last axis that belong to each gate; of three, the fourth is the first again. */
function gatesOf(gates: Tensor, count: 3 | 4): Gates {
  const units = (gates.shape.at(-1) ?? 0) / count;
  const gate = (index: number): Tensor => slice(gates, gates.rank - 1, (index % count) * units, units);
  return [gate(0), gate(1), gate(2), gate(3)];
}

const joined = (parts: readonly Tensor[], {rank}: Tensor): Tensor => concatenate(parts, rank - 1);

/** y · (1 − y), the derivative of the logistic function, by its value. */
const derivative = (y: Tensor): Tensor => mul(y, sub(1, y));
/** 1 − 2y, the derivative of that by the value. */
const secondDerivative = (y: Tensor): Tensor => sub(1, mul(y, 2));
/** 1 − y², the derivative of tanh, by its value. */
const tanhDerivative = (y: Tensor): Tensor => sub(1, square(y));

const sumOf = (first: Tensor, ...others: readonly Tensor[]): Tensor =>
  others.reduce((sum, term) => add(sum, term), first);

export const lstmCellOp = defineOp({
  signature: 'lstmCell(z: f32, c: f32) -> gates: f32, h: f32, next: f32',
  inPlace: 'z',
  shape({z, c}) {
    checkGates('lstmCell', z, c, 4);
    return {gates: z.shape, h: c.shape, next: c.shape};
  },
  flops: ({c}) => 60 * sizeOf(c.shape),
  grad({dGates, dh, dNext}, {c, gates, next}) {
    const none = zeros(c.shape);
    const [dc, dz] = apply(lstmCellGradOp, [gates, c, next, dh ?? none, dNext ?? none], {});
    if (!dGates) return {dz, dc};
    const [i, f, g, o] = gatesOf(gates, 4);
    const derivatives = joined([derivative(i), derivative(f), tanhDerivative(g), derivative(o)], gates);
    return {dz: add(dz, mul(dGates, derivatives)), dc};
  },
});

/** From the gradients of h and the next c to those of the sums and of c. */
export const lstmCellGradOp = defineOp({
  signature: 'lstmCellGrad(gates: f32, c: f32, next: f32, dh: f32, dNext: f32) -> dc: f32, dz: f32',
  inPlace: 'dNext',
  shape({gates, c, next, dh, dNext}) {
    checkGates('lstmCellGrad', gates, c, 4);
    return {dc: checkStates('lstmCellGrad', c, [next, dh, dNext]), dz: gates.shape};
  },
  flops: ({c}) => 50 * sizeOf(c.shape),
  grad({dDc, dDz}, {gates, c, next, dh, dNext}) {
    const [i, f, g, o] = gatesOf(gates, 4);
    const none = zeros(c.shape);
    const [ei, ef, eg, eo] = dDz ? gatesOf(dDz, 4) : [none, none, none, none];
    const ec = dDc ?? none;
    const y = tanh(next);
    const through = mul(o, tanhDerivative(y));
    const dState = add(mul(dh, through), dNext);
    // What the gradient of the state is multiplied with.
    const share = sumOf(
      mul(mul(ei, g), derivative(i)),
      mul(mul(ef, c), derivative(f)),
      mul(mul(eg, i), tanhDerivative(g)),
      mul(ec, f),
    );
    const ofOutput = mul(eo, derivative(o));
    const dGates = [
      mul(dState, add(mul(mul(ei, g), secondDerivative(i)), mul(eg, tanhDerivative(g)))),
      mul(dState, add(mul(mul(ef, c), secondDerivative(f)), ec)),
      mul(dState, sub(mul(ei, derivative(i)), mul(mul(eg, i), mul(g, 2)))),
      mul(dh, add(mul(share, tanhDerivative(y)), mul(mul(eo, y), secondDerivative(o)))),
    ];
    return {
      dGates: joined(dGates, gates),
      dc: mul(dState, mul(ef, derivative(f))),
      dNext: mul(mul(dh, tanhDerivative(y)), sub(ofOutput, mul(mul(share, o), mul(y, 2)))),
      dDh: add(mul(share, through), mul(ofOutput, y)),
      dDNext: share,
    };
  },
});

export const gruCellOp = defineOp({
  signature: 'gruCell(x: f32, z: f32, h: f32) -> gates: f32, next: f32',
  shape({x, z, h}) {
    checkGates('gruCell', x, h, 3);
    checkGates('gruCell', z, h, 3);
    return {gates: [...h.shape.slice(0, -1), 4 * (h.shape.at(-1) ?? 0)], next: h.shape};
  },
  flops: ({h}) => 45 * sizeOf(h.shape),
  grad({dGates, dNext}, {h, gates}) {
    const [dh, dx, dz] = apply(gruCellGradOp, [gates, h, dNext ?? zeros(h.shape)], {});
    if (!dGates) return {dx, dz, dh};
    const [u, r, g, recurrent] = gatesOf(gates, 4);
    const [du, dr, dg, dRecurrent] = gatesOf(dGates, 4);
    const candidate = mul(dg, tanhDerivative(g));
    const update = mul(du, derivative(u));
    const reset = mul(add(dr, mul(candidate, recurrent)), derivative(r));
    const more = joined([update, reset, add(mul(candidate, r), dRecurrent)], gates);
    return {dx: add(dx, joined([update, reset, candidate], gates)), dz: add(dz, more), dh};
  },
});

/** From the gradient of the next state to those of both sums, and of the state past them. */
export const gruCellGradOp = defineOp({
  signature: 'gruCellGrad(gates: f32, h: f32, dNext: f32) -> dh: f32, dx: f32, dz: f32',
  inPlace: 'dNext',
  shape({gates, h, dNext}) {
    checkGates('gruCellGrad', gates, h, 4);
    const sums = [...h.shape.slice(0, -1), 3 * (h.shape.at(-1) ?? 0)];
    return {dh: checkStates('gruCellGrad', h, [dNext]), dx: sums, dz: sums};
  },
  flops: ({h}) => 30 * sizeOf(h.shape),
  grad({dDh, dDx, dDz}, {gates, h, dNext}) {
    const none = zeros(h.shape);
    const partsOf = (gradient: Tensor | null): Gates =>
      gradient ? gatesOf(gradient, 3) : [none, none, none, none];
    const [u, r, g, recurrent] = gatesOf(gates, 4);
    const [xu, xr, ofCandidate] = partsOf(dDx);
    const [zu, zr, ofRecurrent] = partsOf(dDz);
    const [ofUpdate, ofReset, past] = [add(xu, zu), add(xr, zr), dDh ?? none];
    const kept = sub(1, u);
    const candidate = mul(mul(dNext, kept), tanhDerivative(g));
    const change = sub(h, g);
    // What the gradients of the candidate's sum and of the next state are multiplied with.
    const ofSum = sumOf(ofCandidate, mul(mul(ofReset, recurrent), derivative(r)), mul(ofRecurrent, r));
    const share = sumOf(
      mul(past, u),
      mul(mul(ofUpdate, change), derivative(u)),
      mul(mul(ofSum, kept), tanhDerivative(g)),
    );
    const dGates = [
      mul(
        dNext,
        sub(add(past, mul(mul(ofUpdate, change), secondDerivative(u))), mul(ofSum, tanhDerivative(g))),
      ),
      mul(candidate, add(mul(mul(ofReset, recurrent), secondDerivative(r)), ofRecurrent)),
      neg(mul(dNext, add(mul(ofUpdate, derivative(u)), mul(mul(ofSum, kept), mul(g, 2))))),
      mul(candidate, mul(ofReset, derivative(r))),
    ];
    return {dGates: joined(dGates, gates), dh: mul(dNext, mul(ofUpdate, derivative(u))), dDNext: share};
  },
});

/**
 * One step of long short-term memory, from the sums before its gates, [..., 4·units] in the order input,
 * forget, cell, output, and the state c, [..., units]: next = σ(f)·c + σ(i)·tanh(g), h = σ(o)·tanh(next)
 * (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
 *
 * @throws ERR_SHAPE where the sums are not four times as wide as the state.
 */
export function lstmCell(z: Tensor, c: Tensor): {readonly h: Tensor; readonly c: Tensor} {
  checkTensor('lstmCell', 'z', z);
  checkTensor('lstmCell', 'c', c);
  const [, h, next] = apply(lstmCellOp, [z, c], {});
  return {h, c: next};
}

/**
 * One step of a gated recurrent unit, from what inputs and state add to the gates, x and z, each
 * [..., 3·units] in the order update, reset, candidate, and the state h, [..., units]:
 * h ← u·h + (1 − u)·tanh(x_g + r·z_g) with u = σ(x_u + z_u), r = σ(x_r + z_r): the reset gate applies behind
 * the product, as in cuDNN (Cho et al. 2014).
 *
 * @throws ERR_SHAPE where the sums are not three times as wide as the state.
 */
export function gruCell(x: Tensor, z: Tensor, h: Tensor): Tensor {
  for (const [name, tensor] of Object.entries({x, z, h})) checkTensor('gruCell', name, tensor);
  const [, next] = apply(gruCellOp, [x, z, h], {});
  return next;
}

// What the compiler makes of the product of the state and the cell that reads it, and of the gradient of a
// cell and the product that reads that. The kernel is a matrix or, in a loop, its panels: [n / 64, k, 64].

/** A multiplication and an addition for each weight and row, and the cell. */
const flopsOf = (rows: Shape, kernel: TensorSpec, each: number): number =>
  (rows[0] ?? 0) * 2 * sizeOf(kernel.shape) + each * sizeOf(rows);

/** lstmCell(x + h · kernel, c). */
export const lstmStepOp = defineOp({
  signature: 'lstmStep(x: f32, h: f32, c: f32, kernel: f32) -> gates: f32, y: f32, next: f32',
  kind: 'fused',
  shape: ({x, c}) => ({gates: x.shape, y: c.shape, next: c.shape}),
  flops: ({c, kernel}) => flopsOf(c.shape, kernel, 60),
});

const lstmOperands = 'gates: f32, c: f32, next: f32, dh: f32, dNext: f32';

/** lstmCellGrad, and dz · kernel. */
export const lstmStepGradOp = defineOp({
  signature: `lstmStepGrad(${lstmOperands}, kernel: f32) -> dc: f32, dz: f32, before: f32`,
  kind: 'fused',
  inPlace: 'dNext',
  shape: ({gates, c}) => ({dc: c.shape, dz: gates.shape, before: c.shape}),
  flops: ({c, kernel}) => flopsOf(c.shape, kernel, 50),
});

/** gruCell(x, h · kernel + bias, h). */
export const gruStepOp = defineOp({
  signature: 'gruStep(x: f32, h: f32, kernel: f32, bias?: f32) -> gates: f32, next: f32',
  kind: 'fused',
  shape: ({h}) => ({gates: [h.shape[0] ?? 0, 4 * (h.shape[1] ?? 0)], next: h.shape}),
  flops: ({h, kernel}) => flopsOf(h.shape, kernel, 45),
});

/** gruCellGrad, and dz · kernel + dh. */
export const gruStepGradOp = defineOp({
  signature: 'gruStepGrad(gates: f32, h: f32, dNext: f32, kernel: f32) -> before: f32, dx: f32, dz: f32',
  kind: 'fused',
  shape({h}) {
    const sums = [h.shape[0] ?? 0, 3 * (h.shape[1] ?? 0)];
    return {before: h.shape, dx: sums, dz: sums};
  },
  flops: ({h, kernel}) => flopsOf(h.shape, kernel, 30),
});
