// Loss and metrics over rows or batches, without training.
import type {BatchRun} from '../feed/batch-source.ts';
import {type Batches, DatasetSource} from '../feed/dataset-source.ts';
import {keyOfSamples, specsOf} from '../feed/plan-key.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import type {Samples} from '../feed/samples.ts';
import {inSteps, rowNumbers} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {AbortedError} from '../run/failures.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {runRows} from '../run/row-run.ts';
import {evaluateGraph} from '../step/graphs.ts';

export type EvaluateOptions = Pick<Weighting, 'sampleWeight'>;

export interface EvaluateRequest {
  readonly where: string;
  readonly prefix?: string;
  readonly cancel?: Int32Array;
}

/** Adds loss and metrics of some rows, in order, to `means`. */
async function addRows(
  engine: Engine,
  means: RunningMeans,
  {where, cancel}: EvaluateRequest,
  {samples, rows: given}: Pick<BatchRun, 'samples' | 'rows'>,
): Promise<void> {
  const {network} = samples;
  const keyOf = (batch: number | 'rows'): string => keyOfSamples('evaluate', batch, samples);
  const {program, steps, ...stepped} = inSteps(engine, where, given, keyOf, () => {
    const specs = specsOf(samples);
    return batch => evaluateGraph(network, engine.compilation(where), {batch, ...specs});
  });
  const run = {where, ...samples, ...stepped};
  const {end, outputs} = await runRows(engine, program, run, {steps, ...(cancel && {cancel})});
  if (end === 'cancelled') throw new AbortedError({epoch: [], history: {}}, undefined);
  means.addSamples(outputs, given.length);
}

/** Loss and metrics over rows, without training. Rows are added up in order: the batches leave no trace. */
export async function evaluateRows(
  engine: Engine,
  request: EvaluateRequest & {samples: Samples; first: number; count: number},
): Promise<Logs> {
  const {where, samples, first, count, prefix} = request;
  const means = new RunningMeans(engine.compilation(where));
  await addRows(engine, means, request, {samples, rows: rowNumbers(count, first)});
  return means.logs(prefix);
}

/** The same over the batches of a data set's first pass. */
export async function evaluateBatches(
  engine: Engine,
  request: EvaluateRequest & {batches: Batches; signal?: AbortSignal | undefined; most?: number | undefined},
): Promise<Logs> {
  const {where, batches, prefix, signal, most} = request;
  const source = new DatasetSource(engine, batches, {where, signal, stepsPerEpoch: most});
  const means = new RunningMeans(engine.compilation(where));
  try {
    for (let batch = 0; ; ) {
      const run = await source.next(0, batch, Number.POSITIVE_INFINITY, 0);
      if (signal?.aborted) throw new AbortedError({epoch: [], history: {}}, signal.reason);
      if (!run) return means.logs(prefix);
      await addRows(engine, means, request, run);
      batch += run.steps;
    }
  } finally {
    source.close();
  }
}
