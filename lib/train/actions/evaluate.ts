// Loss and metrics over rows or batches, without training.
import type {Batches} from '../feed/batches.ts';
import {DatasetSource} from '../feed/dataset-source.ts';
import {keyOfSamples, specsOf} from '../feed/plan-key.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import type {Samples} from '../feed/samples.ts';
import {inSteps, rowNumbers} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {AbortedError} from '../run/failures.ts';
import {type Logs, RunningMeans} from '../run/logs.ts';
import {runRows} from '../run/row-run.ts';
import {evaluateGraph, type Graph} from '../step/graphs.ts';

export type EvaluateOptions = Pick<Weighting, 'sampleWeight'>;

export interface EvaluateRequest {
  readonly where: string;
  readonly prefix?: string;
  readonly cancel?: Int32Array | undefined;
}

interface Evaluated {
  readonly samples: Samples;
  /** What their graph depends on, for steps of so many rows. */
  keyOf(batch: number | 'rows'): string;
  graph(): (batch: number) => Graph;
}

function evaluatedOf(engine: Engine, where: string, samples: Samples): Evaluated {
  const {network} = samples;
  const keys = new Map<number | 'rows', string>();
  return {
    samples,
    keyOf(batch) {
      let key = keys.get(batch);
      if (key === undefined) {
        key = keyOfSamples('evaluate', batch, samples);
        keys.set(batch, key);
      }
      return key;
    },
    graph() {
      const specs = specsOf(samples);
      return batch => evaluateGraph(network, engine.compilation(where), {batch, ...specs});
    },
  };
}

/** Adds loss and metrics of some rows, in order, to `means`. */
async function addRows(
  engine: Engine,
  means: RunningMeans,
  {where, cancel}: EvaluateRequest,
  {samples, keyOf, graph}: Evaluated,
  given: Int32Array,
): Promise<void> {
  const {program, steps, rows, batch, short} = inSteps(engine, where, given, keyOf, graph);
  const {sources, batchRows} = samples;
  const run = {where, sources, batchRows, rows, batch, short};
  const {end, outputs} = await runRows(engine, program, run, cancel ? {steps, cancel} : {steps});
  if (end === 'cancelled') throw new AbortedError({epoch: [], history: {}}, undefined);
  means.addSamples(outputs, given.length, rows.length);
}

/** Evaluates rows, again and again: what is the same each time is made once. */
export function rowsEvaluation(
  engine: Engine,
  {where, samples, first, count, prefix}: EvaluateRequest & {samples: Samples; first: number; count: number},
): (cancel?: Int32Array) => Promise<Logs> {
  const means = new RunningMeans(engine.compilation(where));
  const evaluated = evaluatedOf(engine, where, samples);
  return async cancel => {
    means.reset();
    await addRows(engine, means, {where, cancel}, evaluated, rowNumbers(count, first));
    return means.logs(prefix);
  };
}

/** Loss and metrics over rows, without training. Rows are added up in order: the batches leave no trace. */
export const evaluateRows = (
  engine: Engine,
  request: EvaluateRequest & {samples: Samples; first: number; count: number},
): Promise<Logs> => rowsEvaluation(engine, request)(request.cancel);

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
      await addRows(engine, means, request, evaluatedOf(engine, where, run.samples), run.rows);
      batch += run.steps;
    }
  } finally {
    source.close();
  }
}
