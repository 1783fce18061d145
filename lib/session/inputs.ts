// What a user gives as an input, as the typed array that a plan reads.
import {type DType, dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import type {IoSlot} from '../plan.ts';

export type NestedNumbers = readonly (number | NestedNumbers)[];
export type InputValue =
  | number
  | TypedArray
  | NestedNumbers
  | {readonly data: TypedArray; readonly shape: Shape};

const ranges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  bool: [0, 1],
};

function checkElement(value: unknown, dtype: DType, place: string): number {
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number') {
    const received = Array.isArray(value) ? 'an array' : String(value);
    return fail(
      Array.isArray(value) ? 'ERR_SHAPE' : 'ERR_DTYPE',
      `${place}: expected a number. Received ${received}.`,
    );
  }
  const range = ranges[dtype];
  if (range && !(Number.isInteger(number) && number >= range[0] && number <= range[1])) {
    fail('ERR_VALUE', `${place}: ${number} is no ${dtype}.`);
  }
  return number;
}

/** Appends the numbers of nested arrays, whose sizes must be those of `shape` everywhere. */
function flatten(value: unknown, shape: Shape, dtype: DType, place: string, into: number[]): void {
  const [size, ...inner] = shape;
  if (size === undefined) {
    into.push(checkElement(value, dtype, place));
    return;
  }
  if (!Array.isArray(value)) {
    fail(
      'ERR_SHAPE',
      `${place}: expected an array of ${size === -1 ? 'rows' : size}. Received ${String(value)}.`,
    );
  }
  if (size !== -1 && value.length !== size) {
    fail('ERR_SHAPE', `${place}: expected ${size} elements. Received ${value.length}.`);
  }
  for (const [index, element] of value.entries()) flatten(element, inner, dtype, `${place}[${index}]`, into);
}

function checkLength({name, shape}: IoSlot, length: number): void {
  const [rows, ...inner] = shape;
  const fits = rows === -1 ? length % Math.max(sizeOf(inner), 1) === 0 : length === sizeOf(shape);
  if (fits) return;
  const wanted = rows === -1 ? `whole rows of ${formatShape(inner)}` : formatShape(shape);
  fail('ERR_SHAPE', `run: the input ${name} takes ${wanted}. Received ${length} values.`);
}

function isShaped(value: InputValue): value is {data: TypedArray; shape: Shape} {
  return typeof value === 'object' && value !== null && 'data' in value && 'shape' in value;
}

/**
 * A typed array of the slot's type is used where it lies; all else is converted.
 *
 * @throws ERR_SHAPE naming the place where nested arrays are ragged, ERR_DTYPE, ERR_VALUE.
 */
export function toTypedArray(slot: IoSlot, value: InputValue): TypedArray {
  const {name, shape, dtype} = slot;
  const {array, bytes} = dtypes[dtype];
  const place = `run: ${name}`;
  if (isShaped(value)) {
    const wanted = shape.map((size, axis) => (size === -1 ? (value.shape[axis] as number) : size));
    if (wanted.join() !== value.shape.join()) {
      fail('ERR_SHAPE', `${place} is ${formatShape(shape)}. Received ${formatShape(value.shape)}.`);
    }
    return toTypedArray(slot, value.data);
  }
  if (value instanceof array) {
    checkLength(slot, value.length);
    return value;
  }
  const numbers: number[] = [];
  if (ArrayBuffer.isView(value)) {
    for (const [index, element] of (value as TypedArray).entries()) {
      numbers.push(checkElement(element, dtype, `${place}[${index}]`));
    }
  } else if (Array.isArray(value)) flatten(value, shape, dtype, place, numbers);
  else numbers.push(checkElement(value, dtype, place));
  checkLength(slot, numbers.length);
  const result = new array(new ArrayBuffer(numbers.length * bytes), 0, numbers.length);
  result.set(numbers);
  return result;
}
