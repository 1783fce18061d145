// Training steps in native calls. A call covers as many steps as fit a time budget; the arrays that it reads
// and writes are made once. The length of a call never changes a result: all that a step depends on is its
// number.
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {seedWords} from '../core/seed.ts';
import {sizeOf} from '../core/shape.ts';
import {rateAt} from '../optim/optimizer.ts';
import type {CompiledProgram} from '../session/compile.ts';
import {arraysOf, classCounts, keyOfSamples, type Samples} from './batches.ts';
import {type BoundCriterion, keyOfCriteria} from './criterion.ts';
import {type Engine, inputsOf, type RunOutcome} from './engine.ts';
import {failByGuard} from './failures.ts';
import {trainGraph} from './graphs.ts';
import type {RunningMeans} from './logs.ts';
import type {Stretch} from './source.ts';
import {StepNumbers} from './step-numbers.ts';

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

/** Steps of one batch size over arrays that lie alike. */
export class StepRunner {
  readonly #engine: Engine;
  readonly #program: CompiledProgram;
  readonly #seed: Int32Array;
  readonly #capacity: number;
  readonly #numbers: StepNumbers;
  readonly #steps: Int32Array;
  readonly #outputs: Record<string, TypedArray>;
  #msPerStep = 0;
  #stepsBefore = 0;

  constructor(engine: Engine, samples: Samples, options: StepRunnerOptions) {
    const {batch, seed, most, criteria = []} = options;
    const training = engine.training('fit');
    this.#engine = engine;
    const key = keyOfSamples(`train${keyOfCriteria(criteria)}`, batch, samples);
    this.#program = engine.program(key, () =>
      trainGraph(engine.network, training, {batch, ...samples, criteria}),
    );
    const outputs = this.#program.plan.io.filter(slot => slot.output);
    const bytes = outputs.reduce((sum, slot) => sum + bytesOf(slot), 0);
    this.#capacity = Math.max(1, Math.min(most, maxStepsPerCall, Math.floor(maxOutputBytes / bytes)));
    // In shared memory, where native code reads and writes without a copy.
    this.#seed = new Int32Array(new SharedArrayBuffer(8));
    this.#seed.set(seedWords(seed));
    this.#numbers = new StepNumbers(this.#capacity, training.optimizer.hyperCount);
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
   * Runs the first steps of a stretch and adds their losses to `means`.
   *
   * @returns steps committed: fewer than begun where the run was cancelled, or ended by a criterion.
   */
  async run(
    {samples, rows, batch, steps: most}: Stretch,
    options: {
      cancel?: Int32Array;
      means: RunningMeans;
      where: string;
      name(step: number): string;
    },
  ): Promise<RunOutcome> {
    const steps = Math.min(most, this.#wanted);
    const engine = this.#engine;
    const {optimizer} = engine.training(options.where);
    const first = engine.iterations;
    const hyper = this.#numbers.of(optimizer, first, steps);
    for (let step = 0; step < steps; step++) this.#steps[step] = first + step;
    const table = rows.subarray(0, steps * batch);
    const offered = {
      ...arraysOf(samples),
      rows: table,
      hyper,
      seed: this.#seed,
      step: this.#steps.subarray(0, steps),
    };
    const outputs = mapValues(this.#outputs, array =>
      array.subarray(0, steps * (array.length / this.#capacity)),
    );
    const started = performance.now();
    const inputs = inputsOf(this.#program, offered);
    const {cancel} = options;
    const running = this.#program.run(inputs, {steps, outputs, ...(cancel && {cancel})});
    if (steps > 1) this.#numbers.foresee(optimizer, first + steps, steps);
    const result = await running;
    this.#msPerStep = (performance.now() - started) / steps;
    this.#stepsBefore = steps;
    engine.iterations = first + result.steps;
    options.means.addSteps(outputs, {steps, done: result.steps, batch});
    if (result.end === 'guard' && result.guard?.kind !== 'stop') {
      const classesOf = classCounts(engine, options.where);
      const learningRate = rateAt(optimizer, first + result.steps);
      const {where, name} = options;
      failByGuard(result, {where, ...samples, rows: table, batch, classesOf, step: name, learningRate});
    }
    return result;
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
