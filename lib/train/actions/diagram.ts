// Places for the boxes of a graph without cycles, in rows from top to bottom (after Sugiyama, Tagawa and
// Toda 1981): each below all that it reads; lines that pass a row get a gap in it; rows are sorted so
// that few lines cross.

export interface Box {
  /** Its place in the list; it reads boxes before it. */
  readonly id: number;
  readonly reads: readonly number[];
  readonly width: number;
  readonly height: number;
}

export interface Picture<Kind extends Box> {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly {readonly box: Kind; readonly x: number; readonly y: number}[];
  /** From box to box, through the rows between. */
  readonly edges: readonly (readonly (readonly [x: number, y: number])[])[];
}

/** A box, or a gap through which a line passes. */
interface Cell {
  readonly box: Box | undefined;
  readonly width: number;
  readonly above: Cell[];
  readonly below: Cell[];
  row: number;
  /** Middle. */
  x: number;
}

const [columnGap, rowGap, margin, passing] = [26, 38, 20, 14];
const sweeps = 8;

const mean = (cells: readonly Cell[], otherwise: number): number =>
  cells.length === 0 ? otherwise : cells.reduce((sum, {x}) => sum + x, 0) / cells.length;

function join(from: Cell, to: Cell): void {
  from.below.push(to);
  to.above.push(from);
}

interface Grid {
  readonly rows: readonly Cell[][];
  readonly cells: readonly Cell[];
  /** For each read of each box, the cells from what is read to the reader. */
  readonly paths: readonly (readonly Cell[])[];
}

function gridOf(boxes: readonly Box[]): Grid {
  const cell = (box: Box | undefined, row: number): Cell => {
    return {box, width: box?.width ?? passing, above: [], below: [], row, x: 0};
  };
  const cells: Cell[] = [];
  for (const box of boxes) {
    const row = 1 + Math.max(-1, ...box.reads.map(id => (cells[id] as Cell).row));
    cells.push(cell(box, row));
  }
  // An input stands right above what reads it first.
  for (const box of boxes) {
    if (box.reads.length > 0) continue;
    const readers = boxes.filter(({reads}) => reads.includes(box.id)).map(({id}) => (cells[id] as Cell).row);
    if (readers.length > 0) (cells[box.id] as Cell).row = Math.min(...readers) - 1;
  }
  const rows: Cell[][] = [];
  const place = (one: Cell): void => {
    const row = rows[one.row] ?? [];
    rows[one.row] = row;
    row.push(one);
  };
  cells.forEach(place);
  const paths = boxes.flatMap(({id, reads}) =>
    reads.map(source => {
      const path = [cells[source] as Cell];
      const end = cells[id] as Cell;
      for (let row = (path[0] as Cell).row + 1; row < end.row; row++) {
        const gap = cell(undefined, row);
        join(path.at(-1) as Cell, gap);
        place(gap);
        path.push(gap);
      }
      join(path.at(-1) as Cell, end);
      return [...path, end];
    }),
  );
  return {rows, cells, paths};
}

/** Sets the cells of a row as near to where they want to be as their order and widths allow. */
function spread(row: readonly Cell[], wanted: readonly number[]): void {
  const distance = (at: number): number =>
    ((row[at - 1] as Cell).width + (row[at] as Cell).width) / 2 + columnGap;
  // From the left no nearer than allowed, then the same from the right, and the middle of both.
  const left = [...wanted];
  for (let at = 1; at < row.length; at++) {
    left[at] = Math.max(left[at] as number, (left[at - 1] as number) + distance(at));
  }
  const right = [...wanted];
  for (let at = row.length - 2; at >= 0; at--) {
    right[at] = Math.min(right[at] as number, (right[at + 1] as number) - distance(at + 1));
  }
  row.forEach((cell, at) => {
    cell.x = ((left[at] as number) + (right[at] as number)) / 2;
  });
}

function order(row: Cell[], side: 'above' | 'below'): void {
  const places = new Map(row.map((cell, at) => [cell, mean(cell[side], cell.x) + at * 1e-6]));
  row.sort((a, b) => (places.get(a) as number) - (places.get(b) as number));
  spread(
    row,
    row.map(cell => mean(cell[side], cell.x)),
  );
}

export function layOut<Kind extends Box>(boxes: readonly Kind[]): Picture<Kind> {
  const {rows, cells, paths} = gridOf(boxes);
  for (const row of rows) spread(row, new Array<number>(row.length).fill(0));
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const row of rows.slice(1)) order(row, 'above');
    for (const row of rows.slice(0, -1).reverse()) order(row, 'below');
  }
  for (const row of rows.slice(1)) order(row, 'above');
  const all = rows.flat();
  const leftmost = Math.min(...all.map(({x, width}) => x - width / 2));
  const rightmost = Math.max(...all.map(({x, width}) => x + width / 2));
  let y = margin;
  const tops: number[] = [];
  const heights = rows.map(row => Math.max(...row.map(({box}) => box?.height ?? 0)));
  for (const height of heights) {
    tops.push(y);
    y += height + rowGap;
  }
  const middle = ({x}: Cell): number => Math.round(x - leftmost + margin);
  const topOf = ({row, box}: Cell): number => {
    const slack = (heights[row] as number) - (box?.height ?? 0);
    return Math.round((tops[row] as number) + slack / 2);
  };
  const bottomOf = (cell: Cell): number => topOf(cell) + (cell.box?.height ?? 0);
  return {
    width: Math.ceil(rightmost - leftmost + 2 * margin),
    height: y - rowGap + margin,
    boxes: boxes.map(box => {
      const cell = cells[box.id] as Cell;
      return {box, x: Math.round(middle(cell) - box.width / 2), y: topOf(cell)};
    }),
    edges: paths.map(path =>
      path.flatMap((cell, at): [number, number][] => {
        if (at === 0) return [[middle(cell), bottomOf(cell)]];
        if (at === path.length - 1) return [[middle(cell), topOf(cell) - 1]];
        const top = tops[cell.row] as number;
        return [
          [middle(cell), top],
          [middle(cell), top + (heights[cell.row] as number)],
        ];
      }),
    ),
  };
}
