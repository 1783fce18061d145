// The forward pass for its outputs: off the event loop, over a data set, or on the calling thread.
import {arrayOf} from '../../core/dtype.ts';
import {checkOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import {prefetched} from '../../data/iterate.ts';
import {isRecord} from '../../data/tree.ts';
import {numericType} from '../../nn/ahead.ts';
import {type CompiledProgram, turns} from '../../session/compile.ts';
import {bindInputs, sourcesOfInputs} from '../feed/samples.ts';
import {inStructure, type PortData, sourceName} from '../network/ports.ts';
import type {Prediction, ShapedResult} from '../network/results.ts';
import {rowNumbers} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import type {RunOutcome} from '../run/failures.ts';
import {type RowRun, runRows, runRowsSync} from '../run/row-run.ts';
import {rowPredictorFor, stepsOver} from './predict-row.ts';

const batchesAhead = 4;

interface Prepared {
  readonly program: CompiledProgram;
  readonly run: RowRun;
  readonly steps: number;
  finish(outcome: RunOutcome): Prediction;
}

function prepare(engine: Engine, where: string, given: PortData, allowSingle = true): Prepared {
  const {network} = engine;
  const x = bindInputs(network, where, given, allowSingle);
  const [{count, single}] = x as [Rows];
  const {program, steps, ...stepped} = stepsOver(engine, x, rowNumbers(count));
  return {
    program,
    run: {where, sources: sourcesOfInputs(network, x), ...stepped},
    steps,
    finish({outputs}) {
      const results = network.outputs.map((port): ShapedResult => {
        const {shape} = port;
        const all = outputs[sourceName('output', network.outputs, port)] as Float32Array;
        const wanted = count * sizeOf(shape);
        return {
          data: all.length === wanted ? all : all.slice(0, wanted),
          shape: single ? shape : [count, ...shape],
        };
      });
      return inStructure(network.outputStructure, network.outputs, results);
    },
  };
}

/** Off the event loop, ahead of training steps that wait; a few microseconds of work are done inline. */
export async function predict(engine: Engine, x: PortData, options?: object): Promise<Prediction> {
  checkOptions('predict', options, []);
  let given = x;
  const row = rowPredictorFor(engine, 'predict', x);
  if (row?.isInline) {
    const isNow = turns.open;
    const numbers = isNow ? (x as Float32Array) : (x as Float32Array).slice();
    const result = isNow ? row.predict(numbers) : await row.later(numbers);
    if (result) return result;
    given = numbers;
  }
  const {program, run, steps, finish} = prepare(engine, 'predict', given);
  return finish(await runRows(engine, program, run, {steps, highPriority: true}));
}

/** Batches of inputs, alone or as `{xs}` of `{xs, ys}`. */
export type Inputs = AsyncIterable<PortData | {readonly xs: PortData}>;

/** Outputs for all rows of all batches, the next of which are made meanwhile. */
export async function predictBatches(engine: Engine, batches: Inputs, options?: object): Promise<Prediction> {
  checkOptions('predict', options, []);
  const {outputs, outputStructure} = engine.network;
  const parts: Float32Array[][] = outputs.map(() => []);
  for await (const element of prefetched(batches, batchesAhead)) {
    const given = isRecord(element) && 'xs' in element ? element.xs : element;
    const {program, run, steps, finish} = prepare(engine, 'predict', given as PortData, false);
    const results = finish(await runRows(engine, program, run, {steps, highPriority: true}));
    const list = outputStructure === 'one' ? [results] : Object.values(results);
    for (const [index, {data}] of (list as ShapedResult[]).entries()) parts[index]?.push(data);
  }
  const whole = outputs.map(({shape, tensor}, index): ShapedResult => {
    const own = parts[index] as Float32Array[];
    const length = own.reduce((sum, part) => sum + part.length, 0);
    const data = arrayOf(new Float32Array(length), numericType(tensor)) as Float32Array;
    let at = 0;
    for (const part of own) {
      data.set(part, at);
      at += part.length;
    }
    return {data, shape: [data.length / sizeOf(shape), ...shape]};
  });
  return inStructure(outputStructure, outputs, whole);
}

/** On the calling thread. */
export function predictSync(engine: Engine, x: PortData): Prediction {
  const row = rowPredictorFor(engine, 'predictSync', x)?.predict(x as Float32Array);
  if (row) return row;
  const {program, run, steps, finish} = prepare(engine, 'predictSync', x);
  return finish(runRowsSync(engine, program, run, {steps}));
}
