// One op at once: the first call for a shape, and a known one, beyond what its kernel takes; beside the eager
// op of TensorFlow.js on its cpu backend. And small graphs, evaluated.
import {setTimeout as pause} from 'node:timers/promises';
import {input, type Op, opTable, type Tensor} from '../lib/core/tensor.ts';
import {evaluateSync, ops} from '../lib/index.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {applyNow} from '../lib/session/eager/apply-now.ts';
import {EagerArray} from '../lib/session/eager/array.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, worstOf} from './options.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {startOf} from './peers/registry.ts';
import {digits, saveResults} from './report.ts';

interface Row {
  readonly op: string;
  readonly attributes: object;
  readonly shapes: readonly (readonly number[])[];
  /** Its name and a function in TensorFlow.js. */
  readonly peer: string;
  /** Calls of a measurement, of which the least counts: of a millisecond, which little else interrupts. */
  readonly count: number;
}

const product = {
  transposeA: false,
  transposeB: false,
  bfloat16: false,
  bias: false,
  map: null,
  guarded: false,
};
const rows: readonly Row[] = [
  {op: 'add', attributes: {}, shapes: [[8], [8]], peer: 'add', count: 300},
  {op: 'add', attributes: {}, shapes: [[32, 32], [32]], peer: 'add', count: 300},
  {op: 'softmax', attributes: {}, shapes: [[32, 10]], peer: 'softmax', count: 200},
  {
    op: 'matmul',
    attributes: product,
    shapes: [
      [32, 32],
      [32, 32],
    ],
    peer: 'matMul',
    count: 200,
  },
  {op: 'add', attributes: {}, shapes: [[2 ** 20], [2 ** 20]], peer: 'add', count: 2},
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numbers = (length: number): Float32Array => Float32Array.from({length}, (_, index) => Math.sin(index));
const opOf = (name: string): Op => opTable.get(name) as Op;
const arrayOf = (shape: readonly number[]): EagerArray =>
  EagerArray.of(numbers(sizeOf(shape)), {shape, dtype: 'float32'});

function microseconds(count: number, run: () => unknown): number {
  const started = performance.now();
  for (let call = 0; call < count; call++) run();
  return ((performance.now() - started) * 1000) / count;
}

function least(repeats: number, measure: () => number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat++) best = Math.min(best, measure());
  return best;
}

function known({op: name, attributes, shapes}: Row): () => void {
  const op = opOf(name);
  const operands = shapes.map(arrayOf);
  return () => {
    for (const result of applyNow(op, operands, attributes)) result.dispose();
  };
}

/** Microseconds of the kernel alone: steps of a plan, of which one follows another. */
function kernel({op: name, shapes, count}: Row): () => number {
  const tensors = shapes.map((shape, index) => input({name: `x${index}`, shape}));
  const functions = ops as unknown as Record<string, (...operands: unknown[]) => Tensor>;
  const y = functions[name]?.(...tensors) as Tensor;
  const program = compileProgram({outputs: {y}, store: new VariableStore()});
  const arrays = tensors.map(({size}, index) => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * size));
    shared.set(numbers(size));
    return [`x${index}`, shared] as const;
  });
  const {run} = program.bindSync(Object.fromEntries(arrays), count);
  return () => microseconds(1, () => run()) / count;
}

let nextSize = 1;
const all = numbers(2 ** 16);

/** Microseconds of a call for a shape that was never seen; the operands are there before. */
function first(op: Op, count: number): number {
  const operands = Array.from({length: count}, () => {
    const shape = [1 + (nextSize % 250), 1 + (Math.floor(nextSize / 250) % 250)];
    nextSize++;
    return EagerArray.of(all.subarray(0, sizeOf(shape)), {shape, dtype: 'float32'});
  });
  let at = 0;
  return microseconds(count, () => {
    const x = operands[at++] as EagerArray;
    for (const result of applyNow(op, [x, x])) result.dispose();
  });
}

class Peer {
  readonly #process: PeerProcess | undefined;
  readonly missing: string | undefined;

