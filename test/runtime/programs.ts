// The programs that the runtime's tests run, all over the same state: two arrays that every step adds 1 to.
import {Program} from '../../lib/runtime/program.ts';
import {State} from '../../lib/runtime/state.ts';
import {alone, ops, PlanWords, signatures} from './words.ts';

export const width = 4096;
const bytes = 2 * width * 4;

export const newState = (): State => new State(bytes);

function begin(): {words: PlanWords; first: number; second: number} {
  const words = new PlanWords();
  return {
    words,
    first: words.place('state', 'float32', [width]),
    second: words.place('state', 'float32', [width]),
  };
}

/** Some work whose result nobody reads: a product of two `size` x `size` matrices, `iterations` times. */
function work(words: PlanWords, size: number, iterations: number): void {
  const [a, b, c] = [0, 1, 2].map(() => words.place('arena', 'float32', [size, size])) as [
    number,
    number,
    number,
  ];
  words.map(a, [], [0.5], [[ops.broadcastTo, 0, 0]]).map(b, [], [0.25], [[ops.broadcastTo, 0, 0]]);
  words.loop(iterations, [], [], () => words.instruction(signatures.matmul, [c], [a, b], alone));
}

/** A training step: works, then adds 1 to both arrays, in two instructions. */
export function trainer(size = 64, iterations = 4): Program {
  const {words, first, second} = begin();
  work(words, size, iterations);
  words.commit();
  for (const value of [first, second]) words.map(value, [value], [1], [[ops.add, 0, 0, 1]]);
  return new Program(words.plan());
}

/**
 * A prediction: works, then gives both arrays; before and after the work, so that a commit between would
 * show.
 */
export function reader(size = 16, iterations = 1): Program {
  const {words, first, second} = begin();
  const options = {output: true, perStep: true};
  const [a, b] = ['a', 'b'].map(name => words.io(name, 'float32', [width], options)) as [number, number];
  words.instruction(signatures.copy, [a], [first]);
  work(words, size, iterations);
  words.instruction(signatures.copy, [b], [second]);
  return new Program(words.plan());
}

/** What all elements of both arrays are; throws where they differ: half a step was seen. */
export function counted(a: Float32Array, b: Float32Array): number {
  const count = a[0] as number;
  for (const array of [a, b]) {
    const other = array.find(value => value !== count);
    if (other !== undefined) throw new Error(`half a step was seen: ${count} and ${other}`);
  }
  return count;
}
