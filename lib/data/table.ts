import {fail} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import type {NestedArray, NumberArray, ShapedArray} from './arrays.ts';

/** The shape that a table says itself; a bare typed array is a column of numbers. */
export function shapeOfTable(what: string, table: NumberArray | ShapedArray | NestedArray): Shape {
  if (ArrayBuffer.isView(table)) return [table.length];
  if (Array.isArray(table)) {
    const shape: number[] = [];
    for (let level: unknown = table; Array.isArray(level) && shape.length < 7; level = level[0]) {
      shape.push(level.length);
    }
    return shape;
  }
  const {shape} = (table ?? {}) as {shape?: unknown};
  if (!Array.isArray(shape) || shape.length === 0) {
    fail('ERR_SHAPE', `${what}: expected {data, shape} or nested arrays. Received ${String(table)}.`);
  }
  return shape;
}
