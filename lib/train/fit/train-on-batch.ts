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
import {type StepRequest, type StepRunner, stepRunner} from '../run/step-runner.ts';

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

  async run(where: string, samples: Samples): Promise<Logs> {
    const running = this.#runner.run(this.#begin(samples), this.#requests.get(where) as StepRequest);
    if (isPromise(running)) await running;
    return this.#means.logs();
  }

  runSync(where: string, samples: Samples): Logs {
    this.#runner.runInline(this.#begin(samples), this.#requests.get(where) as StepRequest, 1);
    return this.#means.logs();
  }

  #begin(samples: Samples): BatchRun {
    const {count} = samples;
    this.#means.reset();
    if (this.#of.rows !== count) this.#of = {rows: count};
    if (this.#rows.length < count) this.#rows = ascendingRows(2 ** Math.ceil(Math.log2(count)));
    return {samples: this.#copied(samples) ?? samples, rows: this.#rows, batch: count, steps: 1};
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

function checkRequest(engine: Engine, where: string, options: Weighting): void {
  engine.compilation(where);
  checkOptions(where, options, ['sampleWeight', 'classWeight']);
}

/** See `Model.trainOnBatch`. */
export async function trainOnBatch(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: Weighting = {},
): Promise<Logs> {
  const where = 'trainOnBatch';
  checkRequest(engine, where, options);
  return engine.write(where, () => {
    const samples = bindSamples(engine, where, x, y, options);
    return stepsFor(engine, where, samples).run(where, samples);
  });
}

/** See `Model.trainOnBatchSync`. */
export function trainOnBatchSync(engine: Engine, x: PortData, y: PortData, options: Weighting = {}): Logs {
  const where = 'trainOnBatchSync';
  checkRequest(engine, where, options);
  return engine.writeAlone(where, () => {
    const samples = bindSamples(engine, where, x, y, options);
    return stepsFor(engine, where, samples).runSync(where, samples);
  });
}
