// Microseconds per training step, and samples per second, for dense networks of several sizes.
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {layers, losses, type Sequential, sequential, setThreads} from '../lib/index.ts';
import {type BenchOptions, measureCeiling} from './ceiling.ts';
import {type Bar, barChart} from './chart.ts';

interface Workload {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly batchSize: number;
  readonly rows: number;
  readonly regression?: boolean;
}

const workloads: readonly Workload[] = [
  {name: 'mlp-tiny', sizes: [4, 16, 3], batchSize: 32, rows: 32 * 200},
  {name: 'mlp-mnist', sizes: [784, 128, 10], batchSize: 128, rows: 128 * 200},
  {name: 'mlp-small', sizes: [784, 512, 256, 10], batchSize: 128, rows: 128 * 100},
  {name: 'mlp-wide', sizes: [256, 1024, 1024, 1], batchSize: 1024, rows: 1024 * 8, regression: true},
];

function build({sizes, regression}: Workload): Sequential {
  const units = sizes.slice(1);
  const model = sequential(
    units.map((count, index) => {
      const last = index === units.length - 1;
      const activation = last ? (regression ? 'linear' : 'softmax') : 'relu';
      return layers.dense({units: count, activation, ...(index === 0 && {inputShape: [sizes[0] as number]})});
    }),
  );
  const loss = regression ? losses.meanSquaredError() : losses.sparseCategoricalCrossentropy();
  model.compile({optimizer: 'adam', loss});
  return model;
}

/** Multiply-adds of the three products of each layer, the input's own gradient left out, times two. */
function flopsPerStep({sizes, batchSize}: Workload): number {
  let flops = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const product = 2 * batchSize * (sizes[layer - 1] as number) * (sizes[layer] as number);
    flops += product * (layer === 1 ? 2 : 3);
  }
  return flops;
}

async function microsecondsPerStep(workload: Workload, repeats: number): Promise<number> {
  const {rows, sizes, batchSize, regression} = workload;
  const width = sizes[0] as number;
  const x = Float32Array.from({length: rows * width}, (_, index) => ((index * 2654435761) % 1000) / 1000);
  const y = regression ? new Float32Array(rows).fill(0.5) : Uint8Array.from({length: rows}, (_, i) => i % 3);
  const model = build(workload);
  const targets = regression ? {data: y, shape: [rows, 1]} : y;
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const started = performance.now();
    await model.fit({data: x, shape: [rows, width]}, targets, {epochs: 1, batchSize, verbose: 0});
    if (repeat > 0) best = Math.min(best, ((performance.now() - started) * 1000) / (rows / batchSize));
  }
  return best;
}

export async function bench(options: BenchOptions): Promise<void> {
  const bars: Bar[] = [];
  let peaks = '';
  for (const threads of new Set([1, options.threads])) {
    setThreads(threads);
    const {fmaGflops} = measureCeiling({...options, threads});
    const peak = fmaGflops[1];
    peaks += `${peaks === '' ? '' : ', '}${Math.round(peak)} GFLOP/s on ${threads}`;
    console.log(`${threads} threads; multiply-add peak ${peak} GFLOP/s`);
    for (const workload of workloads) {
      const microseconds = await microsecondsPerStep(workload, options.quick ? 3 : 10);
      const samples = Math.round((workload.batchSize / microseconds) * 1e6);
      const share = ((100 * flopsPerStep(workload)) / (microseconds * 1e3) / peak).toFixed(0);
      const shape = workload.sizes.join('-');
      bars.push({
        group: `${shape}, batch ${workload.batchSize}`,
        series: plural(threads),
        value: microseconds,
      });
      console.log(
        `${workload.name.padEnd(10)} ${shape.padEnd(18)} batch ${String(workload.batchSize).padEnd(5)}`,
        `${microseconds.toFixed(1).padStart(9)} µs/step  ${samples} samples/s  ${share} % of the peak`,
      );
    }
  }
  if (!options.chart) return;
  const note = `Adam, data in memory, best of several epochs; the machine's peak: ${peaks} threads.`;
  const chart = barChart('A training step, by network and threads', note, 'µs', bars);
  writeFileSync(path.join(import.meta.dirname, '../docs/speed.svg'), chart);
}

const plural = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`;
