// What operands of other types than an op takes are converted to, in front of it: numbers promote, bool <
// int32 < float32, and what is only stored is read as what it is computed as. float64, in which nothing but
// sums is made, stays what it is.
import {type ComputedType, type DType, dtypeOfShort, dtypes} from './dtype.ts';
import type {Operand, Signature} from './signature.ts';

interface Typed {
  readonly dtype: DType;
}

export const computedTypes: readonly ComputedType[] = ['bool', 'int32', 'float32'];

/** The widest of these types. */
export const widest = (types: readonly ComputedType[]): ComputedType =>
  computedTypes[Math.max(0, ...types.map(type => computedTypes.indexOf(type)))] as ComputedType;

/** What the signature says of an operand; the last may stand for any number of them. */
export const declaredAt = ({inputs}: Signature, position: number): Operand =>
  inputs[Math.min(position, inputs.length - 1)] as Operand;

/** The first operand of a type that the op does not take, and what it takes. */
export function misfitOf(
  signature: Signature,
  given: readonly Typed[],
): {readonly position: number; readonly wanted: string} | undefined {
  let letters: Map<string, DType> | undefined;
  for (let position = 0; position < given.length; position++) {
    const {type} = declaredAt(signature, position);
    if (type === 'any') continue;
    const {dtype} = given[position] as Typed;
    if (type === 'N' && dtype !== 'float32' && dtype !== 'int32')
      return {position, wanted: 'float32 or int32'};
    const wanted = dtypeOfShort(type) ?? letters?.get(type);
    if (wanted === undefined) {
      letters ??= new Map();
      letters.set(type, dtype);
    } else if (wanted !== dtype) return {position, wanted};
  }
  return undefined;
}

/** The type in which operands of one letter meet; undefined where float64 is beside others. */
function commonType(given: readonly Typed[], least: ComputedType): DType | undefined {
  const [first, ...others] = given.map(({dtype}) => dtype);
  const isOne = others.every(dtype => dtype === first);
  if (isOne && (least === 'bool' || first === 'float32' || first === 'int32')) return first;
  if (given.some(({dtype}) => dtype === 'float64')) return undefined;
  return widest([least, ...given.map(({dtype}) => dtypes[dtype].computed)]);
}

/**
 * The types of operands that the op takes and to which these promote; undefined where one does not. Integers
 * that are positions are not made of bools.
 */
export function promotedTypes(
  {signature, elementwise}: {readonly signature: Signature; readonly elementwise: boolean},
  given: readonly Typed[],
): readonly DType[] | undefined {
  const promoted = given.map(({dtype}, position): DType | undefined => {
    const {type} = declaredAt(signature, position);
    if (type === 'any' || dtypeOfShort(type) === dtype) return dtype;
    if (type === 'N' || type === 'T') {
      const beside = given.filter((_, at) => declaredAt(signature, at).type === type);
      return commonType(beside, type === 'N' ? 'int32' : 'bool');
    }
    if (dtype === 'float64') return undefined;
    const {computed} = dtypes[dtype];
    if (type === 'f32') return 'float32';
    const isInteger = computed === 'int32' || (elementwise && computed === 'bool');
    return type === 'i32' && isInteger ? 'int32' : undefined;
  });
  return promoted.every((type): type is DType => type !== undefined) ? promoted : undefined;
}
