import {fail} from '../core/errors.ts';
import {isNumericArray, show} from '../core/kinds.ts';
import {type NestedArray, nestedShape} from '../core/nested.ts';
import {maxRank, type Shape} from '../core/shape.ts';
import type {DataInput, NumericArray, ShapedArray, ShapedInput} from './arrays.ts';
import type {NestedText, ShapedText, TextInput} from './text.ts';

/**
 * A row of a table: of a list a number or a text, of a list of lists an array, else an array with its shape.
 */
export type RowOf<Table> = Table extends NumericArray | readonly (number | boolean | bigint)[]
  ? number
  : Table extends readonly string[]
    ? string
    : Table extends readonly (readonly string[])[]
      ? readonly string[]
      : Table extends ShapedText | NestedText
        ? ShapedText
        : Table extends readonly (readonly (number | boolean | bigint)[] | NumericArray)[]
          ? Float32Array
          : Table extends ShapedInput | NestedArray
            ? ShapedArray
            : {readonly [Name in keyof Table]: RowOf<Table[Name]>};

/** A table, or records of tables by name. */
export type Tables = DataInput | Exclude<TextInput, string> | {readonly [name: string]: Tables};

/** The shape of a table; a bare typed array is a column of numbers. */
export function shapeOfTable(what: string, table: DataInput | TextInput): Shape {
  if (isNumericArray(table)) return [table.length];
  if (Array.isArray(table)) return nestedShape(table, maxRank + 1);
  const {shape} = (table ?? {}) as {shape?: unknown};
  if (!Array.isArray(shape) || shape.length === 0) {
    fail('ERR_SHAPE', `${what}: expected {data, shape} or nested arrays. Received ${show(table)}.`);
  }
  return shape;
}
