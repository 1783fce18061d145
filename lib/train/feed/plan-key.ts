// What of the data a plan depends on, as a key: how its arrays lie, never what they hold.
import type {Shape} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import type {Samples} from './samples.ts';

export function keyOf(
  purpose: string,
  batch: number | 'rows',
  ...data: readonly (Rows | undefined)[]
): string {
  let key = `${purpose} ${batch}`;
  for (const rows of data) {
    if (rows) key += ` ${rows.dtype}[${shapeText(rows.rowShape)}]*${rows.scale}`;
  }
  return key;
}

/** Rows mostly have the very shape of an input or an output. */
const shapeTexts = new WeakMap<Shape, string>();

function shapeText(shape: Shape): string {
  let text = shapeTexts.get(shape);
  if (text === undefined) {
    text = shape.join();
    shapeTexts.set(shape, text);
  }
  return text;
}

/** The same for a program over all arrays of the samples. */
export function keyOfSamples(purpose: string, batch: number | 'rows', {x, y, weights}: Samples): string {
  if (!weights) return keyOf(purpose, batch, ...x, ...y);
  // The same array for all outputs is one input of the program.
  const distinct = [...new Set(weights)];
  const pattern = weights.map(rows => (rows ? distinct.indexOf(rows) : '-')).join();
  return keyOf(`${purpose} weighted ${pattern}`, batch, ...x, ...y, ...distinct);
}

/** How the arrays of samples lie, without the arrays; what was one array stays one. */
export function specsOf({x, y, weights}: Pick<Samples, 'x' | 'y' | 'weights'>) {
  const specs = new Map<Rows, Pick<Rows, 'dtype' | 'rowShape' | 'scale'>>();
  const specOf = (rows: Rows) => {
    const {dtype, rowShape, scale} = rows;
    const spec = specs.get(rows) ?? {dtype, rowShape, scale};
    specs.set(rows, spec);
    return spec;
  };
  return {
    x: x.map(specOf),
    y: y.map(specOf),
    ...(weights && {weights: weights.map(rows => rows && specOf(rows))}),
  };
}
