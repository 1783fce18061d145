// Programs of TensorFlow.js with chainrule/tfjs, beside its wasm and cpu backends: training steps of
// tfjs-layers in turns, single ops whose result is read, and what recording costs.
import {table} from '../scripts/table.ts';
import {type BenchOptions, type Figures, figuresOf, worstOf} from './options.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {startOf} from './peers/registry.ts';
import {digits, saveResults} from './report.ts';

type Backend = 'chainrule' | 'wasm' | 'cpu';

interface Row {
  readonly name: string;
  readonly task: object;
  /** Steps or calls of one unit of work. */
  readonly each: number;
  /** Where the cpu backend would take minutes it is left out. */
  readonly withoutCpu?: boolean;
  readonly seconds: number;
}

const fits: readonly Row[] = [
  {name: 'mlp-tiny', task: {fit: {sizes: [4, 16, 3], batch: 32}}, each: 8, seconds: 0.5},
  {name: 'mlp-mnist', task: {fit: {sizes: [784, 128, 10], batch: 128}}, each: 8, seconds: 1},
  {name: 'mlp-small', task: {fit: {sizes: [784, 512, 256, 10], batch: 128}}, each: 8, seconds: 2},
  {
    name: 'lstm',
    task: {fit: {sizes: [64, 128, 10], steps: 40, batch: 128}},
    ...{each: 8, seconds: 2, withoutCpu: true},
  },
];

const sizes = [100, 10_000, 1_000_000];
const calls: readonly Row[] = ['add', 'matMul', 'sum', 'gather'].flatMap(name =>
  sizes.map(size => ({name: `${name} ${size}`, task: {op: {name, size}}, each: 1, seconds: 0.2})),
);

class Peers {
  readonly #processes = new Map<Backend, PeerProcess>();
  readonly missing: string[] = [];

  constructor({threads, quick, peers}: BenchOptions) {
    for (const mode of ['chainrule', 'wasm', 'cpu'] as const) {
      const isWanted = mode === 'chainrule' || (peers ? peers.includes(`tfjs-${mode}`) : !quick);
      if (!isWanted) continue;
      const needs = mode === 'wasm' ? '@tensorflow/tfjs-backend-wasm' : '@tensorflow/tfjs';
      const spec = {name: `tfjs-${mode}`, runtime: 'js', script: 'tfjs-layers.ts', mode, needs} as const;
      const start = startOf(spec, threads);
      if (typeof start === 'string') this.missing.push(`tfjs-${mode}: missing: ${start}`);
      else this.#processes.set(mode, new PeerProcess(start));
    }
  }

  /** The least microseconds of a step on each backend, measured in turns. */
  async time({task, each, seconds, withoutCpu}: Row, rounds: number): Promise<Map<Backend, number>> {
    const best = new Map<Backend, number>();
    const chosen = [...this.#processes].filter(([mode]) => !(withoutCpu && mode === 'cpu'));
    for (const [, peer] of chosen) await peer.ask(task, 300);
    for (let round = 0; round < rounds; round++) {
      for (const [mode, peer] of chosen) {
        const {microseconds} = await peer.ask<Timed>({time: seconds}, 300);
        best.set(mode, Math.min(best.get(mode) ?? Number.POSITIVE_INFINITY, microseconds / each));
      }
    }
    return best;
  }

  async record(): Promise<{record: number; end: number} | undefined> {
    return await this.#processes.get('chainrule')?.ask({record: 200}, 60);
  }

  stop(): void {
    for (const peer of this.#processes.values()) peer.stop();
  }
}

function cellsOf(name: string, times: ReadonlyMap<Backend, number>): string[] {
  const [own = Number.NaN, wasm, cpu] = (['chainrule', 'wasm', 'cpu'] as const).map(mode => times.get(mode));
  const ratio = (other: number | undefined): string => (other ? (other / own).toFixed(1) : '');
  return [name, digits(own), wasm ? digits(wasm) : '', cpu ? digits(cpu) : '', ratio(wasm), ratio(cpu)];
}

/** How many times as fast as the wasm backend, or as the better of both. */
function figureOf(times: ReadonlyMap<Backend, number> | undefined, best: boolean) {
  const [own, wasm, cpu] = (['chainrule', 'wasm', 'cpu'] as const).map(mode => times?.get(mode));
  const other = best && cpu && wasm ? Math.min(cpu, wasm) : wasm;
  return own && other ? {value: other / own} : undefined;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const peers = new Peers(options);
  const measured = new Map<string, Map<Backend, number>>();
  let recorded: {record: number; end: number} | undefined;
  try {
    for (const row of [...fits, ...calls])
      measured.set(row.name, await peers.time(row, options.quick ? 1 : 5));
    recorded = await peers.record();
  } finally {
    peers.stop();
  }
  const rows = [...measured].map(([name, times]) => cellsOf(name, times));
  const head = ['µs a step or call', 'chainrule/tfjs', 'tfjs wasm', 'tfjs cpu', 'wasm ÷', 'cpu ÷'];
  console.log(table([head, ...rows]));
  for (const text of peers.missing) console.log(text);
  console.log(`recording an op ${digits(recorded?.record ?? Number.NaN)} µs`);
  console.log(`ending a known trace of 200 ops ${digits(recorded?.end ?? Number.NaN)} µs`);
  const large = calls.filter(({name}) => !name.endsWith(' 100'));
  const alone = large.flatMap(({name}) => {
    const figure = figureOf(measured.get(name), false);
    return figure ? [{...figure, note: name}] : [];
  });
  const figures = figuresOf({
    'tfjs-mlp-tiny': figureOf(measured.get('mlp-tiny'), true),
    'tfjs-mlp-mnist': figureOf(measured.get('mlp-mnist'), false),
    'tfjs-mlp-small': figureOf(measured.get('mlp-small'), false),
    'tfjs-lstm': figureOf(measured.get('lstm'), false),
    'tfjs-alone': worstOf(alone),
    'tfjs-record': recorded && {value: recorded.record},
    'tfjs-end': recorded && {value: recorded.end},
  });
  const times = Object.fromEntries([...measured].map(([name, own]) => [name, Object.fromEntries(own)]));
  saveResults('tfjs', {times, recorded, figures});
  return figures;
}
