// What users give as data, checked: typed arrays are used in place, nested arrays are converted once.
import {type DType, dtypeOfArray, dtypes} from '../core/dtype.ts';
import {checkNumber, fail} from '../core/errors.ts';
import {
  isDetached,
  isList,
  isMap,
  isNumericArray,
  isResizable,
  isShaped,
  type NumericArray,
  show,
  typedArrayName,
} from '../core/kinds.ts';
import {type NestedArray, nestedShape, visitNested} from '../core/nested.ts';
import {asData, converted, fitsType, numberOf} from '../core/numbers.ts';
import {formatShape, maxRank, type Shape, sameShape, sizeOf} from '../core/shape.ts';

export type {NestedArray, NumericArray};

/** Arrays that plans read in place, besides those that an input of a type of its own takes. */
export type NumberArray = Float32Array | Int32Array | Uint8Array;

/** An array with its shape, whose first axis are the rows. Values are read as `value * scale`. */
export interface ShapedArray {
  readonly data: NumberArray;
  readonly shape: Shape;
  /** 1 by default. For bytes 0…255 that stand for 0…1: 1/255. */
  readonly scale?: number;
}

/** The same of any kind of numbers. */
export interface ShapedInput {
  readonly data: NumericArray;
  readonly shape: Shape;
  readonly scale?: number;
}

/**
 * A typed array of whole rows, an array with its shape, or nested arrays, of which the innermost may be typed
 * arrays: a row each. Float32Array, Int32Array and Uint8Array are read in place.
 */
export type DataInput = NumericArray | ShapedInput | NestedArray;

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

/**
 * What numbers become where they cannot be read in place: float32; with `true`, as labels are, int32 if all
 * of them are integers; or what an input of this type takes.
 */
type Wanted = boolean | DType;

const dtypeOf = (data: NumberArray, wanted: Wanted): DType =>
  typeof wanted === 'string' && dtypes[wanted].isArray(data) ? wanted : (dtypeOfArray(data) as DType);

/** Numbers as an input of a type of its own takes them: its elements, or integers. */
function typed(what: string, data: unknown, dtype: DType): NumberArray {
  if (dtypes[dtype].isArray(data)) return data as NumberArray;
  if (dtypes[dtype].computed === 'float32') return readable(what, data);
  const own = dtypeOfArray(data);
  if (dtype !== 'bool' && (own === 'int32' || own === 'uint8')) return data as NumberArray;
  const to = dtype === 'bool' ? 'bool' : 'int32';
  return converted(what, data as ArrayLike<unknown>, to) as NumberArray;
}

/** Refuses memory that can be transferred away or change its size under a run. */
function checkBuffer(what: string, data: NumericArray): void {
  if (isResizable(data.buffer)) {
    fail('ERR_DETACHED', `${what}: the array's buffer is resizable; a copy (array.slice()) is not.`);
  }
  if (isDetached(data))
    fail('ERR_DETACHED', `${what}: the array was transferred elsewhere and is empty now.`);
}

const textHint = " An input with dtype: 'string' takes text.";

/**
 * The same numbers in an array that plans read: the array itself, or a converted copy.
 *
 * @throws ERR_DTYPE for what is no array of numbers, ERR_VALUE naming a number that does not fit.
 */
export function readable(what: string, data: unknown, wanted: Wanted = false): NumberArray {
  if (!isNumericArray(data)) {
    const wanted = 'a typed array such as Float32Array, or nested arrays of numbers';
    const isText = typeof data === 'string' || (Array.isArray(data) && typeof data[0] === 'string');
    const hint = isMap(data) ? ' Object.fromEntries(map) makes an object of it.' : isText ? textHint : '';
    return fail('ERR_DTYPE', `${what}: expected ${wanted}. Received ${show(data)}.${hint}`);
  }
  checkBuffer(what, data);
  if (typeof wanted === 'string') return typed(what, data, wanted);
  const dtype = dtypeOfArray(data);
  if (dtype !== undefined && dtype !== 'float64') return data as NumberArray;
  // Clamping matters where elements are written, not where they are read.
  if (typedArrayName(data) === 'Uint8ClampedArray') {
    return new Uint8Array(data.buffer, data.byteOffset, data.length);
  }
  return asData(what, data as ArrayLike<unknown>, wanted);
}

export function checkSize(what: string, {length}: NumericArray, shape: Shape): void {
  if (length === sizeOf(shape)) return;
  fail('ERR_SHAPE', `${what}: ${length} values do not fill the shape ${formatShape(shape)}.`);
}

/**
 * Nested arrays as float32, or as int32 where `integers` is set and all of them are. @throws ERR_SHAPE,
 * ERR_DTYPE
 */
