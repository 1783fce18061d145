// What it costs to keep a user's array safe under a running kernel: three ways, see docs/adr.
import {markAsUntransferable} from 'node:worker_threads';
import {addon} from '../lib/runtime/addon.ts';
import type {BenchOptions, Figures} from './options.ts';

function bestMs(repeats: number, action: () => void): string {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    action();
    best = Math.min(best, performance.now() - started);
  }
  return `${best.toFixed(best < 1 ? 4 : 1)} ms`;
}

export async function bench({quick}: BenchOptions): Promise<Figures> {
  const data = new Float32Array(60_000 * 784).fill(1);
  const stepFloats = 128 * 784;
  const ring = new Float32Array(new SharedArrayBuffer(stepFloats * 4));
  const whole = new Float32Array(new SharedArrayBuffer(data.byteLength));
  const repeats = quick ? 3 : 10;
  console.log(`an array of ${(data.byteLength / 1e6).toFixed(0)} MB on the JavaScript thread:`);
  console.log(
    'hold its memory natively      ',
    bestMs(repeats, () => addon().pin(data)),
  );
  console.log(
    'one copy of the whole         ',
    bestMs(repeats, () => whole.set(data)),
  );
  console.log(
    'a copy of each step, 469 steps',
    bestMs(repeats, () => {
      for (let step = 0; step < 469; step++) {
        const start = (step % 468) * stepFloats;
        ring.set(data.subarray(start, start + stepFloats));
      }
    }),
  );
  console.log(
    'mark as untransferable        ',
    bestMs(repeats, () => markAsUntransferable(data.buffer)),
  );
  return {};
}
