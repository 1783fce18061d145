// What users give as data, checked: typed arrays are used in place, nested arrays are converted once.
import {type DType, dtypeOfArray, dtypes} from '../core/dtype.ts';
import {checkNumber, fail} from '../core/errors.ts';
import {isDetached, isResizable, isShaped} from '../core/kinds.ts';
import {type NestedArray, nestedShape, visitNested} from '../core/nested.ts';
import {formatShape, maxRank, type Shape, sameShape, sizeOf} from '../core/shape.ts';

export type {NestedArray};

export type NumberArray = Float32Array | Int32Array | Uint8Array;

/** An array with its shape, whose first axis are the rows. Values are read as `value * scale`. */
export interface ShapedArray {
  readonly data: NumberArray;
  readonly shape: Shape;
  /** 1 by default. For bytes 0…255 that stand for 0…1: 1/255. */
  readonly scale?: number;
}

/** A typed array of whole rows, an array with its shape, or nested arrays. */
export type DataInput = NumberArray | ShapedArray | NestedArray;

/** Rows of numbers, as a plan reads them. */
export interface Rows {
  readonly data: NumberArray;
  readonly dtype: DType;
  /** Shape of one row. */
  readonly rowShape: Shape;
  readonly count: number;
  readonly scale: number;
  /** Whether one sample was given, without an axis for the rows. */
  readonly single: boolean;
}

/** The dtype of an array of a user's. @throws ERR_DTYPE */
export function dtypeOf(what: string, data: unknown): DType {
  const dtype = dtypeOfArray(data);
  if (dtype !== undefined && dtype !== 'float64') return dtype;
  const name = ArrayBuffer.isView(data) ? data.constructor.name : data === null ? 'null' : typeof data;
  const hint = dtype === 'float64' ? ' Float32Array.from(array) converts it.' : '';
  return fail(
    'ERR_DTYPE',
    `${what}: expected a Float32Array, Int32Array, Uint8Array or nested arrays of numbers. ` +
      `Received ${name}.${hint}`,
  );
}

/** Refuses memory that can be transferred away or change its size under a run. */
function checkBuffer(what: string, data: NumberArray): void {
  if (isResizable(data.buffer)) {
    fail('ERR_DETACHED', `${what}: the array's buffer is resizable; a copy (array.slice()) is not.`);
  }
  if (isDetached(data))
    fail('ERR_DETACHED', `${what}: the array was transferred elsewhere and is empty now.`);
}

export function checkSize(what: string, {length}: NumberArray, shape: Shape): void {
  if (length === sizeOf(shape)) return;
  fail('ERR_SHAPE', `${what}: ${length} values do not fill the shape ${formatShape(shape)}.`);
}

/**
 * Nested arrays as float32, or as int32 where `integers` is set and all of them are. @throws ERR_SHAPE,
 * ERR_DTYPE
 */
export function fromNested(what: string, value: NestedArray, integers: boolean): ShapedArray {
  const shape = nestedShape(value, maxRank + 1);
  if (shape.length > maxRank) fail('ERR_SHAPE', `${what}: arrays are nested more than ${maxRank} deep.`);
  const numbers = new Float64Array(sizeOf(shape));
  let at = 0;
  visitNested(value, shape, {
    element(element, [row]) {
      if (typeof element === 'number') numbers[at++] = element;
      else if (Array.isArray(element)) {
        fail('ERR_SHAPE', `${what} is ragged: row ${row} holds an array where row 0 holds a number.`);
      } else {
        const received = element === null ? 'null' : typeof element;
        fail('ERR_DTYPE', `${what}: row ${row} holds ${received} where a number is expected.`);
      }
    },
    ragged(level, size, [row]) {
      const received = Array.isArray(level) ? `${level.length} values` : typeof level;
      return fail('ERR_SHAPE', `${what} is ragged: row ${row} has ${received} where row 0 has ${size}.`);
    },
  });
  const asInt32 = integers && numbers.every(number => number === (number | 0));
  return {data: asInt32 ? Int32Array.from(numbers) : Float32Array.from(numbers), shape};
}

