// A large array is taken away, dropped and collected while a run reads it. Arguments: how it is taken.
// Prints how the run ended, whether all steps before and after that saw the array's own values, and whether
// the next run refuses it.
import {setTimeout as sleep} from 'node:timers/promises';
import {Worker} from 'node:worker_threads';
import {Program} from '../../../lib/runtime/program.ts';
import {PlanWords, shared} from '../words.ts';

const width = 25 << 20;
const steps = 10_000; // without end: however slow the machine, the array is taken in mid-run
const stepsAfter = 12;

type Transferable = ArrayBuffer & {transfer(length?: number): ArrayBuffer};
const ways: Readonly<Record<string, (buffer: Transferable) => unknown>> = {
  structuredClone: buffer => structuredClone(buffer, {transfer: [buffer]}),
  transfer: buffer => buffer.transfer(),
  grow: buffer => buffer.transfer(buffer.byteLength * 2),
  shrink: buffer => buffer.transfer(4096),
  empty: buffer => buffer.transfer(0),
  worker: buffer => {
    const worker = new Worker('require("node:worker_threads").parentPort.once("message", () => {})', {
      eval: true,
    });
    worker.postMessage(buffer, [buffer]);
    worker.unref();
  },
};
const take = ways[process.argv[2] as string] as (buffer: ArrayBuffer) => unknown;

const words = new PlanWords();
const x = words.io('x', 'float32', [width]);
const sum = words.io('sum', 'float32', [], {output: true, perStep: true});
words.instruction('sum(x: f32) -> y: f32 {axis: i32}', [sum], [x], [0]);
const program = new Program(words.plan());

const result = shared(steps);
const cancel = new Int32Array(new SharedArrayBuffer(4));
const array = new Float32Array(width).fill(1);
const running = program.run(undefined, {x: array, sum: result}, {steps, cancel});
while (result[0] === 0) await sleep(0);
(() => {
  take(array.buffer as ArrayBuffer);
})();
const before = result.indexOf(0);
for (let repeat = 0; repeat < 6 || result[before + stepsAfter] === 0; repeat++) {
  globalThis.gc?.();
  new Uint8Array(width * 4).fill(repeat); // whoever frees memory too early finds it given to someone else
  await sleep(2);
}
cancel[0] = 1;
const {end, steps: done} = await running;
const right = result.subarray(0, done).every(value => value === width) && done >= before + stepsAfter;
const refused = await program
  .run(undefined, {x: array, sum: result}, {steps})
  .then(() => 'accepted')
  .catch(error => error.code);
console.log(end, right, refused);
