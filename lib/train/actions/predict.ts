// The forward pass for its outputs: off the event loop, over a data set, or on the calling thread.
import {arrayOf} from '../../core/dtype.ts';
import {checkOptions, fail} from '../../core/errors.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import {prefetched} from '../../data/iterate.ts';
import {isRecord} from '../../data/tree.ts';
import {numericType} from '../../nn/ahead.ts';
import {type CompiledProgram, turns} from '../../session/compile.ts';
import {bindInputs, networkOver, sourcesOfInputs} from '../feed/samples.ts';
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
  /** Of a row of each output. */
  readonly shapes: readonly Shape[];
  readonly run: RowRun;
  readonly steps: number;
  finish(outcome: RunOutcome): Prediction;
}

function prepare(engine: Engine, where: string, given: PortData, allowSingle = true): Prepared {
  const network = networkOver(engine.network, where, given, allowSingle);
  const x = bindInputs(network, where, given, allowSingle);
  const [{count, single}] = x as [Rows];
  const {program, steps, ...stepped} = stepsOver(engine, network, where, x, rowNumbers(count));
  return {
    program,
    shapes: network.outputs.map(({shape}) => shape),
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

/** By a stateful model, whose batches follow one another: alone, as a training is. @throws ERR_MODEL_BUSY */
function predictInOrder(engine: Engine, where: string, x: PortData): Promise<Prediction> {
  return engine.write(where, async () => {
    const {program, run, steps, finish} = prepare(engine, where, x);
    return finish(await runRows(engine, program, run, {steps}));
  });
}

/** Off the event loop, ahead of training steps that wait; what takes less than handing it over, inline. */
export async function predict(engine: Engine, x: PortData, options?: object): Promise<Prediction> {
  checkOptions('predict', options, []);
  if (engine.network.isStateful) return predictInOrder(engine, 'predict', x);
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
  if (engine.network.isStateful) return engine.write('predict', () => predictEach(engine, batches));
  return predictEach(engine, batches);
}

async function predictEach(engine: Engine, batches: Inputs): Promise<Prediction> {
  const {outputs, outputStructure, isStateful} = engine.network;
  const parts: Float32Array[][] = outputs.map(() => []);
  let rowShapes = outputs.map(({shape}) => shape);
  for await (const element of prefetched(batches, batchesAhead)) {
    const given = isRecord(element) && 'xs' in element ? element.xs : element;
    const {program, run, steps, shapes, finish} = prepare(engine, 'predict', given as PortData, false);
    if (parts[0]?.length) checkSameShapes(rowShapes, shapes);
    rowShapes = [...shapes];
    const results = finish(await runRows(engine, program, run, {steps, highPriority: !isStateful}));
    const list = outputStructure === 'one' ? [results] : Object.values(results);
    for (const [index, {data}] of (list as ShapedResult[]).entries()) parts[index]?.push(data);
  }
  const whole = outputs.map(({tensor}, index): ShapedResult => {
    const shape = rowShapes[index] as Shape;
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

/** Batches of sequences of several lengths may give one result each, or rows that make no table. */
function checkSameShapes(before: readonly Shape[], now: readonly Shape[]): void {
  if (before.every((shape, index) => sameShape(shape, now[index] as Shape))) return;
  const both = [before, now].map(shapes => shapes.map(formatShape).join(', ')).join(' and then ');
  fail('ERR_SHAPE', `predict: the batches give rows ${both}: predict each batch by itself.`);
}

/** On the calling thread. */
export function predictSync(engine: Engine, x: PortData): Prediction {
  if (engine.network.isStateful) {
    const why = 'a stateful model writes its states with each batch, which a training may be doing too';
    fail('ERR_MODEL_BUSY', `predictSync: ${why}: await model.predict(x).`);
  }
  const row = rowPredictorFor(engine, 'predictSync', x)?.predict(x as Float32Array);
  if (row) return row;
  const {program, run, steps, finish} = prepare(engine, 'predictSync', x);
  return finish(runRowsSync(engine, program, run, {steps}));
}