  constructor({peers, quick}: BenchOptions) {
    if (!(peers ?? (quick ? [] : ['tfjs-cpu'])).includes('tfjs-cpu')) return;
    const spec = {name: 'tfjs-cpu', runtime: 'js', script: 'tfjs-eager.ts', mode: ''} as const;
    const start = startOf({...spec, needs: '@tensorflow/tfjs'}, 1);
    if (typeof start === 'string') this.missing = start;
    else this.#process = new PeerProcess(start);
  }

  async time({peer: op, shapes}: Row): Promise<number> {
    if (!this.#process) return Number.POSITIVE_INFINITY;
    await this.#process.ask({load: {op, shapes}}, 60);
    const {microseconds: taken} = await this.#process.ask<Timed>({time: 0.1}, 60);
    await pause(10);
    return taken;
  }

  stop(): void {
    this.#process?.stop();
  }
}

interface Timing {
  readonly what: string;
  kernel: number;
  known: number;
  peer: number;
}

async function timeRows(options: BenchOptions, peer: Peer): Promise<Timing[]> {
  const far = Number.POSITIVE_INFINITY;
  const timings = rows.map(({op, shapes}): Timing => {
    return {
      what: `${op} ${shapes.map(shape => shape.join('×')).join(', ')}`,
      kernel: far,
      known: far,
      peer: far,
    };
  });
  const runs = rows.map(row => ({row, known: known(row), kernel: kernel(row)}));
  for (let round = 0; round < (options.quick ? 3 : 10); round++) {
    for (const [index, {row, ...run}] of runs.entries()) {
      const timing = timings[index] as Timing;
      timing.kernel = Math.min(timing.kernel, least(50, run.kernel));
      timing.known = Math.min(
        timing.known,
        least(100, () => microseconds(row.count, run.known)),
      );
      if (round < 3) timing.peer = Math.min(timing.peer, await peer.time(row));
    }
  }
  return timings;
}

/** A graph of so many ops, evaluated again and again, and one that is made anew each time. */
function timeGraphs(quick: boolean): Record<string, number> {
  const x = input({name: 'x', shape: [32, 32]});
  const graph = (): Tensor => ops.sum(ops.relu(ops.add(ops.matmul(x, x), 1)));
  const data = numbers(32 * 32);
  const one = graph();
  const few = ops.add(ops.mul(x, 2), 1);
  const timeOf = (count: number, run: () => unknown): number =>
    least(quick ? 300 : 1000, () => microseconds(count, run));
  return {
    'two ops, known': timeOf(100, () => evaluateSync(few, {x: data})),
    'four ops, known': timeOf(100, () => evaluateSync(one, {x: data})),
    'four ops, built anew': timeOf(20, () => evaluateSync(graph(), {x: data})),
  };
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const peer = new Peer(options);
  let timings: Timing[];
  try {
    timings = await timeRows(options, peer);
  } finally {
    peer.stop();
  }
  const add = opOf('add');
  const unseen = least(options.quick ? 500 : 1000, () => first(add, 50));
  const cells = timings.map(({what, kernel: alone, known: all, peer: other}) => {
    const beside = Number.isFinite(other) ? [digits(other), (other / all).toFixed(1)] : ['', ''];
    return [what, digits(alone), digits(all), digits(all - alone), ...beside];
  });
  const head = ['one op, at once', 'kernel', 'call', 'beyond it', 'tfjs cpu', '÷ call'];
  console.log(`microseconds\n${table([head, ...cells])}`);
  if (peer.missing !== undefined) console.log(`tfjs-cpu: missing: ${peer.missing}`);
  const graphs = timeGraphs(options.quick);
  const shown = Object.entries(graphs).map(([what, taken]) => [what, digits(taken)]);
  console.log(`\n${table([['evaluateSync, 32×32', 'µs'], ...shown])}`);
  // The large one is on the team, whose speed is not that of the kernel alone.
  const small = timings
    .slice(0, -1)
    .map(({what, kernel: alone, known: all}) => ({value: all - alone, note: what}));
  const figures: Figures = {
    'eager-first': {value: unseen},
    ...(worstOf(small, 'most') && {'eager-known': worstOf(small, 'most') as (typeof small)[0]}),
  };
  console.log(`\na call for a shape never seen: ${digits(unseen)} µs`);
  saveResults('eager', {timings, graphs, unseen, figures});
  return figures;
}
