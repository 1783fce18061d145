import {types} from 'node:util';
import {fromBfloat16, fromFloat16, toBfloat16, toFloat16} from './half.ts';
import {typedArrayName} from './kinds.ts';

/**
 * Element types of tensors. Elementwise ops compute in float32, int32 and bool, which is stored as one byte,
 * 0 or 1. uint8, float16 and bfloat16 are ways to store what is computed as float32, int64 what is computed
 * as int32: they are converted where they are read and written. float64 is for sums and counts.
 */
export type DType = 'float32' | 'int32' | 'uint8' | 'bool' | 'float64' | 'float16' | 'bfloat16' | 'int64';

/** What elementwise ops compute in. */
export type ComputedType = 'float32' | 'int32' | 'bool';

/**
 * Arrays that hold elements. A Uint16Array holds the bits of float16 or bfloat16 numbers. Those of int64 are
 * BigInt64Arrays, whose elements `dtypes.int64` converts: their type is not listed, as all else has numbers.
 */
export type TypedArray = Float32Array | Int32Array | Uint8Array | Float64Array | Uint16Array;

interface DTypeRow {
  /** Spelling in signatures. */
  readonly short: string;
  /** Code in the words of a plan. */
  readonly code: number;
  readonly bytes: number;
  /** What elementwise ops load an element as; itself, but for types that are only stored. */
  readonly computed: ComputedType;
  readonly array: {
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
    new (length: number): TypedArray;
  };
  /** Whether a value is such an array, of whatever realm, or of a class that extends it. */
  isArray(value: unknown): value is TypedArray;
  /** Where elements of the array are not the numbers themselves: from an element to its number, and back. */
  readonly elements?: {
    toNumber(element: number): number;
    fromNumber(value: number): number;
  };
}

type ArrayOf = DTypeRow['array'];

const isBytes = types.isUint8Array;
const isHalves = types.isUint16Array;

/** An engine's own Float16Array, whose elements are numbers. */
const ownFloat16 = (globalThis as {readonly Float16Array?: ArrayOf}).Float16Array;
const isOwnFloat16 = (value: unknown): value is TypedArray => typedArrayName(value) === 'Float16Array';

/** Bigints and numbers are told apart by who reads them. */
const bigints: DTypeRow['elements'] = {
  toNumber: element => Number(element),
  fromNumber: value => BigInt(value) as unknown as number,
};

/** Twin of native/dtype.h; a test compares the two. */
export const dtypes: Readonly<Record<DType, DTypeRow>> = {
  float32: {
    ...{short: 'f32', code: 0, bytes: 4, computed: 'float32'},
    ...{array: Float32Array, isArray: types.isFloat32Array},
  },
  int32: {
    ...{short: 'i32', code: 1, bytes: 4, computed: 'int32'},
    ...{array: Int32Array, isArray: types.isInt32Array},
  },
  uint8: {short: 'u8', code: 2, bytes: 1, computed: 'float32', array: Uint8Array, isArray: isBytes},
  bool: {short: 'bool', code: 3, bytes: 1, computed: 'bool', array: Uint8Array, isArray: isBytes},
  float64: {
    ...{short: 'f64', code: 4, bytes: 8, computed: 'float32'},
    ...{array: Float64Array, isArray: types.isFloat64Array},
  },
  float16: {
    ...{short: 'f16', code: 5, bytes: 2, computed: 'float32'},
    ...(ownFloat16
      ? {array: ownFloat16, isArray: isOwnFloat16}
      : {
          array: Uint16Array,
          isArray: isHalves,
          elements: {toNumber: fromFloat16, fromNumber: toFloat16},
        }),
  },
  bfloat16: {
    ...{short: 'bf16', code: 6, bytes: 2, computed: 'float32', array: Uint16Array, isArray: isHalves},
    elements: {toNumber: fromBfloat16, fromNumber: toBfloat16},
  },
  int64: {
    ...{short: 'i64', code: 7, bytes: 8, computed: 'int32'},
    array: BigInt64Array as unknown as ArrayOf,
    isArray: types.isBigInt64Array as unknown as DTypeRow['isArray'],
    elements: bigints,
  },
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

/** The numbers that an array holds as elements of this type. */
export function numbersOf(array: TypedArray, dtype: DType): ArrayLike<number> {
  const {elements} = dtypes[dtype];
  return elements ? Array.from(array, element => elements.toNumber(element)) : array;
}

/** An array of this type of numbers that fit it. */
export function arrayOf(numbers: ArrayLike<number>, dtype: DType): TypedArray {
  const {array, bytes, elements} = dtypes[dtype];
  const result = new array(new ArrayBuffer(numbers.length * bytes), 0, numbers.length);
  if (!elements) result.set(numbers);
  else for (let at = 0; at < numbers.length; at++) result[at] = elements.fromNumber(numbers[at] as number);
  return result;
}
