// The types of tables, and of their rows.
import type {DataInput, NestedArray, NumericArray, ShapedArray, ShapedInput} from './arrays.ts';

/** A row of a table: of a list a number, of a list of lists an array, else an array with its shape. */
export type RowOf<Table> = Table extends NumericArray | readonly (number | boolean | bigint)[]
  ? number
  : Table extends readonly (readonly (number | boolean | bigint)[] | NumericArray)[]
    ? Float32Array
    : Table extends ShapedInput | NestedArray
      ? ShapedArray
      : {readonly [Name in keyof Table]: RowOf<Table[Name]>};

/** A table, or records of tables by name. */
export type Tables = DataInput | {readonly [name: string]: Tables};
