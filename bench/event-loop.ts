// How late is a timer of the same process while a model trains? Goal: at most 10 ms at the 99th percentile.
import {layers, sequential, setThreads} from '../lib/index.ts';
import type {BenchOptions, Figures} from './options.ts';

const periodMs = 5;

/** Milliseconds by which each tick of a periodic timer came too late. */
async function lateness(until: Promise<unknown>): Promise<number[]> {
  const late: number[] = [];
  let due = performance.now() + periodMs;
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + periodMs;
  }, periodMs);
  await until;
  clearInterval(timer);
  return late.sort((a, b) => a - b);
}

export async function bench({quick, threads}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const rows = 20_000;
  const x = Float32Array.from({length: rows * 784}, (_, index) => (index % 97) / 97);
  const y = Uint8Array.from({length: rows}, (_, index) => index % 10);
  const model = sequential([
    layers.dense({units: 512, activation: 'relu', inputShape: [784]}),
    layers.dense({units: 256, activation: 'relu'}),
    layers.dense({units: 10, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  const data = {data: x, shape: [rows, 784]};
  const late = await lateness(model.fit(data, y, {epochs: quick ? 10 : 40, batchSize: 128, verbose: 0}));
  const at = (share: number) => (late[Math.floor(share * (late.length - 1))] as number).toFixed(2);
  console.log(
    `timer every ${periodMs} ms while 784-512-256-10 trains on ${threads} threads, ${late.length} ticks`,
  );
  console.log(`late by: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`);
  return {};
}
