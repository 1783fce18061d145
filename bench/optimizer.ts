// How near does the pass of an optimizer over many parameters come to the bandwidth of memory? Every
// optimizer that there is, on 10 million parameters, at the bytes that it must read and write for each. The
// step is the pass alone: the gradient lies in memory.
import {type Optimizer, ops, optimizers, setThreads, type Variable} from '../lib/index.ts';
import {compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import {table} from '../scripts/table.ts';
import {bandwidthOf, levelOf} from './ceiling.ts';
import type {BenchOptions, Figures} from './options.ts';
import {bestOf, digits, percent, saveResults} from './report.ts';

const parameters = 10_000_000;
const steps = 4;

/** Every optimizer by its name, and SGD with momentum. */
function allOptimizers(): [string, Optimizer][] {
  const {grouped, ...single} = optimizers;
  const plain = Object.entries(single).map(([name, make]): [string, Optimizer] => [name, make({})]);
  return [...plain, ['momentum', optimizers.sgd({momentum: 0.9})]];
}

/** The parameter and each moment are read and written, the gradient is read. */
const bytesOf = (optimizer: Optimizer): number =>
  4 * (2 * (1 + optimizer.slotsFor('parameter', [parameters]).length) + 1);

/** Microseconds of one pass. */
async function timePass(optimizer: Optimizer, quick: boolean): Promise<number> {
  const shape = [parameters];
  const make = (name: string): Variable => ops.variable({name, shape, initial: () => ops.zeros(shape)});
  const [parameter, gradient] = [make('parameter'), make('gradient')];
  const slots = optimizer.slotsFor('parameter', shape).map(({name}) => make(name));
  const store = new VariableStore();
  store.add([parameter, gradient, ...slots]);
  store.initialize(0);
  const hyper = ops.input({name: 'hyper', shape: optimizer.hyperShape});
  const weight = {
    name: 'parameter',
    parameter: parameter.tensor,
    gradient: gradient.tensor,
    slots: slots.map(({tensor}) => tensor),
  };
  const updated = optimizer.update(hyper, [weight]).updated[0] ?? [];
  const updates = [parameter, ...slots].map((variable, index) => [variable, updated[index]] as const);
  const program = compileProgram({
    outputs: {},
    updates: updates.flatMap(([variable, value]) => (value ? [[variable, value] as const] : [])),
    store,
  });
  const numbers = Float32Array.from(optimizer.hyper(0, 0.001));
  const shared = new Float32Array(new SharedArrayBuffer(numbers.byteLength));
  shared.set(numbers);
  const seconds = await bestOf(quick ? 3 : 10, () => program.run({hyper: shared}, {steps}));
  return (seconds / steps) * 1e6;
}

export async function bench({threads, ceiling, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const memory = levelOf(ceiling, Number.POSITIVE_INFINITY, threads);
  const triad = bandwidthOf(memory, threads, 'triad');
  const inPlace = bandwidthOf(memory, threads, 'in place');
  console.log(`10 M parameters, ${threads} threads; triad ${triad} GB/s, in place ${inPlace} GB/s`);
  const rows: {name: string; bytes: number; microseconds: number; gigabytes: number}[] = [];
  for (const [name, optimizer] of allOptimizers()) {
    const bytes = bytesOf(optimizer);
    const microseconds = await timePass(optimizer, quick);
    rows.push({name, bytes, microseconds, gigabytes: (bytes * parameters) / microseconds / 1e3});
  }
  const lines = rows.map(({name, bytes, microseconds, gigabytes}) => [
    name,
    String(bytes),
    digits(microseconds),
    digits(gigabytes),
    percent(gigabytes / triad),
    percent(gigabytes / inPlace),
  ]);
  const head = ['', 'bytes a parameter', 'µs a pass', 'GB/s', 'of the triad', 'of that in place'];
  console.log(table([head, ...lines]));
  const adam = rows.find(({name}) => name === 'adam');
  const figures: Figures = adam ? {'optimizer-adam': {value: adam.gigabytes / Math.max(triad, inPlace)}} : {};
  saveResults('optimizer', {threads, parameters, memory, rows, figures});
  return figures;
}
