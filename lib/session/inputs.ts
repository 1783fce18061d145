// What a user gives as an input, as the typed array that a plan reads.
import {type DType, dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isShaped} from '../core/kinds.ts';
import {type NestedArray, visitNested} from '../core/nested.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import type {IoSlot} from '../plan.ts';

export type InputValue =
  | number
  | TypedArray
  | NestedArray
  | {readonly data: TypedArray; readonly shape: Shape};

const ranges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  bool: [0, 1],
};

/** `run: x[0][2]` */
function placeOf({name}: IoSlot, indices: readonly number[]): string {
  return `run: ${name}${indices.map(index => `[${index}]`).join('')}`;
}

/** The number that stands at a place; true and false are 1 and 0. */
function toNumber(slot: IoSlot, value: unknown, indices: readonly number[]): number {
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number') {
    const isArray = Array.isArray(value);
    const received = isArray ? 'an array' : String(value);
    return fail(
      isArray ? 'ERR_SHAPE' : 'ERR_DTYPE',
      `${placeOf(slot, indices)}: expected a number. Received ${received}.`,
    );
  }
  const range = ranges[slot.dtype];
  if (range && !(Number.isInteger(number) && number >= range[0] && number <= range[1])) {
    fail('ERR_VALUE', `${placeOf(slot, indices)}: ${number} is no ${slot.dtype}.`);
  }
  return number;
}

function numbersOf(slot: IoSlot, value: number | TypedArray | NestedArray): number[] {
  const numbers: number[] = [];
  if (ArrayBuffer.isView(value)) {
    for (const [index, element] of value.entries()) numbers.push(toNumber(slot, element, [index]));
  } else if (Array.isArray(value)) {
    visitNested(value, slot.shape, {
      element: (element, indices) => numbers.push(toNumber(slot, element, indices)),
      ragged(level, size, indices) {
        const isArray = Array.isArray(level);
        const wanted = isArray ? `${size} elements` : `an array of ${size === -1 ? 'rows' : size}`;
        const received = isArray ? level.length : String(level);
        return fail('ERR_SHAPE', `${placeOf(slot, indices)}: expected ${wanted}. Received ${received}.`);
      },
    });
  } else numbers.push(toNumber(slot, value, []));
  return numbers;
}

function checkLength({name, shape}: IoSlot, length: number): void {
  const [rows, ...inner] = shape;
  const fits = rows === -1 ? length % Math.max(sizeOf(inner), 1) === 0 : length === sizeOf(shape);
  if (fits) return;
  const wanted = rows === -1 ? `whole rows of ${formatShape(inner)}` : formatShape(shape);
  fail('ERR_SHAPE', `run: the input ${name} takes ${wanted}. Received ${length} values.`);
}

/**
 * A typed array of the slot's type is used in place; everything else is converted.
 *
 * @throws ERR_SHAPE naming the place where nested arrays are ragged, ERR_DTYPE, ERR_VALUE.
 */
export function toTypedArray(slot: IoSlot, value: InputValue): TypedArray {
  const {name, shape, dtype} = slot;
  const {array, bytes, isArray} = dtypes[dtype];
  if (isShaped(value)) {
    const wanted = shape.map((size, axis) => (size === -1 ? (value.shape[axis] as number) : size));
    if (wanted.join() !== value.shape.join()) {
      fail('ERR_SHAPE', `run: ${name} is ${formatShape(shape)}. Received ${formatShape(value.shape)}.`);
    }
    return toTypedArray(slot, value.data);
  }
  if (isArray(value)) {
    checkLength(slot, value.length);
    return value;
  }
  const numbers = numbersOf(slot, value);
  checkLength(slot, numbers.length);
  const result = new array(new ArrayBuffer(numbers.length * bytes), 0, numbers.length);
  result.set(numbers);
  return result;
}
