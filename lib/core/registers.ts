// What elementwise ops compute in. In a signature N stands for f32 and i32, T for f32, i32 and bool: the
// kernel of such an op has a row for each of them.
import {type ComputedType, type DType, dtypes} from './dtype.ts';
import {computedTypes, widest} from './promotion.ts';
import type {Signature} from './signature.ts';
import {
  type Call,
  constant,
  failIn,
  isTensor,
  type Op,
  type Tensor,
  type TensorLike,
  type TensorSpec,
} from './tensor.ts';

const typePattern = /: (\w+)(?=[,)]| ->| \{|$)/g;

/** What a tensor is in a register. */
export const registerOf = ({dtype}: {readonly dtype: DType}): ComputedType => dtypes[dtype].computed;

/** The row of a kernel that computes with operands and a result of these types. */
export function rowOf({text}: Signature, types: readonly ComputedType[]): string {
  let place = 0;
  return text.replace(typePattern, (whole, type: string) => {
    const own = types[place++];
    return own && ['N', 'T', 'any'].includes(type) ? `: ${dtypes[own].short}` : whole;
  });
}

type Applied = Pick<Call, 'op' | 'inputs' | 'result'>;

/** The row that computes a call of an elementwise op. */
export const rowOfCall = ({op, inputs, result}: Applied): string =>
  rowOf(op.signature, [...inputs, result].map(registerOf));

/** The kernel of another op: one for each type that N stands for. */
export function kernelSignature({signature: {text, inputs}}: Op, operands: readonly TensorSpec[]): string {
  const place = inputs.findIndex(({type}) => type === 'N');
  const operand = operands[place];
  return operand ? text.replace(/: N\b/g, `: ${dtypes[operand.dtype].short}`) : text;
}

/** The signatures of all kernels and rows of an op. */
export function rowsOf({signature, converts, elementwise, kind}: Op): string[] {
  const {text} = signature;
  const each = (types: readonly ComputedType[]): string[] =>
    types.map(type => rowOf(signature, new Array<ComputedType>(4).fill(type)));
  const isMapped = elementwise && kind === 'primitive';
  if (/: any\b/.test(text) && converts) {
    return computedTypes.flatMap(from => computedTypes.map(to => rowOf(signature, [from, to])));
  }
  if (/: T\b/.test(text) && isMapped) return each(computedTypes);
  return /: N\b/.test(text) ? each(['int32', 'float32']) : [text];
}

const firstRows = new WeakMap<Op, string>();

/** One of them, by which to ask whether an op has a kernel. */
export function firstRowOf(op: Op): string {
  const known = firstRows.get(op) ?? (rowsOf(op)[0] as string);
  firstRows.set(op, known);
  return known;
}

const isInt32 = (value: number): boolean => value === (value | 0) && !Object.is(value, -0);

/** What operands are computed as together: bool < int32 < float32; an integer counts as `least`. */
function commonType(operands: readonly TensorLike[], least: ComputedType): ComputedType {
  if (!operands.some(isTensor)) return 'float32';
  const types = operands.map(
    (operand): ComputedType =>
      isTensor(operand) ? registerOf(operand) : isInt32(operand) ? 'int32' : 'float32',
  );
  return widest([least, ...types]);
}

/** `cast`, which is an op itself. */
export type Converter = (x: Tensor, dtype: ComputedType) => Tensor;

/** Makes a tensor of each operand, of a type that an op takes; leaves anything else for `apply` to refuse. */
export function promote<const Operands extends readonly TensorLike[]>(
  op: string,
  operands: Operands,
  least: ComputedType,
  convert: Converter,
): {readonly [Place in keyof Operands]: Tensor};
export function promote(
  op: string,
  operands: readonly TensorLike[],
  least: ComputedType,
  convert: Converter,
): readonly Tensor[] {
  for (const [position, operand] of operands.entries()) {
    if (!isTensor(operand) || operand.dtype !== 'float64') continue;
    const wanted = `operand ${position} is float64, in which nothing is computed but sums`;
    failIn(op, 'ERR_DTYPE', `${wanted}. ops.cast(x, 'float32') converts it. Received ${operand}`);
  }
  const isOperand = (operand: unknown): boolean => isTensor(operand) || typeof operand === 'number';
  if (!operands.every(isOperand)) {
    return operands.map(operand => (typeof operand === 'number' ? constant(operand) : operand));
  }
  const type = commonType(operands, least);
  return operands.map(operand =>
    isTensor(operand) ? convert(operand, type) : constant(operand, [], type === 'bool' ? 'int32' : type),
  );
}
