// Numbers of any kind as those that plans read: converted, and checked to fit.
import {arrayOf, type DType, type TypedArray} from './dtype.ts';
import {fail} from './errors.ts';
import {fromBfloat16, toBfloat16} from './half.ts';

const int32Range = [-(2 ** 31), 2 ** 31 - 1] as const;

/** Of integers. Those of int64 are computed as int32, and so must fit it. */
const ranges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: int32Range,
  int64: int32Range,
  uint8: [0, 255],
  bool: [0, 1],
};

/** The number that a value stands for: true and false are 1 and 0; undefined for what is no number. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'bigint') return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Whether a number is still one as an element of this type; rounding is allowed to floats. */
export function fitsType(number: number, dtype: DType): boolean {
  const range = ranges[dtype];
  if (range) return Number.isInteger(number) && number >= range[0] && number <= range[1];
  if (dtype === 'float64' || !Number.isFinite(number)) return true;
  if (dtype === 'float16') return Math.abs(number) < 65_520;
  return Number.isFinite(dtype === 'bfloat16' ? fromBfloat16(toBfloat16(number)) : Math.fround(number));
}

/** Numbers of any kind in an array of this type. @throws ERR_VALUE naming the first that does not fit. */
export function converted(what: string, values: ArrayLike<unknown>, dtype: DType): TypedArray {
  const numbers = Array.from(values, (value, at) => {
    const number = numberOf(value);
    if (number !== undefined && fitsType(number, dtype)) return number;
    return fail('ERR_VALUE', `${what}: ${String(value)} at position ${at} does not fit ${dtype}.`);
  });
  return arrayOf(numbers, dtype);
}

export const isInt32 = (value: unknown): boolean => {
  const number = numberOf(value);
  return number !== undefined && number === (number | 0);
};

/** As float32, or as int32 where `integers` is set and all of them are. */
export function asData(
  what: string,
  values: ArrayLike<unknown>,
  integers: boolean,
): Float32Array | Int32Array {
  const whole = integers && Array.prototype.every.call(values, isInt32);
  return converted(what, values, whole ? 'int32' : 'float32') as Float32Array | Int32Array;
}
