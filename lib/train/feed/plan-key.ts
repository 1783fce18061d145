// What of the data a plan depends on, as a key: how its arrays lie, never what they hold.
import type {Rows} from '../../data/arrays.ts';
import type {Samples} from './samples.ts';

export function keyOf(
  purpose: string,
  batch: number | 'rows',
  ...data: readonly (Rows | undefined)[]
): string {
  const specs = data.flatMap(rows => (rows ? [`${rows.dtype}[${rows.rowShape}]*${rows.scale}`] : []));
  return [purpose, batch, ...specs].join(' ');
}

/** The same for a program over all arrays of the samples. */
export function keyOfSamples(purpose: string, batch: number | 'rows', {x, y, weights}: Samples): string {
  return keyOf(weights ? `${purpose} weighted` : purpose, batch, ...x, ...y, weights);
}

const specOf = ({dtype, rowShape, scale}: Rows) => ({dtype, rowShape, scale});

/** How the arrays of samples lie, without the arrays. */
export function specsOf({x, y, weights}: Pick<Samples, 'x' | 'y' | 'weights'>) {
  return {x: x.map(specOf), y: y.map(specOf), ...(weights && {weights: specOf(weights)})};
}
