/** Sizes of the axes, outermost first. A scalar has none. */
export type Shape = readonly number[];

/** The most axes that a tensor may have. */
export const maxRank = 6;

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** The shape that NumPy's broadcasting gives, or undefined where the shapes do not fit together. */
export function broadcastShapes(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map(shape => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const dimension = shape[axis] as number;
      const at = rank - shape.length + axis;
      if (dimension === 1 || dimension === result[at]) continue;
      if (result[at] !== 1) return undefined;
      result[at] = dimension;
    }
  }
  return result;
}
