// Data sets of arrays without their elements: shuffling, batching and repeating work on row indices, by which
// a plan reads the arrays in place.
import {fail} from '../core/errors.ts';
import {isShaped, mark} from '../core/kinds.ts';
import {sizeOf} from '../core/shape.ts';
import {type DataInput, toRows} from './arrays.ts';
import {ascendingRows} from './order.ts';
import {shuffled} from './shuffle.ts';
import {shapeOfTable} from './table.ts';
import {type AnyRows, holdsText, isTextRows, pickAny, toTextRows} from './text.ts';
import {leavesOf, mapTree} from './tree.ts';

/** A table of which each element holds a row. A class, to tell it from a record of tables. */
export class Table {
  static {
    mark(Table.prototype, 'table');
  }

  readonly rows: AnyRows;
  /** The form of its rows as elements: `number` also of single texts. */
  readonly form: 'number' | 'array' | 'shaped';

  constructor(rows: AnyRows, form: Table['form']) {
    this.rows = rows;
    this.form = form;
  }
}

export interface RowCursor {
  /** The next row indices, as many as are left but at most `count`. */
  next(count: number): Int32Array;
}

export interface RowPlan {
  /** Tables by name, all of the same number of rows. */
  readonly tables: unknown;
  /** May be infinite. */
  readonly size: number;
  /** Whether these are all rows in their original order. */
  readonly plain: boolean;
  rows(pass: number): RowCursor;
}

/** Batches of the same size: `steps` × `batch` row indices. */
export interface RowBatches {
  readonly rows: Int32Array;
  readonly batch: number;
  readonly steps: number;
}

export interface BatchCursor {
  /** The next batches, all of the same size, at most `count`; undefined at the end. */
  next(count: number): RowBatches | undefined;
}

export interface BatchPlan {
  readonly tables: unknown;
  /** Rows of each batch; the last one may have fewer. */
  readonly batch: number;
  batches(pass: number): BatchCursor;
}

/** @throws ERR_SHAPE where tables have different numbers of rows. */
export function planOfArrays(arrays: unknown): RowPlan {
  const where = 'Dataset.fromArrays';
  const tables = mapTree(arrays, (value, path): Table => {
    const what = path === '' ? where : `${where}: ${path}`;
    const table = value as DataInput;
    const rowShape = shapeOfTable(what, table).slice(1);
    const rows = holdsText(value) ? toTextRows(value, {what, rowShape}) : toRows(table, {what, rowShape});
    const form =
      isShaped(value) || rowShape.length > 1 ? 'shaped' : rowShape.length === 1 ? 'array' : 'number';
    return new Table(rows, form);
  });
  const leaves = leavesOf(tables).map(table => (table as Table).rows);
  const [first] = leaves;
  if (!first) return fail('ERR_VALUE', `${where}: there is no array in it.`);
  const odd = leaves.find(({count}) => count !== first.count);
  if (odd) fail('ERR_SHAPE', `${where}: one array has ${first.count} rows, another ${odd.count}.`);
  const rows = ascendingRows(first.count);
  return {tables, size: first.count, plain: true, rows: () => cursorOver(rows)};
}

function cursorOver(rows: Int32Array): RowCursor {
  let at = 0;
  return {
    next(count) {
      const taken = rows.subarray(at, at + Math.min(count, rows.length - at));
      at += taken.length;
      return taken;
    },
  };
}

/** All rows of a finite plan in one pass. */
function allRows({rows, size}: RowPlan, pass: number): Int32Array {
  return rows(pass).next(size);
}

const derive = (plan: RowPlan, size: number, rows: (pass: number) => RowCursor): RowPlan => ({
  tables: plan.tables,
  size,
  plain: false,
  rows,
});

export function shufflePlan(
  plan: RowPlan,
  options: {size: number; seed: number; reshuffle: boolean},
): RowPlan | undefined {
  const {size, seed, reshuffle} = options;
  if (plan.size === Number.POSITIVE_INFINITY) return undefined;
  return derive(plan, plan.size, pass =>
    cursorOver(shuffled(allRows(plan, pass), size, seed, reshuffle ? pass : 0)),
  );
}

