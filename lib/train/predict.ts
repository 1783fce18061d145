import type {TypedArray} from '../core/dtype.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {DataInput, Rows} from '../data/arrays.ts';
import type {CompiledProgram} from '../session/compile.ts';
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

/** On the calling thread. */
export function predictSync(engine: Engine, x: DataInput): ShapedResult {
  const {program, inputs, steps, finish} = prepare(engine, 'predictSync', x);
  return finish(program.runSync(inputs, {steps}));
}
