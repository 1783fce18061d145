// How long does a prediction take while another model trains in the same process? One row through 784-128-10
// while mlp-wide trains on all threads: `predictSync` waits for one commit at most, `predict` is made at once
// where it is short, else served between two instructions.
import {setTimeout as pause} from 'node:timers/promises';
import {layers, type Sequential, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {buildModel} from './peers/chainrule.ts';
import {digits, saveResults} from './report.ts';
import {type Workload, workloads} from './workloads.ts';

function predictor(): Sequential {
  return sequential([
    layers.dense({units: 128, activation: 'relu', inputShape: [784]}),
    layers.dense({units: 10, activation: 'softmax'}),
  ]);
}

/** Milliseconds of each call, in ascending order. */
async function waits(calls: number, predict: () => unknown): Promise<Float64Array> {
  const all = new Float64Array(calls);
  for (let call = 0; call < calls; call++) {
    const started = performance.now();
    await predict();
    all[call] = performance.now() - started;
    // As requests come: at no fixed place of a step.
    await pause(call % 3);
  }
  return all.sort();
}

/** Trains until the returned function is called, which waits for the end. */
function trainMeanwhile(model: Sequential, {sizes, batch, batches}: Workload): () => Promise<void> {
  const rows = batch * batches;
  const width = sizes[0] as number;
  const x = {data: new Float32Array(rows * width).map((_, index) => (index % 97) / 97), shape: [rows, width]};
  const y = {data: new Float32Array(rows), shape: [rows, 1]};
  const stop = new AbortController();
  const training = model
    .fit(x, y, {epochs: 100_000, batchSize: batch, signal: stop.signal, verbose: 0})
    .catch(error => error);
  return async () => {
    stop.abort();
    await training;
  };
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const wide = workloads.find(({name}) => name === 'mlp-wide') as Workload;
  const [trained, other] = [buildModel(wide), predictor()];
  const row = Float32Array.from({length: 784}, (_, index) => (index % 31) / 31);
  const wideRow = new Float32Array(256).fill(0.5);
  const calls = quick ? 200 : 1000;
  const ways: Readonly<Record<string, () => unknown>> = {
    'predict, another model': () => other.predict(row),
    'predictSync, another model': () => other.predictSync(row),
    'predict, the model in training': () => trained.predict(wideRow),
    'predictSync, the model in training': () => trained.predictSync(wideRow),
  };
  for (const predict of Object.values(ways)) await predict();
  const end = trainMeanwhile(trained, wide);
  await pause(50);
  const sorted: Record<string, Float64Array> = {};
  for (const [name, predict] of Object.entries(ways)) sorted[name] = await waits(calls, predict);
  await end();
  const at = (all: Float64Array, share: number): number => all[Math.ceil(share * all.length) - 1] as number;
  const lines = Object.entries(sorted).map(([name, all]) => [
    name,
    ...[0.5, 0.9, 0.99, 1].map(share => digits(at(all, share))),
  ]);
  console.log(`milliseconds of one row while mlp-wide trains on ${threads} threads, ${calls} calls each`);
  console.log(table([['', 'median', 'p90', 'p99', 'most'], ...lines]));
  const p99 = (name: string): {value: number} => ({value: at(sorted[name] as Float64Array, 0.99)});
  const figures: Figures = {
    'predict-meanwhile': p99('predict, another model'),
    'predict-sync-meanwhile': p99('predictSync, another model'),
  };
  const rows = Object.fromEntries(Object.entries(sorted).map(([name, all]) => [name, at(all, 0.99)]));
  saveResults('meanwhile', {threads, calls, p99: rows, figures});
  return figures;
}
