// The one way to run a program over rows of the user's arrays: what it reads is gathered here, and what ends
// it early becomes an error in the user's terms.
import type {TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import type {StepRows} from '../../core/step-rows.ts';
import type {Rows} from '../../data/arrays.ts';
import {type CompiledProgram, turns} from '../../session/compile.ts';
import {classCount} from '../feed/samples.ts';
import type {Engine} from './engine.ts';
import {failByGuard, type RunOutcome, type RunSite} from './failures.ts';
import {areSmall, InlineRows} from './inline-rows.ts';
import {inputsOf} from './inputs.ts';

export interface RowRun extends Omit<RunSite, 'classesOf' | 'advice'> {
  /** What random layers read: the words of the seed, and the number of each step. */
  readonly random?: {readonly seed: Int32Array; readonly step: Int32Array};
  /** The optimizer's hyperparameters of each step. */
  readonly hyper?: Float32Array;
  /** Told of the outcome before an error is made of it. */
  onOutcome?(outcome: RunOutcome): void;
}

type RunOptions = Parameters<CompiledProgram['run']>[1];

/** What the random layers of one step read, which is the next of the training. */
export function randomOf(engine: Engine, seed: number): NonNullable<RowRun['random']> {
  return {seed: Int32Array.of(...seedWords(seed)), step: Int32Array.of(engine.iterations)};
}

/** The inputs of a program that reads rows. */
export function rowInputs(
  program: CompiledProgram,
  {sources, rows, random, hyper}: Pick<RowRun, 'sources' | 'rows' | 'random' | 'hyper'>,
): Record<string, TypedArray> {
  const available: Record<string, TypedArray> = {rows, ...random, ...(hyper && {hyper})};
  for (const name in sources) available[name] = (sources[name] as Rows).data;
  return inputsOf(program, available);
}

/** @throws what a guard of the data or of the numbers means; a criterion that held is no error. */
export function checkOutcome(engine: Engine, outcome: RunOutcome, run: RowRun): RunOutcome {
  run.onOutcome?.(outcome);
  if (outcome.end === 'guard' && outcome.guard?.kind !== 'stop') {
    failByGuard(outcome, {
      ...run,
      advice: engine.compiled?.advice ?? [],
      classesOf: source => classCount(engine, run.where, source),
    });
  }
  return outcome;
}

/** Rows of the steps of a run, for a program of any number of them. */
export function stepRowsOf(
  {plan}: CompiledProgram,
  {batch, short}: Pick<RowRun, 'batch' | 'short'>,
): StepRows | undefined {
  return plan.rows && {rows: batch, short};
}

const inlineRows = new WeakMap<CompiledProgram, InlineRows>();

function inlineRowsOf(program: CompiledProgram): InlineRows {
  let rows = inlineRows.get(program);
  if (!rows) {
    rows = new InlineRows(program);
    inlineRows.set(program, rows);
  }
  return rows;
}

/**
 * Inline where the run is short, else by the executor.
 *
 * @throws ERR_NOT_FINITE or ERR_OUT_OF_RANGE naming the user's row, or the layer.
 */
export async function runRows(
  engine: Engine,
  program: CompiledProgram,
  run: RowRun,
  options: RunOptions,
): Promise<RunOutcome> {
  const inputs = rowInputs(program, run);
  const of = stepRowsOf(program, run);
  return checkOutcome(engine, await runInputs(program, inputs, {...options, rows: of}, run.batch), run);
}

/** The same with all that a program reads; what ends it early is the caller's to tell. */
export function runInputs(
  program: CompiledProgram,
  inputs: Readonly<Record<string, TypedArray>>,
  options: NonNullable<RunOptions>,
  batch?: number,
): RunOutcome | Promise<RunOutcome> {
  const {steps = 1, cancel, highPriority, rows: of} = options;
  const ns = highPriority ? program.kernelNs(batch) : program.stepNs(batch);
  if (!program.runsInline(steps, ns / 1e6) || !areSmall(inputs)) {
    return program.run(inputs, options);
  }
  const rows = inlineRowsOf(program);
  if (turns.open) return rows.run(inputs, steps, of);
  // A prediction may wait for a model that is disposed of meanwhile: it has its state already.
  if (highPriority) return rows.runLater(turns.next(), inputs, steps, of);
  return turns.next().then(() => {
    // An array may have been transferred away meanwhile, and a signal may have come.
    const mayRun = areSmall(inputs) && !cancel?.[0];
    return mayRun ? rows.run(inputs, steps, of) : program.run(inputs, options);
  });
}

/** The same by the executor, however short it is. */
export async function handOverRows(
  engine: Engine,
  program: CompiledProgram,
  run: RowRun,
  options: RunOptions,
): Promise<RunOutcome> {
  const rows = stepRowsOf(program, run);
  return checkOutcome(engine, await program.run(rowInputs(program, run), {...options, rows}), run);
}

/** The same on the calling thread. */
export function runRowsSync(
  engine: Engine,
  program: CompiledProgram,
  run: RowRun,
  {steps = 1}: {readonly steps?: number},
): RunOutcome {
  const inputs = rowInputs(program, run);
  const rows = stepRowsOf(program, run);
  const outcome = areSmall(inputs)
    ? inlineRowsOf(program).run(inputs, steps, rows)
    : program.runSync(inputs, {steps, rows});
  return checkOutcome(engine, outcome, run);
}
