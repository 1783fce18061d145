// Training steps in native calls. A call covers as many steps as fit a time budget; the arrays that it reads
// and writes are made once. A short one is made on the thread that asks, a longer one by the executor.
// Neither that nor the length of a call ever changes a result: all that a step depends on is its number.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import {sizeOf} from '../../core/shape.ts';
import {rateAt} from '../../optim/optimizer.ts';
import {type CompiledProgram, turns} from '../../session/compile.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import {keyOfSamples, specsOf} from '../feed/plan-key.ts';
import type {Samples} from '../feed/samples.ts';
import {type BoundCriterion, keyOfCriteria} from '../step/criterion.ts';
import {type Graph, trainGraph} from '../step/graphs.ts';
import type {Engine} from './engine.ts';
import type {RunOutcome} from './failures.ts';
import {Hyperparameters} from './hyperparameters.ts';
import {InlineSteps} from './inline-steps.ts';
import {checkOutcome, handOverRows, type RowRun} from './row-run.ts';

type Slot = CompiledProgram['plan']['io'][number];

const bytesOf = ({shape, dtype}: Slot): number => sizeOf(shape) * dtypes[dtype].bytes;

/** A call should end about this often, so that callbacks and signals are served. */
const callBudgetMs = 30;
const maxStepsPerCall = 4096;
/** Metrics may keep something of each sample. */
const maxOutputBytes = 2 ** 24;

export interface StepRunnerOptions {
  readonly batch: number;
  readonly criteria?: readonly BoundCriterion[];
}

/** Whom a call of steps reports to. */
export interface StepRequest {
  readonly where: string;
  readonly seed: number;
  /** Not 0 once the training is to end. */
  readonly cancel?: Int32Array;
  /** Told of the results of all `steps` steps, of which `done` were committed. */
  add(results: Readonly<Record<string, TypedArray>>, steps: number, done: number): void;
  /** `epoch 0, batch 12`, for errors. */
  nameOf(step: number): string;
}

/** What the executor's calls read and write besides the samples, with room for some number of steps. */
class Tables {
  readonly capacity: number;
  readonly hyperparameters: Hyperparameters;
  // In shared memory, where native code reads and writes without a copy.
  readonly seed = new Int32Array(new SharedArrayBuffer(8));
  readonly steps: Int32Array;
  readonly #outputs: Readonly<Record<string, TypedArray>>;

  constructor(capacity: number, hyperCount: number, outputs: readonly Slot[]) {
    this.capacity = capacity;
    this.hyperparameters = new Hyperparameters(capacity, hyperCount);
    this.steps = new Int32Array(new SharedArrayBuffer(4 * capacity));
    this.#outputs = Object.fromEntries(
      outputs.map(slot => {
        const buffer = new SharedArrayBuffer(capacity * bytesOf(slot));
        return [slot.name, new dtypes[slot.dtype].array(buffer, 0, capacity * sizeOf(slot.shape))];
      }),
    );
  }

  outputs(steps: number): Record<string, TypedArray> {
    const entries = Object.entries(this.#outputs).map(([name, array]) => {
      return [name, array.subarray(0, steps * (array.length / this.capacity))] as const;
    });
    return Object.fromEntries(entries);
  }
}

/** Steps of one batch size over arrays that lie alike; kept for as long as their program. */
export class StepRunner {
  readonly #engine: Engine;
  readonly #program: CompiledProgram;
  readonly #batch: number;
  readonly #slots: readonly Slot[];
  readonly #mostSteps: number;
  readonly #inline: InlineSteps;
  #tables: Tables | undefined;
  #msPerStep: number;
  #stepsBefore = 0;

  constructor(engine: Engine, program: CompiledProgram, batch: number) {
    this.#engine = engine;
    this.#program = program;
    this.#batch = batch;
    this.#slots = program.plan.io.filter(slot => slot.output);
    const bytes = this.#slots.reduce((sum, slot) => sum + bytesOf(slot), 0);
    this.#mostSteps = Math.max(1, Math.min(maxStepsPerCall, Math.floor(maxOutputBytes / bytes)));
    this.#inline = new InlineSteps(program, batch);
    this.#msPerStep = program.stepNs / 1e6;
  }

