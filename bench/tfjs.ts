// Programs of TensorFlow.js with chainrule/tfjs, beside its wasm and cpu backends and tfjs-node: training
// steps of tfjs-layers in turns, also with this library's own fit and PyTorch; single ops whose result is
// read; what recording costs; and how late a timer is while a model trains, and while traces are compiled.
import path from 'node:path';
import {setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf, worstOf} from './options.ts';
import {Own} from './peers/chainrule.ts';
import type {FitTask} from './peers/fit-task.ts';
import {OwnFit} from './peers/own-fit.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {peerSpecs, startOf} from './peers/registry.ts';
import type {Backend} from './peers/tfjs-backend.ts';
import {digits, machine, resultsFolder, saveResults} from './report.ts';
import {rowsOf, writeTfjsSpeed} from './tfjs-speed.ts';
import {makeData, workloads} from './workloads.ts';

type Program = Backend | 'own' | 'torch';

interface Row {
  readonly name: string;
  readonly task: {readonly fit?: FitTask; readonly op?: object};
  /** Steps or calls of one unit of work. */
  readonly each: number;
  /** A backend that would take minutes, or has no kernel for it. */
  readonly without?: Backend;
  readonly seconds: number;
}

export const fits: readonly (Row & {readonly task: {readonly fit: FitTask}})[] = [
  {name: 'mlp-tiny', task: {fit: {sizes: [4, 16, 3], batch: 32}}, each: 8, seconds: 0.5},
  {name: 'mlp-mnist', task: {fit: {sizes: [784, 128, 10], batch: 128}}, each: 8, seconds: 1},
  {name: 'mlp-small', task: {fit: {sizes: [784, 512, 256, 10], batch: 128}}, each: 8, seconds: 2},
  {
    name: 'lstm',
    task: {fit: {sizes: [64, 128, 10], sequence: {steps: 40, reader: 'lstm'}, batch: 128}},
    ...{each: 8, seconds: 2, without: 'cpu'},
  },
  {
    name: 'gru',
    task: {fit: {sizes: [64, 128, 10], sequence: {steps: 20, reader: 'gru'}, batch: 64}},
    ...{each: 8, seconds: 1, without: 'cpu'},
  },
  {
    name: 'attention',
    task: {fit: {sizes: [32, 64, 10], sequence: {steps: 64, reader: 'attention'}, batch: 32}},
    ...{each: 8, seconds: 1, without: 'cpu'},
  },
  {
    // The gradient of a table is a sum by segments, which tfjs's wasm backend does not have.
    name: 'embedding',
    task: {fit: {sizes: [200, 16, 16, 10], sequence: {steps: 20, reader: 'embedding'}, batch: 32}},
    ...{each: 8, seconds: 1, without: 'wasm'},
  },
];

const sizes = [100, 10_000, 1_000_000];
const calls: readonly Row[] = ['add', 'matMul', 'sum', 'gather'].flatMap(name =>
  sizes.map(size => ({name: `${name} ${size}`, task: {op: {name, size}}, each: 1, seconds: 0.2})),
);

/** The same training by this library, and by PyTorch as it comes; where it is one of workloads.json. */
class Beside {
  readonly #torch: PeerProcess | undefined;
  readonly #seconds: number;
  #own: Own | OwnFit | undefined;
  #hasTorch = false;

  constructor({threads, quick, peers}: BenchOptions, missing: string[]) {
    this.#seconds = quick ? 0.1 : 0.5;
    setThreads(threads);
    const spec = peerSpecs.find(({name}) => name === 'torch');
    const isWanted = peers ? peers.includes('torch') : !quick;
    if (!spec || !isWanted) return;
    const start = startOf(spec, threads);
    if (typeof start === 'string') missing.push(`torch: missing: ${start}`);
    else this.#torch = new PeerProcess(start);
  }

  async prepare({name, task: {fit}}: Row): Promise<void> {
    this.#own = fit && new OwnFit(fit);
    this.#hasTorch = false;
    const workload = workloads.find(other => other.name === name);
    if (!workload) return;
    const data = makeData(workload, path.join(resultsFolder, 'data'));
    this.#own = new Own(workload, data);
    await this.#own.time(this.#seconds, false);
    await this.#torch?.ask({load: workload, file: data.file, quick: true}, 600);
    this.#hasTorch = this.#torch !== undefined;
  }

