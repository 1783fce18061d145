// Reading and writing weights: copies of one finished step, new values committed at once.
import type {TypedArray} from '../../core/dtype.ts';
import type {Variable} from '../../core/tensor.ts';
import type {WeightData} from '../../nn/weights.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import {assignGraph, type Graph, snapshotGraph} from '../step/graphs.ts';
import {inputsOf} from './inputs.ts';

/** Compiles a graph over the memory of some weights, or finds it by what it depends on. */
export interface Programs {
  program(key: string, graph: () => Graph): CompiledProgram;
}

const namesOf = (variables: readonly Variable[]): string => variables.map(({name}) => name).join();

/** Copies of variables, all of the same finished step, also while a training runs. */
export function snapshot(programs: Programs, variables: readonly Variable[]): WeightData[] {
  if (variables.length === 0) return [];
  const program = programs.program(`snapshot ${namesOf(variables)}`, () => snapshotGraph(variables));
  const {outputs} = program.runSync({}, {steps: 1});
  return variables.map(({name, shape}) => ({name, shape, data: outputs[name] as Float32Array}));
}

/** Writes all at once: a prediction sees all old or all new values. */
export function assign(programs: Programs, values: ReadonlyMap<Variable, Float32Array>): void {
  if (values.size === 0) return;
  const variables = [...values.keys()];
  const program = programs.program(`assign ${namesOf(variables)}`, () => assignGraph(variables));
  const offered = Object.fromEntries([...values].map(([{name}, data]) => [name, data as TypedArray]));
  program.runSync(inputsOf(program, offered), {steps: 1});
}
