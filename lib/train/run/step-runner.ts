// Training steps in native calls. A call covers as many steps as fit a time budget; the arrays that it reads
// and writes are made once. A short one is made on the thread that asks, a longer one by the executor.
// Neither that nor the length of a call ever changes a result: all that a step depends on is its number.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import {sizeOf} from '../../core/shape.ts';
import {rowsOfSteps, type StepRows} from '../../core/step-rows.ts';
import {rateAt} from '../../optim/optimizer.ts';
import {type CompiledProgram, turns} from '../../session/compile.ts';
import {type BatchRun, evenSteps} from '../feed/batch-source.ts';
import {keyOfSamples, specsOf} from '../feed/plan-key.ts';
import type {Samples} from '../feed/samples.ts';
import type {Network} from '../network/network.ts';
import {type BoundCriterion, keyOfCriteria} from '../step/criterion.ts';
import {type Graph, trainGraph} from '../step/graphs.ts';
import {checkOneBatch} from './buckets.ts';
import type {Engine} from './engine.ts';
import type {RunOutcome} from './failures.ts';
import {Hyperparameters} from './hyperparameters.ts';
import {InlineSteps} from './inline-steps.ts';
import {checkOutcome, handOverRows, type RowRun, stepRowsOf} from './row-run.ts';

type Plan = CompiledProgram['plan'];
type Slot = Plan['io'][number];

const bytesOf = ({shape, dtype}: Slot): number => sizeOf(shape) * dtypes[dtype].bytes;

/**
 * A call should end about this often, so that runs of others, which wait for its end, are served. What
 * JavaScript does between two calls takes up to half a millisecond of a processor.
 */
const callBudgetMs = 100;
const maxStepsPerCall = 4096;
/** Metrics may keep something of each sample. */
const maxOutputBytes = 2 ** 24;

/** A plan for one row leaves out the sums of a batch, and with them signs of zeros. */
export const fewestRows = 2;

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

/** What the executor's calls read and write besides the samples, with room for steps of so many rows. */
class Tables {
  readonly capacity: number;
  readonly batch: number;
  readonly hyperparameters: Hyperparameters;
  // In shared memory, where native code reads and writes without a copy.
  readonly seed = new Int32Array(new SharedArrayBuffer(8));
  readonly steps: Int32Array;
  readonly #program: CompiledProgram;
  readonly #outputs: readonly (readonly [slot: Slot, memory: TypedArray])[];

  constructor(capacity: number, batch: number, hyperCount: number, program: CompiledProgram) {
    this.capacity = capacity;
    this.batch = batch;
    this.hyperparameters = new Hyperparameters(capacity, hyperCount);
    this.steps = new Int32Array(new SharedArrayBuffer(4 * capacity));
    this.#program = program;
    this.#outputs = outputsOf(program).map(slot => {
      const length = program.elementsOf(slot, capacity, stepRowsOf(program, {batch}));
      const {array, bytes} = dtypes[slot.dtype];
      return [slot, new array(new SharedArrayBuffer(length * bytes), 0, length)] as const;
    });
  }

  outputs(steps: number, of: StepRows | undefined): Record<string, TypedArray> {
    const entries = this.#outputs.map(([slot, memory]) => {
      return [slot.name, memory.subarray(0, this.#program.elementsOf(slot, steps, of))] as const;
    });
    return Object.fromEntries(entries);
  }
}

const outputsOf = ({plan}: CompiledProgram): Slot[] => plan.io.filter(({output}) => output);

/** What is known of the time of steps of so many rows. */
interface Pace {
  readonly batch: number;
  msPerStep: number;
  /** The least that a step took on the thread that asks; as estimated at first. */
  inlineMs: number;
  /** Of the last call. */
  stepsBefore: number;
}

const mostPaces = 1024;

/** By batch size; models of equal structure share plans, so the second knows how long its calls may be. */
const pacesOfPlans = new WeakMap<Plan, Map<number, Pace>>();

function pacesOf(plan: Plan): Map<number, Pace> {
  let paces = pacesOfPlans.get(plan);
  if (!paces) {
    paces = new Map();
    pacesOfPlans.set(plan, paces);
  }
  return paces;
}

