// Training steps in native calls. A call covers as many steps as fit a time budget; the arrays that it reads
// and writes are made once. The length of a call never changes a result: all that a step depends on is its
// number.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {seedWords} from '../../core/seed.ts';
import {sizeOf} from '../../core/shape.ts';
import {rateAt} from '../../optim/optimizer.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import {keyOfSamples} from '../feed/plan-key.ts';
import type {Samples} from '../feed/samples.ts';
import {type BoundCriterion, keyOfCriteria} from '../step/criterion.ts';
import {trainGraph} from '../step/graphs.ts';
import type {Engine} from './engine.ts';
import type {RunOutcome} from './failures.ts';
import {Hyperparameters} from './hyperparameters.ts';
import type {RunningMeans} from './logs.ts';
import {runRows} from './row-run.ts';

type Slot = CompiledProgram['plan']['io'][number];

const bytesOf = ({shape, dtype}: Slot): number => sizeOf(shape) * dtypes[dtype].bytes;

/** A call should end about this often, so that callbacks and signals are served. */
const callBudgetMs = 30;
const maxStepsPerCall = 4096;
/** Metrics may keep something of each sample. */
const maxOutputBytes = 2 ** 24;

export interface StepRunnerOptions {
  readonly batch: number;
  readonly seed: number;
  /** At most so many steps at a time. */
  readonly most: number;
  readonly criteria?: readonly BoundCriterion[];
}

/** Whom a call of steps reports to. */
export interface StepRequest {
  readonly where: string;
  /** Not 0 once the training is to end. */
  readonly cancel?: Int32Array;
  readonly means: RunningMeans;
  /** `epoch 0, batch 12`, for errors. */
  nameOf(step: number): string;
}

/** Steps of one batch size over arrays that lie alike. */
export class StepRunner {
  readonly #engine: Engine;
  readonly #program: CompiledProgram;
  readonly #seed: Int32Array;
  readonly #capacity: number;
  readonly #hyperparameters: Hyperparameters;
  readonly #steps: Int32Array;
  readonly #outputs: Record<string, TypedArray>;
  #msPerStep = 0;
  #stepsBefore = 0;

  constructor(engine: Engine, samples: Samples, options: StepRunnerOptions) {
    const {batch, seed, most, criteria = []} = options;
    const compilation = engine.compilation('fit');
    this.#engine = engine;
    const key = keyOfSamples(`train${keyOfCriteria(criteria)}`, batch, samples);
    this.#program = engine.program(key, () =>
      trainGraph(engine.network, compilation, {batch, ...samples, criteria}),
    );
    const outputs = this.#program.plan.io.filter(slot => slot.output);
    const bytes = outputs.reduce((sum, slot) => sum + bytesOf(slot), 0);
    this.#capacity = Math.max(1, Math.min(most, maxStepsPerCall, Math.floor(maxOutputBytes / bytes)));
    // In shared memory, where native code reads and writes without a copy.
    this.#seed = new Int32Array(new SharedArrayBuffer(8));
    this.#seed.set(seedWords(seed));
    this.#hyperparameters = new Hyperparameters(this.#capacity, compilation.optimizer.hyperCount);
    this.#steps = new Int32Array(new SharedArrayBuffer(4 * this.#capacity));
    this.#outputs = Object.fromEntries(
      outputs.map(slot => {
        const length = this.#capacity * sizeOf(slot.shape);
        const buffer = new SharedArrayBuffer(this.#capacity * bytesOf(slot));
        return [slot.name, new dtypes[slot.dtype].array(buffer, 0, length)];
      }),
    );
  }

  /** Steps of the next call: what fits the budget, growing at most eightfold from call to call. */
  get #wanted(): number {
    if (this.#stepsBefore === 0) return 1;
    const fitting = Math.floor(callBudgetMs / Math.max(this.#msPerStep, 1e-4));
    return Math.max(1, Math.min(fitting, 8 * this.#stepsBefore, this.#capacity));
  }

  /**
   * Runs the first steps of a batch run and adds their losses to `means`.
   *
   * @returns steps committed: fewer than begun where the run was cancelled, or ended by a criterion.
   */
  run({samples, rows, batch, steps: most}: BatchRun, request: StepRequest): Promise<RunOutcome> {
    const steps = Math.min(most, this.#wanted);
    const engine = this.#engine;
    const {where, cancel, means, nameOf} = request;
    const {optimizer} = engine.compilation(where);
    const first = engine.iterations;
    for (let step = 0; step < steps; step++) this.#steps[step] = first + step;
    const outputs = mapValues(this.#outputs, array =>
      array.subarray(0, steps * (array.length / this.#capacity)),
    );
    const started = performance.now();
    const run = {
      where,
      ...samples,
      rows: rows.subarray(0, steps * batch),
      batch,
      hyper: this.#hyperparameters.of(optimizer, first, steps),
      random: {seed: this.#seed, step: this.#steps.subarray(0, steps)},
      nameOf,
      learningRateAt: (step: number) => rateAt(optimizer, first + step),
      onOutcome: ({steps: done}: RunOutcome) => {
        this.#msPerStep = (performance.now() - started) / steps;
        this.#stepsBefore = steps;
        engine.iterations = first + done;
        means.addSteps(outputs, {steps, done, batch});
      },
    };
    const running = runRows(engine, this.#program, run, {steps, outputs, ...(cancel && {cancel})});
    if (steps > 1) this.#hyperparameters.prepare(optimizer, first + steps, steps);
    return running;
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
