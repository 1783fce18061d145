// What a user gives as an input, as the typed array that a plan reads.
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail, unknownName} from '../core/errors.ts';
import {fromMap, isList, isNumericArray, isShaped, type NumericArray, show} from '../core/kinds.ts';
import {type NestedArray, visitNested} from '../core/nested.ts';
import {fitsType, numberOf} from '../core/numbers.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import type {IoSlot} from '../plan.ts';

export type InputValue =
  | number
  | boolean
  | NumericArray
  | NestedArray
  | {readonly data: NumericArray; readonly shape: Shape};

/** By name, also in a Map: a typed array, a number, nested arrays, or the result of another function. */
export type InputValues = Readonly<Record<string, InputValue>> | ReadonlyMap<string, InputValue>;

/** An input of what is called `where` in messages; `run` by default. */
export type Slot = IoSlot & {readonly where?: string};

/** `run: x[0][2]` */
function placeOf({where = 'run', name}: Slot, indices: readonly number[]): string {
  return `${where}: ${name}${indices.map(index => `[${index}]`).join('')}`;
}

/** The number that stands at a place. */
function toNumber(slot: Slot, value: unknown, indices: readonly number[]): number {
  const number = numberOf(value);
  if (number === undefined) {
    const isArray = isList(value);
    return fail(
      isArray ? 'ERR_SHAPE' : 'ERR_DTYPE',
      `${placeOf(slot, indices)}: expected a number. Received ${isArray ? 'an array' : show(value)}.`,
    );
  }
  if (!fitsType(number, slot.dtype)) {
    fail('ERR_VALUE', `${placeOf(slot, indices)}: ${number} is no ${slot.dtype}.`);
  }
  return number;
}

function numbersOf(slot: Slot, value: unknown): number[] {
  const numbers: number[] = [];
  if (isNumericArray(value)) {
    for (let at = 0; at < value.length; at++) numbers.push(toNumber(slot, value[at], [at]));
  } else if (Array.isArray(value)) {
    visitNested(value, slot.shape, {
      element: (element, indices) => numbers.push(toNumber(slot, element, indices)),
      ragged(level, size, indices) {
        const isArray = isList(level);
        const wanted = isArray ? `${size} elements` : `an array of ${size === -1 ? 'rows' : size}`;
        const received = isArray ? level.length : show(level);
        return fail('ERR_SHAPE', `${placeOf(slot, indices)}: expected ${wanted}. Received ${received}.`);
      },
    });
  } else numbers.push(toNumber(slot, value, []));
  return numbers;
}

function checkLength({where = 'run', name, shape}: Slot, length: number): void {
  const [rows, ...inner] = shape;
  const fits = rows === -1 ? length % Math.max(sizeOf(inner), 1) === 0 : length === sizeOf(shape);
  if (fits) return;
  const wanted = rows === -1 ? `whole rows of ${formatShape(inner)}` : formatShape(shape);
  fail('ERR_SHAPE', `${where}: the input ${name} takes ${wanted}. Received ${length} values.`);
}

/**
 * A typed array of the slot's type is used in place; everything else is converted.
 *
 * @throws ERR_SHAPE naming the place where nested arrays are ragged, ERR_DTYPE, ERR_VALUE.
 */
export function toTypedArray(slot: Slot, value: InputValue): TypedArray {
  const {where = 'run', name, shape, dtype} = slot;
  const {array, bytes, isArray} = dtypes[dtype];
  if (isShaped(value)) {
    if (!Array.isArray(value.shape)) {
      fail('ERR_SHAPE', `${where}: ${name}: shape must be an array of sizes. Received ${show(value.shape)}.`);
    }
    const wanted = shape.map((size, axis) => (size === -1 ? (value.shape[axis] as number) : size));
    if (wanted.join() !== value.shape.join()) {
      fail('ERR_SHAPE', `${where}: ${name} is ${formatShape(shape)}. Received ${formatShape(value.shape)}.`);
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

/**
 * What was given for each slot, in order, as typed arrays.
 *
 * @throws ERR_UNKNOWN_NAME for what is missing or for no slot; what `toTypedArray` throws.
 */
export function arraysFor(slots: readonly Slot[], given: InputValues): TypedArray[] {
  const inputs = fromMap(given) as Readonly<Record<string, InputValue>>;
  for (const known of Object.keys(inputs)) {
    if (slots.some(({name}) => name === known)) continue;
    const names = slots.map(({name}) => name);
    unknownName('input', known, names);
  }
  return slots.map(slot => {
    const {where = 'run', name} = slot;
    const value = inputs[name];
    if (value === undefined) fail('ERR_UNKNOWN_NAME', `${where}: the input ${name} is missing.`);
    return toTypedArray(slot, value);
  });
}
