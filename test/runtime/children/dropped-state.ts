// A state that nobody but a pending run knows is dropped and collected in mid-run. Prints the steps.
import {setTimeout as sleep} from 'node:timers/promises';
import {Program} from '../../../lib/runtime/program.ts';
import {State} from '../../../lib/runtime/state.ts';
import {ops, PlanWords} from '../words.ts';

const width = 1 << 24;
const steps = 60;
const words = new PlanWords();
const value = words.place('state', 'float32', [width]);
words.commit().map(value, [value], [1], [[ops.add, 0, 0, 1]]);
const program = new Program(words.plan());

function start(): Promise<number> {
  return program.run(new State(width * 4), {}, {steps}).then(result => result.steps);
}

const running = start();
for (let repeat = 0; repeat < 20; repeat++) {
  globalThis.gc?.();
  await sleep(2);
}
console.log(await running);
