// TensorFlow.js on its cpu backend, one op at a time, each result disposed of. A JSON object a line in, one
// out.
//   tfjs-eager.ts, in the folder where the packages are installed
import {createRequire} from 'node:module';
import path from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import {answerLines} from './answer-lines.ts';

interface Request {
  /** An op of two operands or one, and the shapes of these. */
  readonly load?: {readonly op: 'add' | 'matMul' | 'softmax'; readonly shapes: readonly number[][]};
  /** Seconds to take. */
  readonly time?: number;
}

const load = createRequire(path.join(process.cwd(), 'peers.js'));
// What the library logs would stand among the replies.
console.log = console.info = console.error;
const tf = load('@tensorflow/tfjs') as typeof core;
await tf.setBackend('cpu');

let call = (): core.Tensor => tf.scalar(0);

function answer({load: wanted, time = 0}: Request): object {
  if (wanted) {
    const operands = wanted.shapes.map(shape =>
      tf.sin(
        tf.range(
          0,
          shape.reduce((a, b) => a * b, 1),
        ),
      ),
    );
    const [a, b] = operands.map((flat, index) => tf.reshape(flat, wanted.shapes[index] as number[]));
    const apply = tf[wanted.op] as (...operands: (core.Tensor | undefined)[]) => core.Tensor;
    call = b ? () => apply(a, b) : () => apply(a);
    return {version: tf.version_core};
  }
  let calls = 0;
  const started = performance.now();
  let taken = 0;
  while (taken < time * 1000) {
    for (let repeat = 0; repeat < 10; repeat++) call().dispose();
    calls += 10;
    taken = performance.now() - started;
  }
  return {microseconds: (taken / calls) * 1000};
}

await answerLines(answer);