/** Steps over arrays that lie alike; kept for as long as their program. */
export class StepRunner {
  readonly #engine: Engine;
  readonly #program: CompiledProgram;
  readonly #mostSteps: number;
  readonly #inline: InlineSteps;
  #tables: Tables | undefined;
  /** Of the batch size that runs now, and of those that ran before. */
  #pace: Pace = {batch: 0, msPerStep: 0, inlineMs: 0, stepsBefore: 0};
  readonly #paces: Map<number, Pace>;

  constructor(engine: Engine, program: CompiledProgram) {
    this.#engine = engine;
    this.#program = program;
    const bytes = outputsOf(program).reduce((sum, slot) => sum + bytesOf(slot), 0);
    this.#mostSteps = Math.max(1, Math.min(maxStepsPerCall, Math.floor(maxOutputBytes / bytes)));
    this.#inline = new InlineSteps(program);
    this.#paces = pacesOf(program.plan);
  }

  /** False once the variables have moved into the memory of a larger model. */
  get inPlace(): boolean {
    return this.#program.inPlace;
  }

  /** Rows of a step at most, where it may have others too; else 0. */
  get mostRows(): number {
    return this.#program.plan.rows?.most ?? 0;
  }

  /** Whether it makes steps of other numbers of rows too. */
  get isForAllRows(): boolean {
    return this.mostRows > 0;
  }

