import {fail} from '../core/errors.ts';
import {isNumericArray, show} from '../core/kinds.ts';
import {nestedShape} from '../core/nested.ts';
import {maxRank, type Shape} from '../core/shape.ts';
import type {DataInput} from './arrays.ts';
import type {TextInput} from './text.ts';

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
