// What the machine can do at most, measured in a process of its own: multiply-adds in registers, bytes in
// each cache and in memory, threads that meet. And in this process: what a run costs that computes nothing.
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {ops} from '../lib/index.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {bestOf, digits, saveResults} from './report.ts';

/** On one thread, on all. */
type Pair = readonly [one: number, all: number];

export interface MemoryLevel {
  /** `L1`, `L2`, `L3` or `memory`. */
  readonly name: string;
  /** Of the cache as the CPU tells; 0 for memory. */
  readonly bytes: number;
  readonly readGBs: Pair;
  readonly triadGBs: Pair;
  /** A triad whose result stands where an operand stood: no line is read for the sake of writing it. */
  readonly inPlaceGBs: Pair;
}

export interface Ceiling {
  readonly threads: number;
  /** On 1, 2, 4 … and all threads. */
  readonly fmaGflops: readonly number[];
  readonly levels: readonly MemoryLevel[];
  /** A barrier at which all threads arrive at the same time; an empty OpenMP region. */
  readonly barrierNs: number;
  readonly regionNs: number;
}

function runTool(threads: number, seconds: number, ...more: readonly string[]): Ceiling {
  const tool = path.join(import.meta.dirname, '../build/Release/ceiling');
  if (!existsSync(tool)) throw new Error('bench: the ceiling tool is missing. Run: npm run build:tools');
  const {stdout, stderr} = spawnSync(tool, [String(threads), String(seconds), ...more], {encoding: 'utf8'});
  if (!stdout) throw new Error(`bench: the ceiling tool failed: ${stderr}`);
  return JSON.parse(stdout) as Ceiling;
}

/** In about so many seconds for each of its rates. */
export const measureCeiling = (threads: number, seconds: number): Ceiling => runTool(threads, seconds);

/** Something may have disturbed the machine while its peak was measured: the best of the run counts. */
export function remeasurePeak(ceiling: Ceiling): Ceiling {
  const again = runTool(ceiling.threads, 0.3, 'fma');
  const better = (gflops: number, index: number): number => Math.max(gflops, again.fmaGflops[index] ?? 0);
  return {...ceiling, fmaGflops: ceiling.fmaGflops.map(better)};
}

const bestPair = (a: Pair, b: Pair): Pair => [Math.max(a[0], b[0]), Math.max(a[1], b[1])];

/** The best of two measurements, each of which something may have disturbed. */
export function bestCeiling(a: Ceiling, b: Ceiling): Ceiling {
  return {
    ...a,
    fmaGflops: a.fmaGflops.map((gflops, index) => Math.max(gflops, b.fmaGflops[index] ?? 0)),
    levels: a.levels.map((level, index) => {
      const other = b.levels[index] ?? level;
      return {
        ...level,
        readGBs: bestPair(level.readGBs, other.readGBs),
        triadGBs: bestPair(level.triadGBs, other.triadGBs),
        inPlaceGBs: bestPair(level.inPlaceGBs, other.inPlaceGBs),
      };
    }),
  };
}

/** GFLOP/s on one thread or on all. */
export function peakOf({fmaGflops}: Ceiling, threads: number): number {
  return (threads === 1 ? fmaGflops[0] : fmaGflops.at(-1)) as number;
}

/** The innermost level that holds so many bytes; each thread has its own caches but for the last. */
export function levelOf({levels}: Ceiling, bytes: number, threads: number): MemoryLevel {
  const shared = levels.at(-2);
  const fits = levels.find(level => bytes <= level.bytes * (level === shared ? 1 : threads));
  return fits ?? (levels.at(-1) as MemoryLevel);
}

/** GB/s of a level on so many threads: reading alone, a triad, or one in place. */
export function bandwidthOf(
  level: MemoryLevel,
  threads: number,
  kind: 'read' | 'triad' | 'in place',
): number {
  const rates = {read: level.readGBs, triad: level.triadGBs, 'in place': level.inPlaceGBs};
  return rates[kind][threads === 1 ? 0 : 1];
}

/** Microseconds of a run of one step that adds two numbers: by the executor thread, and by this thread. */
async function roundTrips(quick: boolean): Promise<{executor: number; here: number}> {
  const x = ops.input({name: 'x', shape: [1]});
  const program = compileProgram({outputs: {y: ops.add(x, 1)}, store: new VariableStore()});
  const inputs = {x: new Float32Array(new SharedArrayBuffer(4))};
  const outputs = {y: new Float32Array(new SharedArrayBuffer(4))};
  const calls = quick ? 500 : 2000;
  const executor = await bestOf(5, async () => {
    for (let call = 0; call < calls; call++) await program.run(inputs, {outputs});
  });
  const bound = program.bindSync(inputs);
  const here = await bestOf(5, () => {
    for (let call = 0; call < calls; call++) bound.run();
  });
  return {executor: (executor / calls) * 1e6, here: (here / calls) * 1e6};
}

export async function bench({ceiling, quick}: BenchOptions): Promise<Figures> {
  const {threads, fmaGflops, levels, barrierNs, regionNs} = ceiling;
  console.log('multiply-adds in registers, GFLOP/s');
  const counts = fmaGflops.map((_, index) => Math.min(2 ** index, threads));
  console.log(table([counts.map(count => `${count} threads`), fmaGflops.map(digits)]));
  console.log(`\nbytes, GB/s, on 1 thread and on ${threads}`);
  const rows = levels.map(({name, bytes, readGBs, triadGBs, inPlaceGBs}) => [
    name,
    bytes > 0 ? `${bytes / 1024} KiB` : '',
    ...[...readGBs, ...triadGBs, ...inPlaceGBs].map(digits),
  ]);
  console.log(table([['', 'size', 'read', '', 'triad', '', 'in place', ''], ...rows]));
  const {executor, here} = await roundTrips(quick);
  console.log(`\na barrier of ${threads} threads ${barrierNs} ns, an empty OpenMP region ${regionNs} ns`);
  const both = `${digits(executor)} µs by the executor, ${digits(here)} µs on the calling thread`;
  console.log(`a run that adds two numbers: ${both}`);
  saveResults('ceiling', {ceiling, executorMicroseconds: executor, hereMicroseconds: here});
  return {};
}
