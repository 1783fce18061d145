// Small models: what a call, an epoch, a model costs where the arithmetic is a microsecond. Beside it what
// other libraries take for steps of the same network; all take turns.
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {table} from '../scripts/table.ts';
import {peakOf} from './ceiling.ts';
import {bundle} from './latency.ts';
import type {BenchOptions, Figure, Figures} from './options.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {peerSpecs, startOf} from './peers/registry.ts';
import {digits, resultsFolder, saveResults} from './report.ts';
import {changingSizes, newSizes, smallRows} from './small-rows.ts';
import {makeData, type Workload} from './workloads.ts';

const compared = ['brain.js', 'tfjs-cpu', 'torch', 'jax', 'jax-loop'];

const workloadOf = (batch: number): Workload => ({
  name: `small-${batch}`,
  sizes: [4, 16, 3],
  batch,
  batches: 4,
  activation: 'relu',
  loss: 'crossentropy',
  optimizer: {name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7},
  goal: 1,
});

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Microseconds of a peer's step of so many rows, or why there are none. */
type Steps = Map<string, number | string>;

/** Peers for steps of one batch size; each keeps its fastest time. */
class Peers {
  readonly steps: Steps = new Map();
  readonly #processes = new Map<string, PeerProcess>();

  async load(batch: number, {peers, quick}: BenchOptions): Promise<void> {
    const workload = workloadOf(batch);
    const {file} = makeData(workload, path.join(resultsFolder, 'data'));
    for (const name of compared) {
      if (!(peers ?? (quick ? [] : compared)).includes(name)) continue;
      const spec = peerSpecs.find(each => each.name === name) as (typeof peerSpecs)[number];
      const start = startOf(spec, 1);
      if (typeof start === 'string') {
        this.steps.set(name, start);
        continue;
      }
      const process = new PeerProcess(start);
      try {
        await process.ask({load: workload, file, quick}, 600);
        this.#processes.set(name, process);
      } catch (error) {
        this.steps.set(name, message(error));
        process.stop();
      }
    }
  }

  async time(seconds: number): Promise<void> {
    for (const [name, process] of this.#processes) {
      try {
        const {microseconds} = await process.ask<Timed>({time: seconds, walks: true}, 300);
        const before = this.steps.get(name);
        this.steps.set(name, typeof before === 'number' ? Math.min(before, microseconds) : microseconds);
      } catch (error) {
        this.steps.set(name, message(error));
        this.#processes.delete(name);
      }
      // Its threads may still spin.
      await pause(10);
    }
  }

  stop(): void {
    for (const process of this.#processes.values()) process.stop();
  }
}

async function microsecondsOf(run: (count: number) => unknown, count: number): Promise<number> {
  const started = performance.now();
  await run(count);
  return ((performance.now() - started) * 1000) / count;
}

/** Milliseconds of the README's XOR from `require` on, the least of several processes. */
function xorFromRequire(processes: number): number {
  bundle();
  const root = path.join(import.meta.dirname, '..');
  const times = Array.from({length: processes}, () => {
    const args = [path.join(import.meta.dirname, 'small-start.cjs'), root];
    const {stdout, stderr} = spawnSync(process.execPath, args, {encoding: 'utf8'});
    if (!(Number(stdout) > 0)) throw new Error(`bench: small-start.cjs failed: ${stderr}`);
    return Number(stdout);
  });
  return Math.min(...times);
}

interface Timing {
  readonly name: string;
  readonly what: string;
  readonly atMost: number;
  readonly peers?: {readonly batch: number; readonly steps: number};
  microseconds: number;
}

const timingOf = ({name, what, atMost, peers}: Omit<Timing, 'microseconds'>): Timing => {
  return {name, what, atMost, ...(peers && {peers}), microseconds: Number.POSITIVE_INFINITY};
};

async function timeRows(quick: boolean, peers: ReadonlyMap<number, Peers>): Promise<Timing[]> {
  const rows = smallRows();
  const timings = rows.map(timingOf);
  const sizes = changingSizes();
  const changing = timingOf({
    name: 'small-sizes',
    what: 'trainOnBatch of 1 to 200 rows in turns, beyond one number at a time, 20-64-32-1',
    atMost: 5,
  });
  const unseen = timingOf({
    name: 'small-new-sizes',
    what: 'trainOnBatchSync of a number of rows never seen, beyond the same again, 20-64-32-1',
    atMost: 5,
  });
  await sizes.changing(600);
  const far = Number.POSITIVE_INFINITY;
  const least = {changing: far, same: far, first: far, again: far};
  for (let round = 0; round < (quick ? 3 : 10); round++) {
    for (const [index, {count, run}] of rows.entries()) {
      const timing = timings[index] as Timing;
      const own = await microsecondsOf(run, quick ? Math.ceil(count / 4) : count);
      timing.microseconds = Math.min(timing.microseconds, own);
    }
    least.changing = Math.min(least.changing, await microsecondsOf(sizes.changing, 600));
    least.same = Math.min(least.same, await microsecondsOf(sizes.same, 600));
    const {first, again} = await newSizes(round);
    least.first = Math.min(least.first, first);
    least.again = Math.min(least.again, again);
    for (const peer of peers.values()) await peer.time(quick ? 0.05 : 0.2);
  }
  unseen.microseconds = Math.max(0, least.first - least.again);
  changing.microseconds = Math.max(0, least.changing - least.same);
  return [...timings, changing, unseen];
}

function peerCells({peers}: Timing, all: ReadonlyMap<number, Peers>): string[] {
  return compared.map(name => {
    const step = peers && all.get(peers.batch)?.steps.get(name);
    if (!peers || step === undefined) return '';
    return typeof step === 'number' ? digits(step * peers.steps) : 'missing';
  });
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick} = options;
  const peers = new Map([4, 32].map(batch => [batch, new Peers()] as const));
  let timings: Timing[];
  try {
    for (const [batch, peer] of peers) await peer.load(batch, options);
    timings = await timeRows(quick, peers);
  } finally {
    for (const peer of peers.values()) peer.stop();
  }
  const xor = xorFromRequire(quick ? 3 : 8);
  const rows = timings.map(timing => {
    const {what, atMost, microseconds} = timing;
    return [what, digits(microseconds), `≤ ${atMost}`, ...peerCells(timing, peers)];
  });
  const peak = peakOf(options.ceiling, 1).toFixed(0);
  console.log(`The goals were set on a CPU of 278 GFLOP/s a thread; this one has ${peak}.`);
  console.log(`microseconds\n${table([['4-16-3, Adam', 'chainrule', 'goal', ...compared], ...rows])}`);
  console.log(`\nthe README’s XOR, 500 epochs, from require: ${digits(xor)} ms`);
  for (const [name, why] of peers.get(32)?.steps ?? []) {
    if (typeof why === 'string') console.log(`${name}: missing: ${why}`);
  }
  const figures: Record<string, Figure> = {'small-xor': {value: xor}};
  for (const {name, microseconds} of timings) figures[name] = {value: microseconds};
  saveResults('small', {timings, xor, figures});
  return figures;
}
