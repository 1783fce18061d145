import {types} from 'node:util';

/** Element types of tensors. `bool` is stored as one byte, 0 or 1. */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool' | 'float64';

export type TypedArray = Float32Array | Int32Array | Uint8Array | Float64Array;

interface DTypeRow {
  /** Spelling in signatures. */
  readonly short: string;
  /** Code in the words of a plan; twin of `enum class Dtype` in native/plan.h. */
  readonly code: number;
  readonly bytes: number;
  readonly array: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;
  /** Whether a value is such an array, of whatever realm, or of a class that extends it. */
  isArray(value: unknown): value is TypedArray;
}

export const dtypes: Readonly<Record<DType, DTypeRow>> = {
  float32: {short: 'f32', code: 0, bytes: 4, array: Float32Array, isArray: types.isFloat32Array},
  int32: {short: 'i32', code: 1, bytes: 4, array: Int32Array, isArray: types.isInt32Array},
  uint8: {short: 'u8', code: 2, bytes: 1, array: Uint8Array, isArray: types.isUint8Array},
  bool: {short: 'bool', code: 3, bytes: 1, array: Uint8Array, isArray: types.isUint8Array},
  float64: {short: 'f64', code: 4, bytes: 8, array: Float64Array, isArray: types.isFloat64Array},
};

const byShort = new Map(Object.entries(dtypes).map(([name, row]) => [row.short, name as DType]));

/** The dtype that a signature spells `f32`, `i32`, …; undefined for a type variable such as `T`. */
export function dtypeOfShort(short: string): DType | undefined {
  return byShort.get(short);
}

/** The dtype whose elements a typed array holds (bytes are uint8); undefined for anything else. */
export function dtypeOfArray(value: unknown): DType | undefined {
  for (const name of ofArrays) if (dtypes[name].isArray(value)) return name;
  return undefined;
}

const ofArrays: readonly DType[] = ['float32', 'int32', 'uint8', 'float64'];

export const isFloat32 = (value: unknown): value is Float32Array => types.isFloat32Array(value);