  /** Steps of the next call: what fits the budget, growing at most eightfold from call to call. */
  get #wanted(): number {
    if (this.#stepsBefore === 0) return 1;
    const fitting = Math.floor(callBudgetMs / Math.max(this.#msPerStep, 1e-4));
    return Math.max(1, Math.min(fitting, 8 * this.#stepsBefore, this.#mostSteps));
  }

  /**
   * Runs the first steps of a batch run: at once where they are few and short, else the promise of it.
   *
   * @returns steps committed: fewer than begun where the run was cancelled, or ended by a criterion.
   */
  run(batchRun: BatchRun, request: StepRequest): RunOutcome | Promise<RunOutcome> {
    const steps = Math.min(batchRun.steps, this.#wanted);
    // A call of the executor's was also on its way there and back.
    const msPerStep = Math.min(this.#msPerStep, this.#program.stepNs / 1e6);
    if (!this.#program.runsInline(steps, msPerStep)) return this.#handOver(batchRun, request, steps);
    if (turns.open) return this.runInline(batchRun, request, steps);
    return turns.next().then(() => this.runInline(batchRun, request, steps));
  }

  /** The same on this thread. */
  runInline({samples, rows}: BatchRun, request: StepRequest, steps: number): RunOutcome {
    const {optimizer} = this.#engine.compilation(request.where);
    const first = this.#engine.iterations;
    const started = performance.now();
    const outcome = this.#inline.run({samples, rows, steps, seed: request.seed, optimizer, first});
    const took = (performance.now() - started) / steps;
    // Other processes may have had the processor for a while.
    this.#settle(outcome, request, {first, steps, msPerStep: Math.min(took, 2 * this.#msPerStep)});
    if (outcome.end === 'done') return outcome;
    return checkOutcome(this.#engine, outcome, this.#site(samples, rows, request, first));
  }

  async #handOver({samples, rows}: BatchRun, request: StepRequest, steps: number): Promise<RunOutcome> {
    const engine = this.#engine;
    const {optimizer} = engine.compilation(request.where);
    const tables = this.#roomFor(steps, optimizer.hyperCount);
    const first = engine.iterations;
    for (let step = 0; step < steps; step++) tables.steps[step] = first + step;
    tables.seed.set(seedWords(request.seed));
    const outputs = tables.outputs(steps);
    const read = rows.subarray(0, steps * this.#batch);
    const started = performance.now();
    const run: RowRun = {
      ...this.#site(samples, read, request, first),
      hyper: tables.hyperparameters.of(optimizer, first, steps),
      random: {seed: tables.seed, step: tables.steps.subarray(0, steps)},
      onOutcome: outcome => {
        const msPerStep = (performance.now() - started) / steps;
        this.#settle(outcome, request, {first, steps, msPerStep});
      },
    };
    const {cancel} = request;
    const running = handOverRows(engine, this.#program, run, {steps, outputs, ...(cancel && {cancel})});
    if (steps > 1) tables.hyperparameters.prepare(optimizer, first + steps, steps);
    return running;
  }

  #roomFor(steps: number, hyperCount: number): Tables {
    if (this.#tables && this.#tables.capacity >= steps) return this.#tables;
    const capacity = Math.min(this.#mostSteps, 2 ** Math.ceil(Math.log2(steps)));
    this.#tables = new Tables(capacity, hyperCount, this.#slots);
    return this.#tables;
  }

  #settle(
    {steps: done, outputs}: RunOutcome,
    request: StepRequest,
    {first, steps, msPerStep}: {first: number; steps: number; msPerStep: number},
  ): void {
    this.#msPerStep = msPerStep;
    this.#stepsBefore = steps;
    this.#engine.iterations = first + done;
    request.add(outputs, steps, done);
  }

  #site(samples: Samples, rows: Int32Array, {where, nameOf}: StepRequest, first: number): RowRun {
    return {
      where,
      ...samples,
      rows,
      batch: this.#batch,
      nameOf,
      learningRateAt: step => rateAt(this.#engine.compilation(where).optimizer, first + step),
    };
  }
}

const runners = new WeakMap<CompiledProgram, StepRunner>();

/** The graph of a step for each number of rows; refers to none of the samples, for it is kept. */
function stepsOf(
  engine: Engine,
  specs: ReturnType<typeof specsOf>,
  criteria: readonly BoundCriterion[],
): (batch: number) => Graph {
  return batch => trainGraph(engine.network, engine.compilation('fit'), {batch, ...specs, criteria});
}

/** The runner of training steps over samples that lie like these. */
export function stepRunner(
  engine: Engine,
  samples: Samples,
  {batch, criteria = []}: StepRunnerOptions,
): StepRunner {
  const key = keyOfSamples(`train${keyOfCriteria(criteria)}`, 'rows', samples);
  const program = engine.programForRows(key, batch, () => stepsOf(engine, specsOf(samples), criteria));
  const known = runners.get(program);
  if (known) return known;
  const runner = new StepRunner(engine, program, batch);
  runners.set(program, runner);
  return runner;
}
