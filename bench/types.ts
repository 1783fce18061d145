// What do maps of other types take beside those of float32? Ops over a million elements, in turns.
import {compile, type DType, ops, setThreads, type Tensor} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {digits, saveResults} from './report.ts';

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

/** Runs it again and again for so many seconds; the best time in microseconds. */
async function time({name, dtype, result}: Case, seconds: number): Promise<number> {
  const [a, b] = ['a', 'b'].map(own => ops.input({name: own, shape: [elements], dtype}));
  const second = name !== 'sum';
  const program = compile(result([a as Tensor, b as Tensor]));
  const numbers = Array.from({length: elements}, (_, index) => 1 + (index % 90));
  const x = ops.input({name: 'x', shape: [elements]});
  const {data} = await compile(ops.cast(x, dtype)).run({x: Float32Array.from(numbers)});
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    const started = performance.now();
    await program.run(second ? {a: data, b: data} : {a: data});
    best = Math.min(best, 1000 * (performance.now() - started));
  }
  return best;
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const rows: {name: string; microseconds: number}[] = [];
  for (const own of cases) {
    rows.push({name: `${own.name} ${own.dtype}`, microseconds: await time(own, quick ? 0.2 : 1)});
  }
  console.log(`${threads} threads, microseconds for a million elements`);
  console.log(table([['', 'µs'], ...rows.map(({name, microseconds}) => [name, digits(microseconds)])]));
  saveResults('types', {threads, rows});
  return {};
}
