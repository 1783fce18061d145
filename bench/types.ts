// What do maps of other types take beside those of float32? Ops over a million elements, in turns.
import {compile, type DType, ops, setThreads, type Tensor} from '../lib/index.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {type ProgramTurns, timeProgram} from './program-time.ts';
import {cell, saveResults} from './report.ts';

const elements = 1_000_000;

type Tensors = readonly [Tensor, Tensor];

interface Case {
  readonly name: string;
  readonly dtype: DType;
  result(operands: Tensors): Tensor;
}

const cases: readonly Case[] = [
  {name: 'add', dtype: 'float32', result: ([a, b]) => ops.add(a, b)},
  {name: 'add', dtype: 'int32', result: ([a, b]) => ops.add(a, b)},
  {name: 'floorDiv', dtype: 'float32', result: ([a, b]) => ops.floorDiv(a, b)},
  {name: 'floorDiv', dtype: 'int32', result: ([a, b]) => ops.floorDiv(a, b)},
  {name: 'less', dtype: 'float32', result: ([a, b]) => ops.less(a, b)},
  {name: 'less', dtype: 'int32', result: ([a, b]) => ops.less(a, b)},
  {name: 'sum', dtype: 'float32', result: ([a]) => ops.sum(a)},
  {name: 'sum', dtype: 'int32', result: ([a]) => ops.sum(a)},
  ...(['uint8', 'float16', 'bfloat16', 'int64'] as const).map(dtype => ({
    name: 'add, stored again',
    dtype,
    result: ([a, b]: Tensors) => ops.cast(ops.add(a, b), dtype),
  })),
];

/** Microseconds of a step. An element of its result is given back, so that all steps write to one place. */
async function time({name, dtype, result}: Case, turns: ProgramTurns): Promise<number | undefined> {
  const [a, b] = ['a', 'b'].map(own => ops.input({name: own, shape: [elements], dtype})) as [Tensor, Tensor];
  const y = result([a, b]);
  const first = ops.slice(ops.reshape(y, [y.size]), 0, 0, 1);
  const program = compileProgram({outputs: {y: first}, store: new VariableStore()});
  const numbers = Array.from({length: elements}, (_, index) => 1 + (index % 90));
  const x = ops.input({name: 'x', shape: [elements]});
  const {data} = await compile(ops.cast(x, dtype)).run({x: Float32Array.from(numbers)});
  return timeProgram(program, name === 'sum' ? {a: data} : {a: data, b: data}, turns);
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const rows: {name: string; microseconds: number | undefined}[] = [];
  for (const own of cases) {
    const microseconds = await time(own, {threads, repeats: quick ? 10 : 50});
    rows.push({name: `${own.name} ${own.dtype}`, microseconds});
  }
  console.log(`${threads} threads, microseconds for a million elements`);
  console.log(table([['', 'µs'], ...rows.map(({name, microseconds}) => [name, cell(microseconds)])]));
  saveResults('types', {threads, rows});
  return {};
}
