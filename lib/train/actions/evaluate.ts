import {ascendingRows} from '../../data/order.ts';
import {arraysOf, classCounts, inBuckets, keyOfSamples, type Samples} from '../feed/samples.ts';
import {type Batches, DatasetSource} from '../feed/dataset-source.ts';
import {type Engine, inputsOf} from '../run/engine.ts';
import {AbortedError, failByGuard} from '../run/failures.ts';
import {evaluateGraph} from '../step/graphs.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import type {Stretch} from '../feed/batch-source.ts';

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
  {samples, rows: given}: Pick<Stretch, 'samples' | 'rows'>,
): Promise<void> {
  const {batch, steps, rows} = inBuckets(given);
  const program = engine.program(keyOfSamples('evaluate', batch, samples), () =>
    evaluateGraph(engine.network, engine.training(where), {batch, ...samples}),
  );
  const offered = {...arraysOf(samples), rows};
  const result = await program.run(inputsOf(program, offered), {steps, ...(cancel && {cancel})});
  if (result.end === 'cancelled') throw new AbortedError({epoch: [], history: {}}, undefined);
  if (result.end === 'guard') {
    failByGuard(result, {where, ...samples, rows, batch, classesOf: classCounts(engine, where)});
  }
  means.addSamples(result.outputs, given.length);
}

/** Loss and metrics over rows, without training. Rows are added up in order: the batches leave no trace. */
export async function evaluateRows(
  engine: Engine,
  request: EvaluateRequest & {samples: Samples; first: number; count: number},
): Promise<Logs> {
  const {where, samples, first, count, prefix} = request;
  const means = new RunningMeans(engine.training(where));
  await addRows(engine, means, request, {samples, rows: ascendingRows(count, first)});
  return means.logs(prefix);
}

/** The same over the batches of a data set's first pass. */
export async function evaluateBatches(
  engine: Engine,
  request: EvaluateRequest & {batches: Batches; signal?: AbortSignal | undefined; most?: number | undefined},
): Promise<Logs> {
  const {where, batches, prefix, signal, most} = request;
  const source = new DatasetSource(engine, batches, {where, signal, stepsPerEpoch: most});
  const means = new RunningMeans(engine.training(where));
  try {
    for (let batch = 0; ; ) {
      const stretch = await source.next(0, batch, Number.POSITIVE_INFINITY);
      if (signal?.aborted) throw new AbortedError({epoch: [], history: {}}, signal.reason);
      if (!stretch) return means.logs(prefix);
      await addRows(engine, means, request, stretch);
      batch += stretch.steps;
    }
  } finally {
    source.close();
  }
}
