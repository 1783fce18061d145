// Numbers of any kind as those that plans read: converted, and checked to fit.
import {type DType, dtypes, type TypedArray} from './dtype.ts';
import {fail} from './errors.ts';

const ranges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
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
  return dtype === 'float64' || !Number.isFinite(number) || Number.isFinite(Math.fround(number));
}

/** Numbers of any kind in an array of this type. @throws ERR_VALUE naming the first that does not fit. */
export function converted(what: string, values: ArrayLike<unknown>, dtype: DType): TypedArray {
  const {array, bytes} = dtypes[dtype];
  const result = new array(new ArrayBuffer(values.length * bytes), 0, values.length);
  for (let at = 0; at < values.length; at++) {
    const number = numberOf(values[at]);
    if (number === undefined || !fitsType(number, dtype)) {
      fail('ERR_VALUE', `${what}: ${String(values[at])} at position ${at} does not fit ${dtype}.`);
    }
    result[at] = number;
  }
  return result;
}

const isInt32 = (value: unknown): boolean => {
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
