// How the sizes of traces follow from a number of rows, where two traces of other sizes tell.
import type {Entry} from './entry.ts';
import type {Node} from './op-by-op.ts';

/** The number of rows is the size at `place`; each size is `factor · rows + offset`. */
export interface RowForm {
  readonly place: number;
  readonly factors: readonly number[];
  readonly offsets: readonly number[];
}

/** The sizes of a trace, and which are the first of data that it reads: one may be that of a batch. */
export interface TraceSizes {
  readonly sizes: readonly number[];
  readonly batches: readonly number[];
}

/** Parameters have no rows, nor have single numbers. */
const isData = ({position, isTrained, number}: Entry): boolean =>
  position < 0 && !isTrained && number === undefined;

export function sizesOf(nodes: readonly Node[]): TraceSizes {
  const sizes: number[] = [];
  const batches: number[] = [];
  for (const {recipe, operands} of nodes) {
    const {form} = recipe;
    for (let at = 0; at < operands.length; at++) {
      const place = form.firsts[at];
      if (place !== undefined && isData(operands[at] as Entry)) batches.push(sizes.length + place);
    }
    for (const size of form.sizes) sizes.push(size);
  }
  return {sizes, batches};
}

/** Undefined where they follow from no number of rows. */
export function rowFormOf({sizes: a, batches}: TraceSizes, {sizes: b}: TraceSizes): RowForm | undefined {
  const growth = (place: number): number => (a[place] as number) - (b[place] as number);
  const grown = batches.filter(place => growth(place) !== 0);
  // Rows may be several to a sample, but not fewer.
  const [place] = grown.sort((one, other) => Math.abs(growth(one)) - Math.abs(growth(other)));
  if (place === undefined || a.length !== b.length) return undefined;
  const [rows, step] = [a[place] as number, growth(place)];
  const factors = a.map((_, at) => growth(at) / step);
  const offsets = a.map((size, at) => size - (factors[at] as number) * rows);
  const isWhole = factors.every((factor, at) => {
    return factor === 0 || (Number.isInteger(factor) && factor > 0 && (offsets[at] as number) >= 0);
  });
  return isWhole ? {place, factors, offsets} : undefined;
}

export const sizesFor = ({factors, offsets}: RowForm, rows: number): number[] =>
  factors.map((factor, at) => factor * rows + (offsets[at] as number));

/** The number of rows of which these sizes are; undefined where they are of none. */
export function rowsIn({place, factors, offsets}: RowForm, sizes: readonly number[]): number | undefined {
  const rows = sizes[place] as number;
  for (let at = 0; at < sizes.length; at++) {
    if (sizes[at] !== (factors[at] as number) * rows + (offsets[at] as number)) return undefined;
  }
  return rows;
}
