// The fast way of data sets made of arrays: no element is made; shuffling, cutting and repeating work on row
// numbers, which a plan reads from the arrays where they lie.
import {fail} from '../core/errors.ts';
import {sizeOf} from '../core/shape.ts';
import {type DataInput, isShaped, pickRows, type Rows, toRows} from './arrays.ts';
import {ascendingRows} from './order.ts';
import {shuffled} from './shuffle.ts';
import {shapeOfTable} from './table.ts';
import {leavesOf, mapTree} from './tree.ts';

/** A table of which each element holds a row. A class, so that it is no record of tables. */
export class Table {
  readonly rows: Rows;
  /** As what a row is handed out. */
  readonly form: 'number' | 'array' | 'shaped';

  constructor(rows: Rows, form: Table['form']) {
    this.rows = rows;
    this.form = form;
  }
}

/** Hands out row numbers in their order, as many as are asked for and left. */
export interface RowCursor {
  next(most: number): Int32Array;
}

export interface RowPlan {
  /** Tables by name, all of the same number of rows. */
  readonly tables: unknown;
  /** May be infinite. */
  readonly size: number;
  /** The rows as they lie, all of them. */
  readonly plain: boolean;
  rows(pass: number): RowCursor;
}

/** Batches of one size: `steps` × `batch` row numbers. */
export interface RowBatches {
  readonly rows: Int32Array;
  readonly batch: number;
  readonly steps: number;
}

export interface BatchCursor {
  /** The next batches, as many as are asked for and of one size; nothing at the end. */
  next(most: number): RowBatches | undefined;
}

export interface BatchPlan {
  readonly tables: unknown;
  /** Rows of each batch but a last one. */
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
    const rows = toRows(table, {what, rowShape});
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
    next(most) {
      const taken = rows.subarray(at, at + Math.min(most, rows.length - at));
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
      next(most) {
        const rows = next(Math.min(most, left));
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

/** The number of the pass over what is repeated. */
export const innerPass = (pass: number, count: number, round: number): number =>
  (count === Number.POSITIVE_INFINITY ? 0 : pass * count) + round;

export function repeatPlan(plan: RowPlan, count: number): RowPlan {
  const size = plan.size === 0 || count === 0 ? 0 : plan.size * count;
  return derive(plan, size, pass => {
    let round = 0;
    let cursor: RowCursor | undefined;
    return {
      next(most) {
        const parts: Int32Array[] = [];
        let missing = size === 0 ? 0 : most;
        while (missing > 0) {
          cursor ??= round < count ? plan.rows(innerPass(pass, count, round++)) : undefined;
          if (!cursor) break;
          const rows = cursor.next(missing);
          missing -= rows.length;
          if (rows.length === 0) cursor = undefined;
          else parts.push(rows);
        }
        return joined(parts);
      },
    };
  });
}

function joined(parts: readonly Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0] as Int32Array;
  const all = new Int32Array(new SharedArrayBuffer(4 * parts.reduce((sum, {length}) => sum + length, 0)));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The plans that stand in a tree as one, where all are over the same rows in the same order. */
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
        next(most) {
          const rows = rest ?? next(most * batch);
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
      let round = 0;
      let cursor: BatchCursor | undefined;
      return {
        next(most) {
          for (;;) {
            const fresh = cursor === undefined;
            if (fresh && round >= count) return undefined;
            cursor ??= plan.batches(innerPass(pass, count, round++));
            const batches = cursor.next(most);
            if (batches) return batches;
            // A round without any batch would be followed by more of them.
            if (fresh) return undefined;
            cursor = undefined;
          }
        },
      };
    },
  };
}

function rowOf({rows: {data, rowShape, scale}, form}: Table, row: number): unknown {
  if (form === 'number') return data[row];
  const width = sizeOf(rowShape);
  const values = data.subarray(row * width, (row + 1) * width);
  return form === 'array' ? values : {data: values, shape: rowShape, ...(scale !== 1 && {scale})};
}

/** One element: the row of each table. */
export const elementOf = (tables: unknown, row: number): unknown =>
  mapTree(tables, table => rowOf(table as Table, row));

/** A batch: the rows of each table. */
export const gather = (tables: unknown, rows: Int32Array): unknown =>
  mapTree(tables, table => pickRows((table as Table).rows, rows));
