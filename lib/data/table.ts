import {fail} from '../core/errors.ts';
import {nestedShape} from '../core/nested.ts';
import {maxRank, type Shape} from '../core/shape.ts';
import type {NestedArray, NumberArray, ShapedArray} from './arrays.ts';

/** The shape of a table; a bare typed array is a column of numbers. */
export function shapeOfTable(what: string, table: NumberArray | ShapedArray | NestedArray): Shape {
  if (ArrayBuffer.isView(table)) return [table.length];
  if (Array.isArray(table)) return nestedShape(table, maxRank + 1);
  const {shape} = (table ?? {}) as {shape?: unknown};
  if (!Array.isArray(shape) || shape.length === 0) {
    fail('ERR_SHAPE', `${what}: expected {data, shape} or nested arrays. Received ${String(table)}.`);
  }
  return shape;
}