/** `{data, shape}`, checked. @throws ERR_SHAPE, ERR_DTYPE */
function checkShaped(what: string, value: ShapedArray): ShapedArray {
  const {data, shape} = value;
  dtypeOf(what, data);
  const valid = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && size >= 0);
  if (!valid) fail('ERR_SHAPE', `${what}: shape must be an array of sizes. Received ${String(shape)}.`);
  checkBuffer(what, data);
  checkSize(what, data, shape);
  return value;
}

/** Any form of input as an array with its shape; a bare typed array must consist of whole rows. */
function toShaped(what: string, value: DataInput, rowShape: Shape, integers: boolean): ShapedArray {
  if (Array.isArray(value)) {
    const nested = fromNested(what, value, integers);
    // A flat list is treated as a flat typed array: samples of one number, or one sample.
    return nested.shape.length === 1 && rowShape.length > 0
      ? toShaped(what, nested.data, rowShape, integers)
      : nested;
  }
  if (isShaped(value)) return checkShaped(what, value);
  dtypeOf(what, value);
  const data = value as NumberArray;
  checkBuffer(what, data);
  const width = sizeOf(rowShape);
  if (data.length % width !== 0) {
    const row = `${width} values, ${formatShape(rowShape)}`;
    fail('ERR_SHAPE', `${what}: ${data.length} values are no whole number of rows of ${row}.`);
  }
  return {data, shape: [data.length / width, ...rowShape]};
}

export interface RowRules {
  /** For errors: `fit: x`. */
  readonly what: string;
  /** Shape that each row must have. */
  readonly rowShape: Shape;
  /** For class labels: nested arrays of integers become int32. */
  readonly integers?: boolean;
  /** Whether one sample without an axis for the rows is allowed. */
  readonly allowSingle?: boolean;
}

/** Whether shapes of rows are the same; a row of one number may be given with or without an axis. */
function fits(given: Shape, wanted: Shape): boolean {
  if (sameShape(given, wanted)) return true;
  const isOneNumber = (shape: Shape): boolean => shape.length <= 1 && sizeOf(shape) === 1;
  return isOneNumber(given) && isOneNumber(wanted);
}

/**
 * The rows that a user gave.
 *
 * @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, naming what was expected.
 */
export function toRows(value: DataInput, rules: RowRules): Rows {
  const {what, rowShape, integers = false, allowSingle = false} = rules;
  const {data, shape, scale = 1} = toShaped(what, value, rowShape, integers);
  checkNumber(`${what}: scale`, scale, {min: -3e38, max: 3e38});
  const dtype = dtypeOf(what, data);
  const isFlat = ArrayBuffer.isView(value) || (Array.isArray(value) && typeof value[0] === 'number');
  const isOneRow = data.length === sizeOf(rowShape) && shape.length === rowShape.length + 1;
  const isSample = (isFlat && isOneRow) || (shape.length > 0 && sameShape(shape, rowShape));
  if (allowSingle && isSample) {
    return {data, dtype, rowShape, count: 1, scale, single: true};
  }
  const [count, ...inner] = shape;
  if (count === undefined || !fits(inner, rowShape)) {
    const wanted = formatShape(['rows', ...rowShape] as unknown as Shape);
    fail('ERR_SHAPE', `${what}: expected the shape ${wanted}. Received ${formatShape(shape)}.`);
  }
  if (count === 0) fail('ERR_SHAPE', `${what} is empty: expected at least one row.`);
  return {data, dtype, rowShape, count, scale, single: false};
}

/** Copies of rows of a table, by their indices. */
export function pickRows({data, dtype, rowShape, scale}: Rows, rows: Int32Array): ShapedArray {
  const width = sizeOf(rowShape);
  const length = rows.length * width;
  // A plain typed array, also where the table is a Buffer or of a class of the user's.
  const {bytes, array} = dtypes[dtype];
  const picked = new array(new ArrayBuffer(length * bytes), 0, length) as NumberArray;
  rows.forEach((row, index) => {
    picked.set(data.subarray(row * width, (row + 1) * width), index * width);
  });
  return {data: picked, shape: [rows.length, ...rowShape], ...(scale !== 1 && {scale})};
}
