// Text as users give it, checked: rows of strings, as `arrays.ts` has rows of numbers.
import {fail} from '../core/errors.ts';
import {isShaped, show} from '../core/kinds.ts';
import {nestedShape, visitNested} from '../core/nested.ts';
import {formatShape, maxRank, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {type DataInput, fitsRow, pickRows, type Rows, type ShapedArray} from './arrays.ts';

/** Texts with their shape, whose first axis are the rows. */
export interface ShapedText {
  readonly data: readonly string[];
  readonly shape: Shape;
}

/** Texts in lists of lists. */
export type NestedText = readonly (string | NestedText)[];

/** Texts: a list of them, a row each, lists of lists, or with their shape; one alone is a single sample. */
export type TextInput = string | NestedText | ShapedText;

/** Rows of texts. */
export interface TextRows {
  readonly data: readonly string[];
  readonly dtype: 'string';
  /** Shape of one row. */
  readonly rowShape: Shape;
  readonly count: number;
  /** Whether one sample was given, without an axis for the rows. */
  readonly single: boolean;
}

/** Rows of numbers or of texts. */
export type AnyRows = Rows | TextRows;

export const isTextRows = (rows: AnyRows): rows is TextRows => rows.dtype === 'string';

/** Whether a table holds text, by its first element. */
export function holdsText(value: unknown): value is TextInput {
  let first = isShaped(value) ? value.data : value;
  for (let level = 0; level <= maxRank && Array.isArray(first); level++) first = first[0];
  return typeof first === 'string';
}

const maxShown = 40;

/** A value in messages, of which a long text is cut. */
export const showShort = (value: unknown): string =>
  typeof value === 'string' && value.length > maxShown ? `${show(value.slice(0, maxShown))}…` : show(value);

function checkText(what: string, value: unknown, row: number | undefined): asserts value is string {
  if (typeof value === 'string') return;
  const received = value === undefined || value === null ? 'is missing' : `holds ${showShort(value)}`;
  fail('ERR_DTYPE', `${what}: row ${row} ${received} where text is expected; String(value) makes text.`);
}

function fromNested(what: string, value: NestedText): ShapedText {
  const shape = nestedShape(value, maxRank + 1);
  if (shape.length > maxRank) fail('ERR_SHAPE', `${what}: arrays are nested more than ${maxRank} deep.`);
  const data: string[] = [];
  visitNested(value, shape, {
    element(element, [row]) {
      if (Array.isArray(element)) {
        fail('ERR_SHAPE', `${what} is ragged: row ${row} holds an array where row 0 holds text.`);
      }
      checkText(what, element, row);
      data.push(element);
    },
    ragged(level, size, [row]) {
      const received = Array.isArray(level) ? `${level.length} texts` : showShort(level);
      return fail('ERR_SHAPE', `${what} is ragged: row ${row} has ${received} where row 0 has ${size}.`);
    },
  });
  return {data, shape};
}

function checkShaped(what: string, {data, shape}: {data: unknown; shape: unknown}): ShapedText {
  if (!Array.isArray(data)) {
    return fail('ERR_DTYPE', `${what}: expected an array of texts. Received ${show(data)}.`);
  }
  const valid = Array.isArray(shape) && shape.every(size => Number.isSafeInteger(size) && size >= 0);
  if (!valid) fail('ERR_SHAPE', `${what}: shape must be an array of sizes. Received ${show(shape)}.`);
  if (data.length !== sizeOf(shape)) {
    fail('ERR_SHAPE', `${what}: ${data.length} texts do not fill the shape ${formatShape(shape)}.`);
  }
  const width = sizeOf(shape.slice(1));
  for (let at = 0; at < data.length; at++) checkText(what, data[at], Math.floor(at / width));
  return {data, shape};
}

/** Any form of text with its shape; a flat list must consist of whole rows. */
function toShaped(what: string, value: unknown, rowShape: Shape): ShapedText {
  if (isShaped(value)) return checkShaped(what, value);
  if (!Array.isArray(value)) {
    return fail('ERR_DTYPE', `${what}: expected texts, an array of them. Received ${showShort(value)}.`);
  }
  const nested = fromNested(what, value);
  const width = sizeOf(rowShape);
  if (nested.shape.length > 1 || rowShape.length === 0) return nested;
  if (nested.data.length % width !== 0) {
    const row = `${width} texts, ${formatShape(rowShape)}`;
    fail('ERR_SHAPE', `${what}: ${nested.data.length} texts are no whole number of rows of ${row}.`);
  }
  return {data: nested.data, shape: [nested.data.length / width, ...rowShape]};
}

/** A text, or texts, with their shape: that of a text alone is []. @throws ERR_SHAPE, ERR_DTYPE */
export const shapedText = (what: string, value: TextInput): ShapedText =>
  typeof value === 'string' ? {data: [value], shape: []} : toShaped(what, value, []);

export interface TextRules {
  /** For errors: `fit: x`. */
  readonly what: string;
  /** Shape that each row must have. */
  readonly rowShape: Shape;
  /** Whether one sample without an axis for the rows is allowed. */
  readonly allowSingle?: boolean;
}

/**
 * The rows of text that a user gave.
 *
 * @throws ERR_SHAPE or ERR_DTYPE, naming what was expected.
 */
export function toTextRows(value: unknown, {what, rowShape, allowSingle = false}: TextRules): TextRows {
  const rows = {dtype: 'string' as const, rowShape};
  if (typeof value === 'string' && sizeOf(rowShape) === 1) {
    if (allowSingle) return {...rows, data: [value], count: 1, single: true};
    fail('ERR_SHAPE', `${what}: expected an array of texts. Received one, ${showShort(value)}.`);
  }
  const {data, shape} = toShaped(what, value, rowShape);
  const isSample = sameShape(shape, rowShape) && sizeOf(rowShape) > 1;
  if (allowSingle && isSample) return {...rows, data, count: 1, single: true};
  const [count, ...inner] = shape;
  if (count === undefined || !fitsRow(inner, rowShape)) {
    const wanted = formatShape(['rows', ...rowShape] as unknown as Shape);
    fail('ERR_SHAPE', `${what}: expected the shape ${wanted}. Received ${formatShape(shape)}.`);
  }
  if (count === 0) fail('ERR_SHAPE', `${what} is empty: expected at least one row.`);
  return {...rows, data, count, single: false};
}

/** Copies of rows of a table of numbers or texts, by their indices. */
export function pickAny(table: AnyRows, rows: Int32Array): ShapedArray | ShapedText {
  if (!isTextRows(table)) return pickRows(table, rows);
  const {data, rowShape} = table;
  const width = sizeOf(rowShape);
  const picked = Array.from(rows, row => data.slice(row * width, (row + 1) * width)).flat();
  return {data: picked, shape: [rows.length, ...rowShape]};
}

/** Rows with their shape, as `toRows` and `toTextRows` take them. */
export function shapedOf(rows: AnyRows): ShapedArray | ShapedText {
  const shape = [rows.count, ...rows.rowShape];
  return isTextRows(rows) ? {data: rows.data, shape} : {data: rows.data, shape, scale: rows.scale};
}

/** Tables of any kind. */
export type AnyInput = DataInput | TextInput;
