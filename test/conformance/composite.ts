// What a plain function of ops gets for one call: its values against a formula computed independently in
// float64, its gradients and their gradients against differences, each call in it against the oracle, the
// same bits on every instruction set.
import type {Tensor} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import {add, constant, mul, sum} from '../../lib/ops/index.ts';
import {evaluate} from '../reference.ts';
import {asTensor, givenOf, type Program, weighted} from './build.ts';
import {type Operand, reals} from './data.ts';
import {expectEveryCall} from './every-call.ts';
import {expectGradient} from './gradient.ts';
import {expectSameResults, isas, runNative} from './native.ts';

type Numbers = ArrayLike<number>;

export interface Composite {
  build(...operands: Tensor[]): Tensor;
  /** The same in plain numbers, in row-major order. */
  exact(...operands: Float64Array[]): Numbers;
  readonly operands: readonly Operand[];
  /** How many operands, from the first on, have gradients to be tested; none where a kink is near. */
  readonly differentiable: number;
  /** Relative to the result, or to 1 where it is smaller. */
  readonly tolerance?: number;
  /** Also of the gradients themselves. */
  readonly twice?: boolean;
}

function expectClose(actual: ArrayLike<number>, exact: ArrayLike<number>, room: number, what: string): void {
  if (actual.length !== exact.length)
    throw new Error(`${what}: ${actual.length}, not ${exact.length} numbers`);
  Array.from(exact).forEach((wanted, at) => {
    const got = actual[at] as number;
    if (Object.is(got, wanted) || got === wanted) return;
    const error = Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));
    if (!(error <= room)) throw new Error(`${what}: number ${at} is ${got}, exactly ${wanted}`);
  });
}

/** Constants are float32 even where all else is computed in float64. */
const roundedConstants = 2e-7;

export function expectComposite(what: string, composite: Composite): void {
  const {build, exact, operands, differentiable, tolerance = 1e-6, twice = false} = composite;
  const leaves = operands.map((operand, index) => asTensor(operand, `x${index}`));
  const y = build(...leaves.map(([tensor]) => tensor));
  const program: Program = {outputs: {y}, updates: [], inputs: leaves, variables: []};
  const wanted = exact(...operands.map(({data}) => Float64Array.from(data)));
  expectClose(
    evaluate([y], givenOf(program))[0] as Float64Array,
    wanted,
    roundedConstants,
    `${what} in float64`,
  );
  const first = runNative(program, {isa: isas[0] as string});
  expectClose(first.y as Float32Array, wanted, tolerance, what);
  for (const isa of isas.slice(1)) expectSameResults(runNative(program, {isa}), first, `${what} on ${isa}`);
  if (differentiable === 0) return;
  expectDerivatives(what, y, leaves, differentiable);
  if (!twice) return;
  const slope = slopeOf(y, leaves, differentiable);
  expectDerivatives(`${what}, second order`, slope, leaves, differentiable);
}

/** The derivative of a weighted sum along a direction, whose weights are constants: a scalar. */
function slopeOf(y: Tensor, leaves: readonly (readonly [Tensor, Operand])[], count: number): Tensor {
  const constantOf = ({shape, data}: Operand): Tensor => constant(data as Float32Array, shape);
  const loss = sum(mul(y, constantOf(reals(y.shape, 0.5, 1.5))));
  const targets = leaves.slice(0, count).map(([tensor]) => tensor);
  const terms = gradients(loss, targets).map(own => sum(mul(own, constantOf(reals(own.shape, 0.5, 1.5)))));
  return terms.reduce((a, b) => add(a, b));
}

function expectDerivatives(
  what: string,
  y: Tensor,
  leaves: readonly (readonly [Tensor, Operand])[],
  count: number,
): void {
  const {loss, weights} = weighted([y]);
  const targets = leaves.slice(0, count).map(([tensor]) => tensor);
  const derivatives = gradients(loss, targets);
  const outputs = Object.fromEntries(derivatives.map((derivative, index) => [`d${index}`, derivative]));
  const whole: Program = {outputs, updates: [], inputs: [...leaves, ...weights], variables: []};
  for (const [index, derivative] of derivatives.entries()) {
    expectGradient(loss, targets[index] as Tensor, derivative, givenOf(whole), `${what}, gradient ${index}`);
  }
  expectEveryCall(whole, what);
  const first = runNative(whole, {isa: isas[0] as string});
  for (const isa of isas.slice(1)) expectSameResults(runNative(whole, {isa}), first, `${what} on ${isa}`);
}
