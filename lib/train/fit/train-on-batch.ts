// One training step on rows that are one batch.
import {checkOptions} from '../../core/errors.ts';
import {isPromise} from '../../core/kinds.ts';
import type {StepRows} from '../../core/step-rows.ts';
import {ascendingRows} from '../../data/order.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import {allocateSamples, bytesOfSamples, copySamples} from '../feed/sample-copies.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples, type Samples} from '../feed/samples.ts';
import type {PortData} from '../network/ports.ts';
import type {Engine} from '../run/engine.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {fewestRows, type StepRequest, type StepRunner, stepRunner} from '../run/step-runner.ts';
import type {Compilation} from '../step/compilation.ts';
import {KnownBatch} from './known-batch.ts';

/** Up to so many bytes, samples are copied to where a program is bound to already. */
const copiedUpToBytes = 2 ** 18;

/** Steps over batches that lie alike, of any number of rows: what they need is made once. */
class BatchSteps {
  readonly #runner: StepRunner;
  /** Of batches up to so many rows. */
  #copies: Samples | undefined;
  #rows = ascendingRows(0);
  readonly #means: RunningMeans;
  readonly #requests = new Map<string, StepRequest>();
  #of: StepRows = {rows: 0};

  constructor(engine: Engine, runner: StepRunner) {
    this.#runner = runner;
    this.#means = new RunningMeans(engine.compilation('trainOnBatch'));
    for (const where of ['trainOnBatch', 'trainOnBatchSync']) {
      this.#requests.set(where, {
        where,
        seed: engine.seed,
        add: (results, steps, end) => this.#means.addSteps(results, {steps, first: 0, end, of: this.#of}),
        nameOf: () => 'this batch',
      });
    }
  }

  /** False once the program is of no use any more. */
  get inPlace(): boolean {
    return this.#runner.inPlace;
  }

  /** The fewest and the most rows that may follow where this run reads. */
  rowsAround({batch, samples}: BatchRun): readonly [least: number, most: number] {
    const {mostRows} = this.#runner;
    return mostRows < batch ? [batch, batch] : [fewestRows, Math.min(mostRows, samples.count)];
  }

  /** One step over these samples, which are copied if they are few. */
  runOf(samples: Samples): BatchRun {
    return this.runOver(this.#copied(samples) ?? samples, samples.count);
  }

  /** One step over the first of them. */
  runOver(samples: Samples, count: number): BatchRun {
    if (this.#rows.length < count) this.#rows = ascendingRows(2 ** Math.ceil(Math.log2(count)));
    return {samples, rows: this.#rows, batch: count, steps: 1};
  }

  async run(where: string, run: BatchRun): Promise<Logs> {
    this.#begin(run);
    const running = this.#runner.run(run, this.#requests.get(where) as StepRequest);
    if (isPromise(running)) await running;
    return this.#means.logs();
  }

  runSync(where: string, run: BatchRun): Logs {
    this.#begin(run);
    this.#runner.runInline(run, this.#requests.get(where) as StepRequest, 1);
    return this.#means.logs();
  }

  #begin({batch}: BatchRun): void {
    this.#means.reset();
    if (this.#of.rows !== batch) this.#of = {rows: batch};
  }

  /** Undefined where there is too much to copy. */
  #copied(samples: Samples): Samples | undefined {
    const bytes = bytesOfSamples(samples);
    if (bytes > copiedUpToBytes) return undefined;
    const {count} = samples;
    if (!this.#copies || this.#copies.count < count) {
      const roomy = 2 ** Math.ceil(Math.log2(count));
      const room = (bytes / count) * roomy > copiedUpToBytes ? count : roomy;
      this.#copies = allocateSamples(samples, room);
    }
    copySamples(samples, this.#copies);
    return this.#copies;
  }
}

const known = new WeakMap<StepRunner, BatchSteps>();

function stepsFor(engine: Engine, where: string, samples: Samples): BatchSteps {
  engine.checkTrainable(where);
  const runner = stepRunner(engine, samples, samples.count);
  let steps = known.get(runner);
  if (!steps) {
    steps = new BatchSteps(engine, runner);
    known.set(runner, steps);
  }
  return steps;
}

interface Ready {
  readonly steps: BatchSteps;
  readonly run: BatchRun;
}

/** The last batch of each model, where others like it can follow. */
const lastBatches = new WeakMap<Engine, Ready & {readonly batch: KnownBatch}>();

/** The step over one batch, which is checked and copied. */
function ready(engine: Engine, {where, compilation, options}: Request, x: PortData, y: PortData): Ready {
  const last = options === undefined ? lastBatches.get(engine) : undefined;
  if (last?.steps.inPlace) {
    const {run, steps} = last;
    const count = last.batch.take(compilation, where, x, y);
    if (count === run.batch) return last;
    if (count > 0) return {steps, run: steps.runOver(run.samples, count)};
  }
  const samples = bindSamples(engine, where, x, y, options);
  const steps = stepsFor(engine, where, samples);
  const run = steps.runOf(samples);
  const [least, most] = steps.rowsAround(run);
  const batch = KnownBatch.of({compilation, samples, copies: run.samples, least, most}, x, y);
  if (batch) lastBatches.set(engine, {batch, steps, run});
  return {steps, run};
}

interface Request {
  readonly where: string;
  readonly compilation: Compilation;
  readonly options: Weighting | undefined;
}

function requestOf(engine: Engine, where: string, options?: Weighting): Request {
  const compilation = engine.compilation(where);
  if (options !== undefined) checkOptions(where, options, ['sampleWeight', 'classWeight']);
  return {where, compilation, options};
}

/** See `Model.trainOnBatch`. */
export async function trainOnBatch(
  engine: Engine,
  x: PortData,
  y: PortData,
  options?: Weighting,
): Promise<Logs> {
  const where = 'trainOnBatch';
  const request = requestOf(engine, where, options);
  return engine.write(where, () => {
    const {steps, run} = ready(engine, request, x, y);
    return steps.run(where, run);
  });
}

/** See `Model.trainOnBatchSync`. */
export function trainOnBatchSync(engine: Engine, x: PortData, y: PortData, options?: Weighting): Logs {
  const where = 'trainOnBatchSync';
  const request = requestOf(engine, where, options);
  return engine.writeAlone(where, () => {
    const {steps, run} = ready(engine, request, x, y);
    return steps.runSync(where, run);
  });
}
