// One training step on rows that are one batch.
import {checkOptions} from '../../core/errors.ts';
import {ascendingRows} from '../../data/order.ts';
import type {BatchRun} from '../feed/batch-source.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples} from '../feed/samples.ts';
import type {PortData} from '../network/ports.ts';
import type {Engine} from '../run/engine.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {type StepRequest, type StepRunner, stepRunner} from '../run/step-runner.ts';

interface Prepared {
  readonly runner: StepRunner;
  readonly run: BatchRun;
  readonly request: StepRequest;
  logs(): Logs;
}

function prepare(engine: Engine, where: string, x: PortData, y: PortData, options: Weighting): Prepared {
  const samples = bindSamples(engine, where, x, y, options);
  const batch = samples.count;
  engine.checkTrainable(where);
  const means = new RunningMeans(engine.compilation(where));
  return {
    runner: stepRunner(engine, samples, {batch}),
    run: {samples, rows: ascendingRows(batch), batch, steps: 1},
    request: {
      where,
      seed: engine.seed,
      add: (results, steps, end) => means.addSteps(results, {steps, first: 0, end, batch}),
      nameOf: () => 'this batch',
    },
    logs: () => means.logs(),
  };
}

const known = ['sampleWeight', 'classWeight'];

/** See `Model.trainOnBatch`. */
export async function trainOnBatch(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: Weighting = {},
): Promise<Logs> {
  const where = 'trainOnBatch';
  engine.compilation(where);
  checkOptions(where, options, known);
  return engine.write(where, async () => {
    const {runner, run, request, logs} = prepare(engine, where, x, y, options);
    await runner.run(run, request);
    return logs();
  });
}

/** See `Model.trainOnBatchSync`. */
export function trainOnBatchSync(engine: Engine, x: PortData, y: PortData, options: Weighting = {}): Logs {
  const where = 'trainOnBatchSync';
  engine.compilation(where);
  checkOptions(where, options, known);
  return engine.writeAlone(where, () => {
    const {runner, run, request, logs} = prepare(engine, where, x, y, options);
    runner.runInline(run, request, 1);
    return logs();
  });
}
