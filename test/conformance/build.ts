// Builds a graph around one op and a sample of it. Knows nothing of native code.
import {numbersOf} from '../../lib/core/dtype.ts';
import {formatShape} from '../../lib/core/shape.ts';
import {
  apply,
  type Call,
  input,
  type Op,
  opTable,
  type Tensor,
  type Variable,
  variable,
} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import '../../lib/ops/program.ts';
import type {UpdateAttributes} from '../../lib/ops/optimizer.ts';
import {type UpdateName, updates} from '../reference/updates.ts';
import type {Given} from '../reference.ts';
import {type Operand, reals, type Sample} from './data.ts';

/** A graph, what it reads, and what it is to give. */
export interface Program {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates: readonly (readonly [Variable, Tensor])[];
  /** Leaves with their values: inputs by name, and variables. */
  readonly inputs: readonly (readonly [Tensor, Operand])[];
  readonly variables: readonly (readonly [Variable, Operand])[];
}

/** Values of the leaves, for the oracle. */
export function givenOf(program: Program): Given {
  return new Map([
    ...program.inputs.map(([tensor, {data}]) => [tensor, numbersOf(data, tensor.dtype)] as const),
    ...program.variables.map(([{tensor}, {data}]) => [tensor, numbersOf(data, tensor.dtype)] as const),
  ]);
}

export function opOf(name: string): Op {
  const op = opTable.get(name);
  if (!op) throw new Error(`no op ${name}`);
  return op;
}

const isFloat = ({type}: {type: string}): boolean => ['f32', 'N', 'T'].includes(type);

/**
 * Whether an op's gradient is the derivative of what it computes, from float32 to float32. What flows back
 * through stopGradient and customGradient is not.
 */
export function hasDerivative({name, grad, signature}: Op): boolean {
  if (!grad || name === 'stopGradient' || name === 'customGradient') return false;
  return [signature.inputs, signature.outputs].every(list => list.some(isFloat));
}

interface Shaping {
  /** Puts `+ zero` before and after the op, so that passes have something to fuse and to overwrite. */
  readonly around?: boolean;
  /** Leaves the number of rows of the first operand to the run. */
  readonly dynamicRows?: boolean;
}

export interface OpProgram extends Program {
  readonly call: Call;
}

/** One call of an op on a sample. What an update replaces becomes a variable; all else is an input. */
export function buildOp(
  op: Op,
  sample: Sample,
  {around = false, dynamicRows = false}: Shaping = {},
): OpProgram {
  const zero = input({name: 'zero', shape: []});
  const variables: [Variable, Operand][] = [];
  const inputs: [Tensor, Operand][] = around
    ? [[zero, {shape: [], dtype: 'float32', data: new Float32Array(1)}]]
    : [];
  const replaced = (position: number): boolean => {
    if (op.updates === undefined || position === 0) return false;
    // Of rows: the table, and its moments behind ids and what arrives.
    return op.name.endsWith('Rows')
      ? position === 1 || position > 3
      : (position - 1) % widthOf(op, sample) !== 1;
  };
  const operands = sample.operands.map((operand, position) => {
    const name = `x${position}`;
    if (replaced(position)) {
      const owner = variable({name, shape: operand.shape, dtype: operand.dtype});
      variables.push([owner, operand]);
      return owner.tensor;
    }
    const shape = dynamicRows && position === 0 ? [-1, ...operand.shape.slice(1)] : operand.shape;
    const tensor = input({name, shape, dtype: operand.dtype});
    inputs.push([tensor, operand]);
    return around && operand.dtype === 'float32' && op.updates === undefined ? ops.add(tensor, zero) : tensor;
  });
  const results = apply(op, operands, sample.attributes ?? {});
  const {call} = results[0] as Tensor;
  const positions = op.updates?.(call) ?? [];
  const replacedBy = positions.map((position, index) => {
    const owner = variables.find(([{tensor}]) => tensor === operands[position]);
    return [(owner as [Variable, Operand])[0], results[index] as Tensor] as const;
  });
  const last = results.map(y => (around && y.dtype === 'float32' ? ops.add(y, zero) : y));
  const outputs = op.updates ? {} : Object.fromEntries(last.map((y, index) => [`y${index}`, y]));
  return {call, outputs, updates: replacedBy, inputs, variables};
}

/** Operands of a segment of an update. */
function widthOf({name}: Op, {attributes}: Sample): number {
  return updates[name as UpdateName].width + Number((attributes as UpdateAttributes).averages);
}

/** `matmul([3,4] float32, …) {…}`: what to type to see a failure again. */
export function reproducer(op: string, sample: Sample): string {
  const operands = sample.operands.map(({shape, dtype}) => `${formatShape(shape)} ${dtype}`).join(', ');
  return `${op}(${operands}) ${JSON.stringify(sample.attributes ?? {}).slice(0, 120)}`;
}

/** An input with its value. */
export const asTensor = (operand: Operand, name: string): [Tensor, Operand] => [
  input({name, shape: operand.shape, dtype: operand.dtype}),
  operand,
];

/** Σ over outputs of Σ output · weight: a scalar that sees every element of every output. */
export function weighted(outputs: readonly Tensor[]): {loss: Tensor; weights: [Tensor, Operand][]} {
  const real = outputs
    .filter(output => output.dtype === 'float32' || output.dtype === 'bool')
    .map(output => ops.cast(output, 'float32'));
  const weights = real.map((output, index) => asTensor(reals(output.shape, 0.5, 1.5), `weight${index}`));
  const terms = real.map((output, index) =>
    ops.sum(ops.mul(output, (weights[index] as [Tensor, Operand])[0])),
  );
  return {loss: terms.reduce((a, b) => ops.add(a, b)), weights};
}
