// The one way to run a program over rows of the user's arrays: what it reads is gathered here, and what ends
// it early becomes an error in the user's terms.
import type {TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import {classCount} from '../feed/samples.ts';
import type {Engine} from './engine.ts';
import {failByGuard, type RunOutcome, type RunSite} from './failures.ts';
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
  return {seed: Int32Array.from(seedWords(seed)), step: Int32Array.of(engine.iterations)};
}

/** The inputs of a program that reads rows. */
export function rowInputs(
  program: CompiledProgram,
  {sources, rows, random, hyper}: Pick<RowRun, 'sources' | 'rows' | 'random' | 'hyper'>,
): Record<string, TypedArray> {
  const available: Record<string, TypedArray> = {rows, ...random, ...(hyper && {hyper})};
  for (const [name, {data}] of Object.entries(sources)) available[name] = data;
  return inputsOf(program, available);
}

/** @throws what a guard of the data or of the numbers means; a criterion that held is no error. */
function checkOutcome(engine: Engine, outcome: RunOutcome, run: RowRun): RunOutcome {
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

/** @throws ERR_NOT_FINITE or ERR_OUT_OF_RANGE naming the user's row, or the layer. */
export async function runRows(
  engine: Engine,
  program: CompiledProgram,
  run: RowRun,
  options: RunOptions,
): Promise<RunOutcome> {
  return checkOutcome(engine, await program.run(rowInputs(program, run), options), run);
}

/** The same on the calling thread. */
export function runRowsSync(
  engine: Engine,
  program: CompiledProgram,
  run: RowRun,
  options: Parameters<CompiledProgram['runSync']>[1],
): RunOutcome {
  return checkOutcome(engine, program.runSync(rowInputs(program, run), options), run);
}