  /** What is known of the time of a step is about one batch size. */
  #begin(batch: number): void {
    if (batch === this.#pace.batch) return;
    if (this.#paces.size > mostPaces) this.#paces.clear();
    const msPerStep = this.#program.stepNs(batch) / 1e6;
    this.#pace = this.#paces.get(batch) ?? {batch, msPerStep, inlineMs: msPerStep, stepsBefore: 0};
    this.#paces.set(batch, this.#pace);
  }

  /** Steps of the next call: what fits the budget, growing at most eightfold from call to call. */
  get #wanted(): number {
    if (this.#pace.stepsBefore === 0) return 1;
    const fitting = Math.floor(callBudgetMs / Math.max(this.#pace.msPerStep, 1e-4));
    return Math.max(1, Math.min(fitting, 8 * this.#pace.stepsBefore, this.#mostSteps));
  }

  /**
   * Runs the first steps of a batch run: at once where they are few and short, else the promise of it.
   *
   * @returns steps committed: fewer than begun where the run was cancelled, or ended by a criterion.
   */
  run(batchRun: BatchRun, request: StepRequest): RunOutcome | Promise<RunOutcome> {
    this.#begin(batchRun.batch);
    const steps = Math.min(batchRun.steps, this.#wanted);
    // A call of the executor's was also on its way there and back.
    const msPerStep = Math.min(this.#pace.msPerStep, this.#pace.inlineMs);
    if (!this.#program.runsInline(steps, msPerStep)) return this.#handOver(batchRun, request, steps);
    if (turns.open) return this.runInline(batchRun, request, steps);
    return turns.next().then(() => this.runInline(batchRun, request, steps));
  }

  /** The same on this thread. */
  runInline(run: BatchRun, request: StepRequest, steps: number): RunOutcome {
    this.#begin(run.batch);
    const {samples, rows, batch, short} = run;
    const {optimizer} = this.#engine.compilation(request.where);
    const first = this.#engine.iterations;
    const started = performance.now();
    const {seed} = request;
    const outcome = this.#inline.run({samples, rows, batch, short, steps, seed, optimizer, first});
    const took = (performance.now() - started) / steps;
    // Other processes may have had the processor for a while.
    this.#pace.inlineMs = Math.min(took, this.#pace.inlineMs);
    this.#settle(outcome, request, {first, steps, msPerStep: Math.min(took, 2 * this.#pace.msPerStep)});
    if (outcome.end === 'done') return outcome;
    return checkOutcome(this.#engine, outcome, this.#site(run, rows, request, first));
  }

  async #handOver(batchRun: BatchRun, request: StepRequest, steps: number): Promise<RunOutcome> {
    const engine = this.#engine;
    const {optimizer} = engine.compilation(request.where);
    const {rows, batch, short} = batchRun;
    const tables = this.#roomFor(steps, batch, optimizer.hyperCount);
    const first = engine.iterations;
    for (let step = 0; step < steps; step++) tables.steps[step] = first + step;
    tables.seed.set(seedWords(request.seed));
    const outputs = tables.outputs(steps, stepRowsOf(this.#program, batchRun));
    const read = rows.subarray(0, rowsOfSteps({rows: batch, short}, steps));
    const started = performance.now();
    const run: RowRun = {
      ...this.#site(batchRun, read, request, first),
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

  #roomFor(steps: number, batch: number, hyperCount: number): Tables {
    const known = this.#tables;
    if (known && known.capacity >= steps && known.batch >= batch) return known;
    const capacity = Math.min(this.#mostSteps, 2 ** Math.ceil(Math.log2(steps)));
    this.#tables = new Tables(capacity, batch, hyperCount, this.#program);
    return this.#tables;
  }

  #settle(
    {steps: done, outputs}: RunOutcome,
    request: StepRequest,
    {first, steps, msPerStep}: {first: number; steps: number; msPerStep: number},
  ): void {
    this.#pace.msPerStep = msPerStep;
    this.#pace.stepsBefore = steps;
    this.#engine.iterations = first + done;
    request.add(outputs, steps, done);
  }

  #site(
    {samples, batch, short}: BatchRun,
    rows: Int32Array,
    {where, nameOf}: StepRequest,
    first: number,
  ): RowRun {
    return {
      where,
      ...samples,
      rows,
      batch,
      short,
      nameOf,
      learningRateAt: step => rateAt(this.#engine.compilation(where).optimizer, first + step),
    };
  }
}

const runners = new WeakMap<CompiledProgram, StepRunner>();

/** The graph of a step for each number of rows; refers to none of the samples, for it is kept. */
function stepsOf(
  engine: Engine,
  network: Network,
  specs: ReturnType<typeof specsOf>,
  criteria: readonly BoundCriterion[],
): (batch: number) => Graph {
  return batch => trainGraph(network, engine.compilation('fit'), {batch, ...specs, criteria});
}

function runnerOf(engine: Engine, program: CompiledProgram): StepRunner {
  const known = runners.get(program);
  if (known) return known;
  const runner = new StepRunner(engine, program);
  runners.set(program, runner);
  return runner;
}

/** The runner of training steps of so many rows, over samples that lie like these. */
export function stepRunner(
  engine: Engine,
  samples: Samples,
  batch: number,
  {criteria = [], others = false}: {criteria?: readonly BoundCriterion[]; others?: boolean} = {},
): StepRunner {
  const key = keyOfSamples(`train${keyOfCriteria(criteria)}`, 'rows', samples);
  const graph = () => stepsOf(engine, samples.network, specsOf(samples), criteria);
  const {batchSize} = engine.network;
  checkOneBatch('a training step', batchSize, batch);
  const forAll =
    batchSize === undefined
      ? engine.programForRows(key, {rows: batch, others, fewest: fewestRows}, graph)
      : undefined;
  const program = forAll ?? engine.program(`${key} of ${batch}`, () => graph()(batch));
  return runnerOf(engine, program);
}

/** The runners of a training: one for all its batches, or one for each size of them. */
export class StepRunners {
  readonly #engine: Engine;
  readonly #criteria: readonly BoundCriterion[];
  /** For the samples of the last run: by batch size, and for runs with short batches. */
  readonly #even = new Map<number, StepRunner>();
  readonly #mixed = new Map<number, StepRunner>();
  #samples: Samples | undefined;

  constructor(engine: Engine, criteria: readonly BoundCriterion[]) {
    this.#engine = engine;
    this.#criteria = criteria;
  }

  /** As many of the first steps of a run as one program makes, and who runs them. */
  for(run: BatchRun): {runner: StepRunner; run: BatchRun} {
    if (this.#samples !== run.samples) {
      this.#samples = run.samples;
      this.#even.clear();
      this.#mixed.clear();
    }
    if (run.short && run.short.rows >= fewestRows) {
      const runner = this.#runner(this.#mixed, run, true);
      if (runner.isForAllRows) return {runner, run};
    }
    const even = evenSteps(run);
    return {runner: this.#runner(this.#even, even, false), run: even};
  }

  #runner(known: Map<number, StepRunner>, {samples, batch}: BatchRun, others: boolean): StepRunner {
    const runner =
      known.get(batch) ?? stepRunner(this.#engine, samples, batch, {criteria: this.#criteria, others});
    known.set(batch, runner);
    return runner;
  }
}
