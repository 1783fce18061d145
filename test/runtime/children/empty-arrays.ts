// Arrays of 50 MB are read by a run, then transferred away and dropped; only the empty arrays stay. Prints
// by how many MB the process has grown.
import {setTimeout as sleep} from 'node:timers/promises';
import {Program} from '../../../lib/runtime/program.ts';
import {PlanWords, shared} from '../words.ts';

const width = 12_500_000;
const words = new PlanWords();
const x = words.io('x', 'float32', [width]);
const sum = words.io('sum', 'float32', [], {output: true});
words.instruction('sum(x: f32) -> y: f32 {axis: i32}', [sum], [x], [0]);
const program = new Program(words.plan());
const empty: Float32Array[] = [];

async function cycle(): Promise<void> {
  const array = new Float32Array(width).fill(1);
  await program.run(undefined, {x: array, sum: shared(1)});
  structuredClone(array.buffer, {transfer: [array.buffer]});
  empty.push(array);
}

async function resident(): Promise<number> {
  for (let repeat = 0; repeat < 4; repeat++) {
    globalThis.gc?.();
    await sleep(20);
  }
  return process.memoryUsage().rss / 1e6;
}

await cycle();
const before = await resident();
for (let repeat = 0; repeat < 4; repeat++) await cycle();
console.log(((await resident()) - before).toFixed(0));