export function fromNested(what: string, value: NestedArray, wanted: Wanted, place = 'row'): ShapedArray {
  const shape = nestedShape(value, maxRank + 1);
  if (shape.length > maxRank) fail('ERR_SHAPE', `${what}: arrays are nested more than ${maxRank} deep.`);
  const numbers = new Float64Array(sizeOf(shape));
  let at = 0;
  visitNested(value, shape, {
    element(element, [row]) {
      const number = numberOf(element);
      if (number !== undefined && fitsType(number, 'float32')) numbers[at++] = number;
      else if (number !== undefined) {
        fail('ERR_VALUE', `${what}: ${place} ${row} holds ${number}, which does not fit float32.`);
      } else if (isList(element)) {
        fail('ERR_SHAPE', `${what} is ragged: row ${row} holds an array where row 0 holds a number.`);
      } else {
        const hint = typeof element === 'string' ? textHint : '';
        const received = `${place} ${row} holds ${show(element)}`;
        fail('ERR_DTYPE', `${what}: ${received} where a number is expected.${hint}`);
      }
    },
    ragged(level, size, [row]) {
      const received = isList(level) ? `${level.length} values` : show(level);
      return fail('ERR_SHAPE', `${what} is ragged: row ${row} has ${received} where row 0 has ${size}.`);
    },
  });
  return {
    data: typeof wanted === 'string' ? typed(what, numbers, wanted) : asData(what, numbers, wanted),
    shape,
  };
}

/** `{data, shape}`, checked. @throws ERR_SHAPE, ERR_DTYPE */
function checkShaped(what: string, value: ShapedInput, wanted: Wanted): ShapedArray {
  const {shape, scale} = value;
  const data = readable(what, value.data, wanted);
  const valid = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && size >= 0);
  if (!valid) fail('ERR_SHAPE', `${what}: shape must be an array of sizes. Received ${show(shape)}.`);
  checkSize(what, data, shape);
  return {data, shape, ...(scale !== undefined && {scale})};
}

/** Any form of input as an array with its shape; a bare typed array must consist of whole rows. */
function toShaped(what: string, value: DataInput, rowShape: Shape, wanted: Wanted): ShapedArray {
  if (Array.isArray(value)) {
    const nested = fromNested(what, value, wanted);
    // A flat list is treated as a flat typed array: samples of one number, or one sample.
    return nested.shape.length === 1 && rowShape.length > 0
      ? toShaped(what, nested.data, rowShape, wanted)
      : nested;
  }
  if (isShaped(value)) return checkShaped(what, value as ShapedInput, wanted);
  const data = readable(what, value, wanted);
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
  /** What an input takes, if that is not float32. */
  readonly dtype?: DType;
}

/** Float32 and uint8 take whatever is no float64 as it is. */
const isAnyReal = (dtype: DType): boolean => dtype === 'float32' || dtype === 'uint8';

const isOneNumber = (shape: Shape): boolean => shape.length <= 1 && sizeOf(shape) === 1;

const withoutLastOne = (shape: Shape): Shape => (shape.at(-1) === 1 ? shape.slice(0, -1) : shape);

/** Whether shapes of rows are the same; a last axis of size 1 may be left out, as in Keras. */
export function fitsRow(given: Shape, wanted: Shape): boolean {
  return sameShape(given, wanted) || sameShape(withoutLastOne(given), withoutLastOne(wanted));
}

/** A typed array of whole rows that plans read as it is: what most calls are given. */
function wholeRows(what: string, value: DataInput, rowShape: Shape, wanted: Wanted): Rows | undefined {
  const isOwn = typeof wanted === 'string' && dtypes[wanted].isArray(value);
  const dtype = isOwn ? wanted : typeof wanted === 'string' ? undefined : dtypeOfArray(value);
  if (dtype === undefined || dtype === 'float64') return undefined;
  const data = value as NumberArray;
  const count = data.length / sizeOf(rowShape);
  if (!Number.isInteger(count) || count === 0) return undefined;
  checkBuffer(what, data);
  return {data, dtype, rowShape, count, scale: 1, single: false};
}

/**
 * The rows that a user gave.
 *
 * @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, naming what was expected.
 */
export function toRows(value: DataInput, rules: RowRules): Rows {
  const {what, rowShape, integers = false, allowSingle = false, dtype: own = 'float32'} = rules;
  const wanted = isAnyReal(own) ? integers : own;
  const whole = allowSingle ? undefined : wholeRows(what, value, rowShape, wanted);
  if (whole) return whole;
  const {data, shape, scale = 1} = toShaped(what, value, rowShape, wanted);
  checkNumber(`${what}: scale`, scale, {min: -3e38, max: 3e38});
  if (scale !== 1 && dtypes[own].computed !== 'float32') {
    fail('ERR_OPTION', `${what}: an input of ${own} has no scale. Received ${scale}.`);
  }
  const dtype = dtypeOf(data, wanted);
  // A lone number may as well be a row.
  const isSample = sameShape(shape, rowShape) && !isOneNumber(rowShape);
  if (allowSingle && isSample) {
    return {data, dtype, rowShape, count: 1, scale, single: true};
  }
  const [count, ...inner] = shape;
  if (count === undefined || !fitsRow(inner, rowShape)) {
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
