import type {TypedArray} from '../core/dtype.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {DataInput, Rows} from '../data/arrays.ts';
import type {CompiledProgram} from '../session/compile.ts';
import type {VariableStore} from '../session/store.ts';
import {bindInputs, inBuckets, keyOf} from './batches.ts';
import {type Engine, inputsOf, type RunOutcome} from './engine.ts';
import {failByGuard} from './failures.ts';
import {predictGraph} from './graphs.ts';

/** Numbers with their shape. */
export interface ShapedResult {
  readonly data: Float32Array;
  readonly shape: Shape;
}

interface Prepared {
  readonly program: CompiledProgram;
  readonly inputs: Record<string, TypedArray>;
  readonly steps: number;
  finish(result: RunOutcome): ShapedResult;
}

function prepare(engine: Engine, where: string, given: DataInput): Prepared {
  const x: Rows = bindInputs(engine, where, given, true);
  const {batch, steps, rows} = inBuckets(0, x.count);
  const program = engine.program(keyOf('predict', batch, x), () => predictGraph(engine.network, {batch, x}));
  const {outputShape} = engine.network;
  return {
    program,
    inputs: inputsOf(program, {x: x.data, rows}),
    steps,
    finish(result) {
      if (result.end === 'guard') failByGuard(result, {where, x, rows, batch});
      const all = result.outputs.output as Float32Array;
      const wanted = x.count * sizeOf(outputShape);
      return {
        data: all.length === wanted ? all : all.slice(0, wanted),
        shape: x.single ? outputShape : [x.count, ...outputShape],
      };
    },
  };
}

/** Off the event loop, ahead of training steps that wait. */
export async function predict(engine: Engine, x: DataInput): Promise<ShapedResult> {
  const {program, inputs, steps, finish} = prepare(engine, 'predict', x);
  return finish(await program.run(inputs, {steps, urgent: true}));
}

/** A bound program for one row of float32 numbers: what servers ask for again and again. */
interface RowPredictor {
  readonly state: VariableStore['state'];
  predict(x: Float32Array): ShapedResult | undefined;
}

const rowPredictors = new WeakMap<Engine, RowPredictor>();

function makeRowPredictor(engine: Engine): RowPredictor {
  const {inputShape, outputShape} = engine.network;
  const data = new Float32Array(new SharedArrayBuffer(4 * sizeOf(inputShape)));
  const x = bindInputs(engine, 'predictSync', data, true);
  const {rows} = inBuckets(0, 1);
  const program = engine.program(keyOf('predict', 1, x), () => predictGraph(engine.network, {batch: 1, x}));
  const {outputs, run} = program.bindSync(inputsOf(program, {x: data, rows}));
  const result = outputs.output as Float32Array;
  return {
    state: engine.store.state,
    predict(row) {
      data.set(row);
      return run().end === 'done' ? {data: new Float32Array(result), shape: outputShape} : undefined;
    },
  };
}

/** The prediction for one row as it is usually given, or undefined where the longer way must be taken. */
function predictRow(engine: Engine, x: DataInput): ShapedResult | undefined {
  if (!(x instanceof Float32Array) || x.length === 0) return undefined;
  if (x.length !== sizeOf(engine.network.inputShape)) return undefined;
  let predictor = rowPredictors.get(engine);
  if (predictor?.state !== engine.store.state) {
    predictor = makeRowPredictor(engine);
    rowPredictors.set(engine, predictor);
  }
  return predictor.predict(x);
}

/** On the calling thread. */
export function predictSync(engine: Engine, x: DataInput): ShapedResult {
  const row = predictRow(engine, x);
  if (row) return row;
  const {program, inputs, steps, finish} = prepare(engine, 'predictSync', x);
  return finish(program.runSync(inputs, {steps}));
}
