// What users give as data, checked: typed arrays are kept where they lie, nested arrays are converted once.
import {type DType, dtypes} from '../core/dtype.ts';
import {checkNumber, fail} from '../core/errors.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';

export type NumberArray = Float32Array | Int32Array | Uint8Array;
export type NestedArray = readonly (number | NestedArray)[];

/** An array with its shape, the rows along the first axis. Values are read as `value * scale`. */
export interface ShapedArray {
  readonly data: NumberArray;
  readonly shape: Shape;
  /** 1 by default. For bytes 0…255 that stand for 0…1: 1/255. */
  readonly scale?: number;
}

/** A typed array of whole rows, an array with its shape, or nested arrays. */
export type DataInput = NumberArray | ShapedArray | NestedArray;

/** Rows of numbers as the plan reads them. */
export interface Rows {
  readonly data: NumberArray;
  readonly dtype: DType;
  /** Shape of one row. */
  readonly rowShape: Shape;
  readonly count: number;
  readonly scale: number;
  /** One sample was given, without an axis for the rows. */
  readonly single: boolean;
}

const maxDepth = 6;

export function dtypeOf(what: string, data: unknown): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  const name = ArrayBuffer.isView(data) ? data.constructor.name : data === null ? 'null' : typeof data;
  const hint = data instanceof Float64Array ? ' Float32Array.from(array) converts it.' : '';
  return fail(
    'ERR_DTYPE',
    `${what}: expected a Float32Array, Int32Array, Uint8Array or nested arrays of numbers. ` +
      `Received ${name}.${hint}`,
  );
}

/** Refuses memory that can be taken away or change its size under a run. */
function checkBuffer(what: string, {buffer}: NumberArray): void {
  const {resizable, growable} = buffer as {resizable?: boolean; growable?: boolean};
  if (resizable || growable) {
    fail('ERR_DETACHED', `${what}: the array's buffer is resizable; a copy (array.slice()) is not.`);
  }
  if (buffer.byteLength > 0) return;
  try {
    new Uint8Array(buffer as ArrayBuffer);
  } catch (cause) {
    fail('ERR_DETACHED', `${what}: the array was transferred elsewhere and is empty now (${String(cause)}).`);
  }
}

/** The shape of nested arrays, from the first of each level. */
function nestedShape(what: string, value: NestedArray): Shape {
  const shape: number[] = [];
  let level: unknown = value;
  while (Array.isArray(level)) {
    if (shape.length === maxDepth)
      fail('ERR_SHAPE', `${what}: arrays are nested more than ${maxDepth} deep.`);
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function fillRow(
  what: string,
  row: number,
  value: unknown,
  shape: Shape,
  into: Float64Array,
  at: number,
): void {
  if (shape.length === 0) {
    if (typeof value !== 'number') {
      if (Array.isArray(value)) {
        fail('ERR_SHAPE', `${what} is ragged: row ${row} holds an array where row 0 holds a number.`);
      }
      const received = value === null ? 'null' : typeof value;
      fail('ERR_DTYPE', `${what}: row ${row} holds ${received} where a number is expected.`);
    }
    into[at] = value;
    return;
  }
  const [size, ...inner] = shape as [number, ...number[]];
  const width = sizeOf(inner);
  if (!Array.isArray(value) || value.length !== size) {
    const received = Array.isArray(value) ? `${value.length} values` : typeof value;
    fail('ERR_SHAPE', `${what} is ragged: row ${row} has ${received} where row 0 has ${size}.`);
  }
  for (let index = 0; index < size; index++)
    fillRow(what, row, value[index], inner, into, at + index * width);
}

export function fromNested(what: string, value: NestedArray, wholeNumbers: boolean): ShapedArray {
  const shape = nestedShape(what, value);
  const [count = 0, ...inner] = shape;
  const width = sizeOf(inner);
  const numbers = new Float64Array(count * width);
  // By number, for forEach would pass over the holes of [[1], , [3]].
  for (let index = 0; index < count; index++)
    fillRow(what, index, value[index], inner, numbers, index * width);
  const asInt32 = wholeNumbers && numbers.every(number => number === (number | 0));
  return {data: asInt32 ? Int32Array.from(numbers) : Float32Array.from(numbers), shape};
}

export function isShaped(value: unknown): value is ShapedArray {
  return typeof value === 'object' && value !== null && 'data' in value && 'shape' in value;
}

/** The array with a shape that stands behind any form of input; a bare typed array gets whole rows. */
function shaped(what: string, value: DataInput, rowShape: Shape, wholeNumbers: boolean): ShapedArray {
  if (Array.isArray(value)) {
    const nested = fromNested(what, value, wholeNumbers);
    // A flat list is like a flat typed array: samples of one number, or one sample.
    return nested.shape.length === 1 && rowShape.length > 0
      ? shaped(what, nested.data, rowShape, wholeNumbers)
      : nested;
  }
  if (!isShaped(value)) {
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
  const {data, shape} = value;
  dtypeOf(what, data);
  const valid = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && size >= 0);
  if (!valid) fail('ERR_SHAPE', `${what}: shape must be an array of sizes. Received ${String(shape)}.`);
  checkBuffer(what, data);
  if (data.length !== sizeOf(shape)) {
    fail('ERR_SHAPE', `${what}: ${data.length} values do not fill the shape ${formatShape(shape)}.`);
  }
  return value;
}

export interface RowRules {
  /** `fit: x`. */
  readonly what: string;
  /** Shape that each row must have. */
  readonly rowShape: Shape;
  /** Nested arrays of whole numbers become int32: class numbers. */
  readonly wholeNumbers?: boolean;
  /** One sample without an axis for the rows will do. */
  readonly allowSingle?: boolean;
}

/** Row shapes of one number may be written with or without their axis. */
function fits(given: Shape, wanted: Shape): boolean {
  if (sameShape(given, wanted)) return true;
  const one = (shape: Shape): boolean => shape.length <= 1 && sizeOf(shape) === 1;
  return one(given) && one(wanted);
}

/**
 * The rows that a user gave.
 *
 * @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, naming what was expected.
 */
export function toRows(value: DataInput, rules: RowRules): Rows {
  const {what, rowShape, wholeNumbers = false, allowSingle = false} = rules;
  const {data, shape, scale = 1} = shaped(what, value, rowShape, wholeNumbers);
  checkNumber(`${what}: scale`, scale, {min: -3e38, max: 3e38});
  const dtype = dtypeOf(what, data);
  const bare = !isShaped(value) && data.length === sizeOf(rowShape) && shape.length === rowShape.length + 1;
  const flat = bare && (!Array.isArray(value) || typeof value[0] === 'number');
  if (allowSingle && (flat || (shape.length > 0 && sameShape(shape, rowShape)))) {
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

/** Copies of rows of a table, in the order given. */
export function pickRows({data, dtype, rowShape, scale}: Rows, rows: Int32Array): ShapedArray {
  const width = sizeOf(rowShape);
  const length = rows.length * width;
  // The plain type of what may be a class of the user's, or Node's Buffer.
  const {bytes, array} = dtypes[dtype];
  const picked = new array(new ArrayBuffer(length * bytes), 0, length) as NumberArray;
  rows.forEach((row, index) => {
    picked.set(data.subarray(row * width, (row + 1) * width), index * width);
  });
  return {data: picked, shape: [rows.length, ...rowShape], ...(scale !== 1 && {scale})};
}
