// Nested arrays of numbers, as users write them: [[1, 2], [3, 4]].
import type {Shape} from './shape.ts';

export type NestedArray = readonly (number | NestedArray)[];

/** The shape of nested arrays by the first element of each level, of up to `maxAxes` axes. */
export function nestedShape(value: unknown, maxAxes: number): number[] {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level) && shape.length < maxAxes; level = level[0]) {
    shape.push(level.length);
  }
  return shape;
}

export interface NestedVisitor {
  /** Takes each element, in row-major order. `indices` say where it stands; the array is reused. */
  element(value: unknown, indices: readonly number[]): void;
  /** Refuses what stands where an array of `size` elements is expected; -1 stands for any number of them. */
  ragged(value: unknown, size: number, indices: readonly number[]): never;
}

/** Visits the elements of nested arrays, whose sizes must be those of `shape` everywhere. */
export function visitNested(value: unknown, shape: Shape, visitor: NestedVisitor): void {
  const indices: number[] = [];
  const visit = (level: unknown): void => {
    const size = shape[indices.length];
    if (size === undefined) {
      visitor.element(level, indices);
      return;
    }
    if (!Array.isArray(level) || (size !== -1 && level.length !== size)) {
      visitor.ragged(level, size, indices);
    }
    // By index, because forEach would skip the holes of [[1], , [3]].
    const axis = indices.push(0) - 1;
    for (let index = 0; index < level.length; index++) {
      indices[axis] = index;
      visit(level[index]);
    }
    indices.pop();
  };
  visit(value);
}
