// Rows for programs whose results for a row do not depend on its batch: in steps of up to 128.
import {fail} from '../../core/errors.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import type {Graph} from '../step/graphs.ts';
import type {Engine} from './engine.ts';
import type {RowRun} from './row-run.ts';

/** Where each number of rows needs a plan of its own, batches of these sizes have one. */
const buckets = [1, 8, 32, 128];
const mostRows = 128;

/** Rows in steps of one size that cover all given; the last row is read again to fill the last step. */
function inBuckets(given: Int32Array): {batch: number; steps: number; rows: Int32Array} {
  const batch = buckets.find(size => size >= given.length) ?? mostRows;
  const steps = Math.ceil(given.length / batch);
  const rows = new Int32Array(steps * batch);
  rows.set(given);
  rows.fill(given.at(-1) as number, given.length);
  return {batch, steps, rows};
}

/** Refuses a short batch where the model has batches of one size. @throws ERR_SHAPE */
export function checkWhole(where: string, batchSize: number | undefined, rows: number): void {
  if (batchSize === undefined || (rows > 0 && rows % batchSize === 0)) return;
  const wanted = `the model has batches of ${batchSize} rows, and takes whole ones only`;
  fail('ERR_SHAPE', `${where}: ${wanted}. Received ${rows} rows.`);
}

/** Refuses rows that are to be one batch and are not. @throws ERR_SHAPE */
export function checkOneBatch(where: string, batchSize: number | undefined, rows: number): void {
  if (batchSize === undefined || rows === batchSize) return;
  fail('ERR_SHAPE', `${where}: the model has batches of ${batchSize} rows. Received ${rows} rows.`);
}

export interface Stepped extends Pick<RowRun, 'rows' | 'batch' | 'short'> {
  readonly program: CompiledProgram;
  readonly steps: number;
}

/**
 * A program that reads rows, and its steps over those given: full ones, and a last one of what is left. No
 * row is computed for nothing, unless the plan depends on their number in no simple way.
 *
 * @param keyOf what the graph depends on, for steps of so many rows, or of any number.
 */
export function inSteps(
  engine: Engine,
  where: string,
  given: Int32Array,
  keyOf: (batch: number | 'rows') => string,
  graph: () => (batch: number) => Graph,
): Stepped {
  const {length} = given;
  const fixed = engine.network.batchSize;
  if (fixed !== undefined) {
    checkWhole(where, fixed, length);
    const program = engine.program(keyOf(fixed), () => graph()(fixed));
    return {program, rows: given, batch: fixed, steps: length / fixed};
  }
  const batch = Math.max(1, Math.min(mostRows, length));
  const steps = Math.ceil(length / batch);
  const left = length - (steps - 1) * batch;
  const others = left < batch;
  const program = engine.programForRows(keyOf('rows'), {rows: batch, others, fewest: 1}, graph);
  if (program) {
    const short = others ? {rows: left, every: steps, phase: 0} : undefined;
    return {program, rows: given, batch, steps, short};
  }
  const own = inBuckets(given);
  return {...own, program: engine.program(keyOf(own.batch), () => graph()(own.batch))};
}

let ascending = new Int32Array(0);

/** The indices of `count` rows from `first` on, not to be written to: all who ask for them share them. */
export function rowNumbers(count: number, first = 0): Int32Array {
  const end = first + count;
  if (ascending.length < end) ascending = Int32Array.from({length: 2 * end}, (_, row) => row);
  return ascending.subarray(first, end);
}
