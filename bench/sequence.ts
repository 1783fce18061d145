// Training steps of nets over sequences, beside the peers in turns: microseconds, and what share of them the
// arithmetic alone would take at the multiply-add peak of the same run.
import {setTimeout as pause} from 'node:timers/promises';
import {layers, optimizers, type Sequential, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {peakOf} from './ceiling.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf} from './options.ts';
import {PeerProcess} from './peers/process.ts';
import {type PeerSpec, peerSpecs, startOf} from './peers/registry.ts';
import {digits, percent, saveResults} from './report.ts';

interface Workload {
  readonly name: string;
  readonly batch: number;
  /** Of the products of a step, without a gradient of the input. */
  readonly flops: number;
  /** The ratio to the fastest peer that is to be reached. */
  readonly goal: number;
  make(): Sequential;
  /** So many batches of inputs and labels. */
  data(batches: number): {x: {data: Float32Array; shape: readonly number[]}; y: Int32Array};
}

const [features, units, classes, length, batch] = [64, 128, 64, 40, 128];

function recurrent(name: 'lstm' | 'gru', gates: number, goal: number): Workload {
  const perRow = 2 * gates * units * (2 * features + 3 * units);
  return {
    name,
    batch,
    flops: length * batch * perRow + 6 * batch * units * classes,
    goal,
    make() {
      const model = sequential([
        layers[name]({units, inputShape: [length, features]}),
        layers.dense({units: classes, activation: 'softmax'}),
      ]);
      model.compile({optimizer: optimizers.adam(), loss: 'sparseCategoricalCrossentropy'});
      return model;
    },
    data(batches) {
      const rows = batches * batch;
      const data = Float32Array.from({length: rows * length * features}, (_, at) => Math.sin(at * 12.9898));
      const y = Int32Array.from({length: rows}, (_, at) => (at * 31) % classes);
      return {x: {data, shape: [rows, length, features]}, y};
    },
  };
}

const workloads: readonly Workload[] = [recurrent('lstm', 4, 1.6), recurrent('gru', 3, 2)];

const scripts: Readonly<Record<string, string>> = {
  torch: 'torch_sequence.py',
  jax: 'jax_sequence.py',
  tensorflow: 'tensorflow_sequence.py',
};

interface Peer {
  readonly name: string;
  readonly process: PeerProcess;
}

function startPeers({threads, quick, peers}: BenchOptions): Peer[] {
  const specs = peerSpecs.filter(({runtime}) => scripts[runtime] !== undefined);
  return specs
    .filter(({name}: PeerSpec) => peers?.includes(name) ?? !quick)
    .flatMap(spec => {
      const start = startOf({...spec, script: scripts[spec.runtime] as string}, threads);
      if (typeof start !== 'string') return [{name: spec.name, process: new PeerProcess(start)}];
      console.log(`${spec.name}: missing: ${start}`);
      return [];
    });
}

/** Chainrule's model, which makes as many steps as there are batches. */
class Own {
  readonly #model: Sequential;
  readonly #data: ReturnType<Workload['data']>;
  readonly #batch: number;
  readonly steps: number;

  constructor(workload: Workload, steps: number) {
    this.#model = workload.make();
    this.#data = workload.data(steps);
    this.#batch = workload.batch;
    this.steps = steps;
  }

  /** Microseconds of a step. */
  async time(): Promise<number> {
    const {x, y} = this.#data;
    const started = performance.now();
    await this.#model.fit(x, y, {batchSize: this.#batch, epochs: 1, shuffle: false, verbose: 0});
    return ((performance.now() - started) / this.steps) * 1000;
  }

  dispose(): void {
    this.#model.dispose();
  }
}

async function timeWorkload(workload: Workload, peers: readonly Peer[], quick: boolean) {
  const steps = quick ? 10 : 30;
  const own = new Own(workload, steps);
  const least: Record<string, number> = {};
  const note = (name: string, time: number): void => {
    least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, time);
  };
  try {
    await own.time();
    for (let repeat = 0; repeat < (quick ? 3 : 7); repeat++) {
      note('chainrule', await own.time());
      for (const {name, process} of peers) {
        // Threads of the one before may still spin.
        await pause(10);
        try {
          const request = {workload: workload.name, batch: workload.batch, steps};
          note(name, (await process.ask<{microseconds: number}>(request, 600)).microseconds);
        } catch (error) {
          if (repeat === 0) console.log(`${name}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  } finally {
    own.dispose();
  }
  return least;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {threads, quick, ceiling} = options;
  setThreads(threads);
  const chosen = workloads.filter(({name}) => options.workloads?.includes(name) ?? true);
  const peers = startPeers(options);
  const figures: Record<string, Figure | undefined> = {};
  const results: Record<string, object> = {};
  try {
    for (const workload of chosen) {
      const least = await timeWorkload(workload, peers, quick);
      const {chainrule = Number.NaN, ...others} = least;
      const alone = workload.flops / peakOf(ceiling, threads) / 1e3;
      const best = Object.entries(others).sort(([, a], [, b]) => a - b)[0];
      const rows = Object.entries(least).map(([name, time]) => [
        name,
        digits(time),
        digits(time / chainrule),
      ]);
      console.log(`${workload.name}: arithmetic alone ${digits(alone)} µs, ${percent(alone / chainrule)}`);
      console.log(table([['', 'µs of a step', '÷ chainrule'], ...rows]));
      results[workload.name] = {least, alone};
      figures[`sequence-${workload.name}`] = best && {value: best[1] / chainrule, note: best[0]};
      figures[`sequence-${workload.name}-share`] = {value: alone / chainrule};
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  const found = figuresOf(figures);
  saveResults('sequence', {threads, results, figures: found});
  return found;
}
