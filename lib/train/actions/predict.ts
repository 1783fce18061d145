// The forward pass for its outputs: off the event loop, over a data set, or on the calling thread.
import {arrayOf, isFloat32} from '../../core/dtype.ts';
import {checkOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import {prefetched} from '../../data/iterate.ts';
import {isRecord} from '../../data/tree.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import type {VariableStore} from '../../session/store.ts';
import {keyOf} from '../feed/plan-key.ts';
import {bindInputs, sourcesOfInputs} from '../feed/samples.ts';
import {inStructure, type PortData, sourceName} from '../network/ports.ts';
import type {Prediction, ShapedResult} from '../network/results.ts';
import {inSteps, rowNumbers, type Stepped} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import type {RunOutcome} from '../run/failures.ts';
import {type RowRun, rowInputs, runRows, runRowsSync, stepRowsOf} from '../run/row-run.ts';
import {predictGraph} from '../step/graphs.ts';

const batchesAhead = 4;

interface Prepared {
  readonly program: CompiledProgram;
  readonly run: RowRun;
  readonly steps: number;
  finish(outcome: RunOutcome): Prediction;
}

function stepsOver(engine: Engine, x: readonly Rows[], given: Int32Array): Stepped {
  const key = (batch: number | 'rows'): string => keyOf('predict', batch, ...x);
  return inSteps(engine, given, key, () => {
    const specs = x.map(({dtype, rowShape, scale}) => ({dtype, rowShape, scale}));
    return batch => predictGraph(engine.network, {batch, x: specs});
  });
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
  const {program, run, steps, finish} = prepare(engine, 'predict', x);
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
    const data = arrayOf(new Float32Array(length), tensor.dtype) as Float32Array;
    let at = 0;
    for (const part of own) {
      data.set(part, at);
      at += part.length;
    }
    return {data, shape: [data.length / sizeOf(shape), ...shape]};
  });
  return inStructure(outputStructure, outputs, whole);
}

/** A bound program for one row of float32 numbers: what servers ask for again and again. */
interface RowPredictor {
  readonly state: VariableStore['state'];
  predict(x: Float32Array): ShapedResult | undefined;
}

const rowPredictors = new WeakMap<Engine, RowPredictor>();

function makeRowPredictor(engine: Engine): RowPredictor {
  const {network} = engine;
  const {inputShape, outputShape} = network;
  const data = new Float32Array(new SharedArrayBuffer(4 * sizeOf(inputShape)));
  const x = bindInputs(network, 'predictSync', data, true);
  // Row 0. In shared memory, which every engine lets a bound run keep.
  const rows = new Int32Array(new SharedArrayBuffer(4));
  const stepped = stepsOver(engine, x, rows);
  const {program} = stepped;
  const inputs = rowInputs(program, {sources: sourcesOfInputs(network, x), rows});
  const {outputs, run} = program.bindSync(inputs, 1, stepRowsOf(program, stepped));
  const result = outputs.output as Float32Array;
  const shape = [1, ...outputShape];
  return {
    state: engine.store.state,
    predict(row) {
      data.set(row);
      return run().end === 'done' ? {data: new Float32Array(result), shape} : undefined;
    },
  };
}

/** The prediction for one row as it is usually given, or undefined where the longer way must be taken. */
function predictRow(engine: Engine, x: PortData): ShapedResult | undefined {
  const {inputs, outputs, outputStructure} = engine.network;
  if (inputs.length > 1 || outputStructure !== 'one') return undefined;
  if (![...inputs, ...outputs].every(({tensor}) => tensor.dtype === 'float32')) return undefined;
  if (!isFloat32(x) || x.length === 0) return undefined;
  if (x.length !== sizeOf(engine.network.inputShape)) return undefined;
  let predictor = rowPredictors.get(engine);
  if (predictor?.state !== engine.store.state) {
    predictor = makeRowPredictor(engine);
    rowPredictors.set(engine, predictor);
  }
  return predictor.predict(x);
}

/** On the calling thread. */
export function predictSync(engine: Engine, x: PortData): Prediction {
  const row = predictRow(engine, x);
  if (row) return row;
  const {program, run, steps, finish} = prepare(engine, 'predictSync', x);
  return finish(runRowsSync(engine, program, run, {steps}));
}