export function takePlan(plan: RowPlan, count: number): RowPlan {
  return derive(plan, Math.min(count, plan.size), pass => {
    const {next} = plan.rows(pass);
    let left = count;
    return {
      next(wanted) {
        const rows = next(Math.min(wanted, left));
        left -= rows.length;
        return rows;
      },
    };
  });
}

export function skipPlan(plan: RowPlan, count: number): RowPlan {
  return derive(plan, Math.max(0, plan.size - count), pass => {
    const cursor = plan.rows(pass);
    cursor.next(count);
    return cursor;
  });
}

/** The pass of the repeated data set that is repetition `repetition` in `pass` of the whole. */
export const innerPass = (pass: number, count: number, repetition: number): number =>
  (count === Number.POSITIVE_INFINITY ? 0 : pass * count) + repetition;

export function repeatPlan(plan: RowPlan, count: number): RowPlan {
  const size = plan.size === 0 || count === 0 ? 0 : plan.size * count;
  return derive(plan, size, pass => {
    let repetition = 0;
    let cursor: RowCursor | undefined;
    return {
      next(wanted) {
        const parts: Int32Array[] = [];
        let missing = size === 0 ? 0 : wanted;
        while (missing > 0) {
          cursor ??= repetition < count ? plan.rows(innerPass(pass, count, repetition++)) : undefined;
          if (!cursor) break;
          const rows = cursor.next(missing);
          missing -= rows.length;
          if (rows.length === 0) cursor = undefined;
          else parts.push(rows);
        }
        return concatenated(parts);
      },
    };
  });
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0] as Int32Array;
  const all = new Int32Array(new SharedArrayBuffer(4 * parts.reduce((sum, {length}) => sum + length, 0)));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * One plan for all in a tree, if each has all its rows in their original order, and all have the same size.
 */
export function zipPlans(tree: unknown, planOf: (leaf: unknown) => RowPlan | undefined): RowPlan | undefined {
  const all = leavesOf(tree).map(planOf);
  const [first] = all;
  if (!first || !all.every(plan => plan?.plain && plan.size === first.size)) return undefined;
  return {...first, tables: mapTree(tree, leaf => planOf(leaf)?.tables)};
}

export function batchPlan(plan: RowPlan, batch: number, smallLastBatch: boolean): BatchPlan {
  return {
    tables: plan.tables,
    batch,
    batches(pass) {
      const {next} = plan.rows(pass);
      let rest: Int32Array | undefined;
      return {
        next(wanted) {
          const rows = rest ?? next(wanted * batch);
          rest = undefined;
          const steps = Math.floor(rows.length / batch);
          if (steps === 0) {
            if (rows.length === 0 || !smallLastBatch) return undefined;
            return {rows, batch: rows.length, steps: 1};
          }
          if (rows.length > steps * batch) rest = rows.subarray(steps * batch);
          return {rows: rows.subarray(0, steps * batch), batch, steps};
        },
      };
    },
  };
}

export function repeatBatches(plan: BatchPlan, count: number): BatchPlan {
  return {
    ...plan,
    batches(pass) {
      let repetition = 0;
      let cursor: BatchCursor | undefined;
      return {
        next(wanted) {
          for (;;) {
            const fresh = cursor === undefined;
            if (fresh && repetition >= count) return undefined;
            cursor ??= plan.batches(innerPass(pass, count, repetition++));
            const batches = cursor.next(wanted);
            if (batches) return batches;
            // If one repetition has no batch, none has.
            if (fresh) return undefined;
            cursor = undefined;
          }
        },
      };
    },
  };
}

function rowOf({rows, form}: Table, row: number): unknown {
  const {rowShape} = rows;
  if (form === 'number') return rows.data[row];
  const width = sizeOf(rowShape);
  const [begin, end] = [row * width, (row + 1) * width];
  const values = isTextRows(rows) ? rows.data.slice(begin, end) : rows.data.subarray(begin, end);
  const scaled = !isTextRows(rows) && rows.scale !== 1 && {scale: rows.scale};
  return form === 'array' ? values : {data: values, shape: rowShape, ...scaled};
}

/** One element: the row of each table. */
export const elementOf = (tables: unknown, row: number): unknown =>
  mapTree(tables, table => rowOf(table as Table, row));

/** A batch: the rows of each table. */
export const gather = (tables: unknown, rows: Int32Array): unknown =>
  mapTree(tables, table => pickAny((table as Table).rows, rows));