  /** Microseconds of a step by each. */
  async time(): Promise<[Program, number][]> {
    const times: [Program, number][] = [];
    if (this.#own) times.push(['own', await this.#own.time(this.#seconds, false)]);
    if (this.#torch && this.#hasTorch) {
      const {microseconds} = await this.#torch.ask<Timed>({time: this.#seconds, walks: true}, 300);
      times.push(['torch', microseconds]);
    }
    return times;
  }

  stop(): void {
    this.#torch?.stop();
  }
}

type Times = ReadonlyMap<Program, number>;

/** What each needs. */
const packages: Readonly<Record<Backend, string>> = {
  chainrule: '@tensorflow/tfjs',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: '@tensorflow/tfjs',
  node: '@tensorflow/tfjs-node',
};

class Peers {
  readonly #processes = new Map<Backend, PeerProcess>();
  readonly #beside: Beside;
  readonly missing: string[] = [];

  constructor(options: BenchOptions) {
    const {threads, quick, peers} = options;
    this.#beside = new Beside(options, this.missing);
    for (const [mode, needs] of Object.entries(packages) as [Backend, string][]) {
      const isWanted = mode === 'chainrule' || (peers ? peers.includes(`tfjs-${mode}`) : !quick);
      if (!isWanted) continue;
      const spec = {name: `tfjs-${mode}`, runtime: 'js', script: 'tfjs-layers.ts', mode, needs} as const;
      const start = startOf(spec, threads);
      if (typeof start === 'string') this.missing.push(`tfjs-${mode}: missing: ${start}`);
      else this.#processes.set(mode, new PeerProcess(start));
    }
  }

  /** Leaves out tfjs-node where its library does not load. */
  async begin(): Promise<void> {
    const node = this.#processes.get('node');
    try {
      await node?.ask({op: {name: 'add', size: 100}}, 60);
    } catch (error) {
      this.missing.push(`tfjs-node: missing: ${(error as Error).message}`);
      this.#processes.delete('node');
      node?.stop();
    }
  }

