// How late is a timer of the same process while a model trains? Goal: at most 10 ms at the 99th percentile,
// also for small models, whose steps are made on the event loop's own thread.
import {layers, type Sequential, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import {lateness, periodMs, quantile} from './lateness.ts';
import type {BenchOptions, Figures} from './options.ts';
import {saveResults} from './report.ts';

/** A training that takes some seconds. */
interface Training {
  /** Of the goal. */
  readonly name: string;
  readonly what: string;
  run(): Promise<unknown>;
}

function build(sizes: readonly number[]): Sequential {
  const last = sizes.length - 2;
  const model = sequential(
    sizes.slice(1).map((units, index) =>
      layers.dense({
        units,
        activation: index === last ? 'softmax' : 'relu',
        ...(index === 0 && {inputShape: [sizes[0] as number]}),
      }),
    ),
  );
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  return model;
}

function dataOf(rows: number, width: number, classes: number) {
  const x = Float32Array.from({length: rows * width}, (_, index) => (index % 97) / 97);
  return {x: {data: x, shape: [rows, width]}, y: Uint8Array.from({length: rows}, (_, row) => row % classes)};
}

function trainings(quick: boolean): Training[] {
  const large = dataOf(20_000, 784, 10);
  const small = dataOf(150, 4, 3);
  const milliseconds = quick ? 1000 : 4000;
  const many = {epochs: 10_000_000, batchSize: 32};
  const fitFor = (options: object) => (): Promise<unknown> => {
    const model = build([4, 16, 3]);
    setTimeout(() => {
      model.stopTraining = true;
    }, milliseconds);
    return model.fit(small.x, small.y, {...many, ...options});
  };
  return [
    {
      name: 'timer-large',
      what: '784-512-256-10 in batches of 128',
      run: () => build([784, 512, 256, 10]).fit(large.x, large.y, {epochs: quick ? 4 : 12, batchSize: 128}),
    },
    {name: 'timer-small', what: '4-16-3 on 150 rows, nobody looking', run: fitFor({})},
    {
      name: 'timer-small-seen',
      what: '4-16-3 on 150 rows, onEpochEnd',
      run: fitFor({callbacks: {onEpochEnd() {}}}),
    },
    {
      name: 'timer-small-batches',
      what: '4-16-3, await trainOnBatch again and again',
      async run() {
        const model = build([4, 16, 3]);
        const end = performance.now() + milliseconds;
        while (performance.now() < end) await model.trainOnBatch(small.x, small.y);
      },
    },
  ];
}

export async function bench({quick, threads}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const figures: Record<string, {value: number}> = {};
  const cells: string[][] = [];
  for (const {name, what, run} of trainings(quick)) {
    const late = await lateness(run());
    const at = (share: number): number => quantile(late, share);
    figures[name] = {value: at(0.99)};
    cells.push([what, String(late.length), ...[0.5, 0.99, 1].map(share => at(share).toFixed(2))]);
  }
  console.log(
    `a timer every ${periodMs} ms while a model trains on ${threads} threads, late by milliseconds`,
  );
  console.log(table([['', 'ticks', 'median', 'p99', 'most'], ...cells]));
  saveResults('event-loop', {threads, figures});
  return figures;
}
