// TensorFlow.js on one of its backends, from the folder where the packages are installed.
import {createRequire} from 'node:module';
import path from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

export type Tfjs = typeof core & typeof tfl;
export type Backend = 'chainrule' | 'wasm' | 'cpu' | 'node';

/** Does something so many times. */
export type Work = (times: number) => Promise<void>;

export async function tfjsOn(backend: string, threads: number): Promise<Tfjs> {
  const folder = process.cwd();
  const load = createRequire(path.join(folder, 'peers.js'));
  // What the library logs would stand among the replies.
  console.log = console.info = console.error;
  const tf = load(backend === 'node' ? '@tensorflow/tfjs-node' : '@tensorflow/tfjs') as Tfjs;
  if (backend === 'chainrule') await import('../../lib/tfjs/index.ts');
  if (backend === 'wasm') {
    const wasm = load('@tensorflow/tfjs-backend-wasm');
    const files = path.join(folder, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
    wasm.setWasmPaths(`${files}${path.sep}`);
    wasm.setThreadsCount(threads);
  }
  await tf.setBackend(backend === 'node' ? 'tensorflow' : backend);
  await tf.ready();
  return tf;
}

/** Microseconds of one time, over so many seconds. */
export async function timed(work: Work, seconds: number): Promise<number> {
  let times = 0;
  let taken = 0;
  const started = performance.now();
  for (let next = 1; taken < seconds * 1000; next = Math.min(2 * next, 64)) {
    await work(next);
    times += next;
    taken = performance.now() - started;
  }
  return (taken / times) * 1000;
}
