// The types of tables, and of their rows.
import type {DataInput, NestedArray, NumericArray, ShapedArray, ShapedInput} from './arrays.ts';
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
