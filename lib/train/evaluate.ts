import {arraysOf, classCounts, inBuckets, keyOfSamples, type Samples} from './batches.ts';
import {type Engine, inputsOf} from './engine.ts';
import {AbortedError, failByGuard} from './failures.ts';
import {evaluateGraph} from './graphs.ts';
import {type Logs, RunningMeans} from './logs.ts';
import type {Weighting} from './sample-weights.ts';

export type EvaluateOptions = Pick<Weighting, 'sampleWeight'>;

export interface EvaluateRequest {
  readonly where: string;
  readonly samples: Samples;
  readonly first: number;
  readonly count: number;
  readonly prefix?: string;
  readonly cancel?: Int32Array;
}

/** Loss and metrics over rows, without training. Rows are added up in order: the batches leave no trace. */
export async function evaluateRows(engine: Engine, request: EvaluateRequest): Promise<Logs> {
  const {where, samples, first, count, prefix, cancel} = request;
  const training = engine.training(where);
  const {batch, steps, rows} = inBuckets(first, count);
  const program = engine.program(keyOfSamples('evaluate', batch, samples), () =>
    evaluateGraph(engine.network, training, {batch, ...samples}),
  );
  const offered = {...arraysOf(samples), rows};
  const result = await program.run(inputsOf(program, offered), {steps, ...(cancel && {cancel})});
  if (result.end === 'cancelled') throw new AbortedError({epoch: [], history: {}}, undefined);
  if (result.end === 'guard') {
    failByGuard(result, {where, ...samples, rows, batch, classesOf: classCounts(engine, where)});
  }
  const means = new RunningMeans(training);
  means.addSamples(result.outputs, count);
  return means.logs(prefix);
}