  /** The least microseconds of a step by each program, measured in turns. */
  async time(row: Row, rounds: number): Promise<Times> {
    const {task, each, seconds, without} = row;
    const best = new Map<Program, number>();
    const note = (program: Program, microseconds: number): void => {
      best.set(program, Math.min(best.get(program) ?? Number.POSITIVE_INFINITY, microseconds));
    };
    const chosen = [...this.#processes].filter(([mode]) => mode !== without);
    for (const [, peer] of chosen) await peer.ask(task, 300);
    await this.#beside.prepare(row);
    for (let round = 0; round < rounds; round++) {
      for (const [mode, peer] of chosen) {
        const {microseconds} = await peer.ask<Timed>({time: seconds}, 300);
        note(mode, microseconds / each);
      }
      for (const [program, microseconds] of await this.#beside.time()) note(program, microseconds);
    }
    return best;
  }

  async record(): Promise<{record: number; end: number} | undefined> {
    return await this.#processes.get('chainrule')?.ask({record: 200}, 60);
  }

  /** How late a timer is at the 99th percentile while a model trains that yields after each batch. */
  async late({task}: Row, seconds: number): Promise<number | undefined> {
    const peer = this.#processes.get('chainrule');
    await peer?.ask(task, 300);
    return (await peer?.ask<{p99: number}>({late: seconds}, 300))?.p99;
  }

  /** How late a timer was at most while such a training began, of another size than all before. */
  async begins({task: {fit}}: Row): Promise<number | undefined> {
    if (!fit) return undefined;
    const [inputs, ...others] = fit.sizes as [number, ...number[]];
    const begin = {...fit, sizes: [inputs + 1, ...others]};
    return (await this.#processes.get('chainrule')?.ask<{worst: number}>({begin}, 300))?.worst;
  }

  stop(): void {
    this.#beside.stop();
    for (const peer of this.#processes.values()) peer.stop();
  }
}

const others = ['wasm', 'cpu', 'node', 'torch', 'own'] as const;

function cellsOf(name: string, times: Times): string[] {
  const own = times.get('chainrule') ?? Number.NaN;
  const cells = others.map(program => times.get(program));
  const ratios = cells.map(other => (other ? (other / own).toFixed(2) : ''));
  return [name, digits(own), ...cells.map(other => (other ? digits(other) : '')), ...ratios];
}

/** How many times as fast as the best of these programs. */
function figureOf(times: Times | undefined, ...programs: readonly Program[]) {
  const own = times?.get('chainrule');
  const measured = programs.flatMap(program => times?.get(program) ?? []);
  return own && measured.length > 0 ? {value: Math.min(...measured) / own} : undefined;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const peers = new Peers(options);
  const measured = new Map<string, Times>();
  const late: number[] = [];
  const begun: number[] = [];
  let recorded: {record: number; end: number} | undefined;
  try {
    await peers.begin();
    for (const row of [...fits, ...calls])
      measured.set(row.name, await peers.time(row, options.quick ? 1 : 5));
    // Of steps of up to 300 ops.
    for (const row of fits.slice(0, 3)) {
      const p99 = await peers.late(row, options.quick ? 1 : 4);
      if (p99 !== undefined) late.push(p99);
    }
    for (const row of fits) begun.push((await peers.begins(row)) ?? Number.NaN);
    recorded = await peers.record();
  } finally {
    peers.stop();
  }
  const rows = [...measured].map(([name, times]) => cellsOf(name, times));
  const named = ['tfjs wasm', 'tfjs cpu', 'tfjs-node', 'PyTorch', 'own fit'];
  const head = ['µs a step or call', 'chainrule/tfjs', ...named, ...named.map(name => `${name} ÷`)];
  console.log(table([head, ...rows]));
  for (const text of peers.missing) console.log(text);
  console.log(`recording an op ${digits(recorded?.record ?? Number.NaN)} µs`);
  console.log(`ending a known trace of 200 ops ${digits(recorded?.end ?? Number.NaN)} µs`);
  console.log(`timers late by ${late.map(ms => ms.toFixed(1)).join(', ')} ms at the 99th percentile`);
  console.log(`late by ${begun.map(ms => ms.toFixed(1)).join(', ')} ms at most while traces are compiled`);
  const large = calls.filter(({name}) => !name.endsWith(' 100'));
  const alone = large.flatMap(({name}) => {
    const figure = figureOf(measured.get(name), 'wasm');
    return figure ? [{...figure, note: name}] : [];
  });
  const figures = figuresOf({
    'tfjs-mlp-tiny': figureOf(measured.get('mlp-tiny'), 'wasm', 'cpu'),
    'tfjs-mlp-mnist': figureOf(measured.get('mlp-mnist'), 'wasm'),
    'tfjs-mlp-small': figureOf(measured.get('mlp-small'), 'wasm'),
    'tfjs-lstm': figureOf(measured.get('lstm'), 'wasm'),
    'tfjs-gru': figureOf(measured.get('gru'), 'wasm'),
    'tfjs-attention': figureOf(measured.get('attention'), 'wasm'),
    'tfjs-embedding': figureOf(measured.get('embedding'), 'cpu'),
    'tfjs-torch-mnist': figureOf(measured.get('mlp-mnist'), 'torch'),
    'tfjs-torch-small': figureOf(measured.get('mlp-small'), 'torch'),
    'tfjs-timer': late.length > 0 ? {value: Math.max(...late)} : undefined,
    'tfjs-alone': worstOf(alone),
    'tfjs-record': recorded && {value: recorded.record},
    'tfjs-end': recorded && {value: recorded.end},
  });
  const times = Object.fromEntries([...measured].map(([name, own]) => [name, Object.fromEntries(own)]));
  saveResults('tfjs', {times, recorded, late, begun, figures});
  const {threads, chart} = options;
  if (chart) writeTfjsSpeed({cpu: machine().cpu, threads, rows: rowsOf(measured)});
  return figures;
}
