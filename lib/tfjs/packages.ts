// TensorFlow.js itself: the copy of the program that asks for this backend. The library never loads it.
import type * as tfjs from '@tensorflow/tfjs-core';
import {loadPackage} from '../runtime/find-package.ts';

const load = (name: string): unknown =>
  loadPackage(name, {
    why: 'chainrule/tfjs is a backend of TensorFlow.js',
    install: '@tensorflow/tfjs',
    below: '@tensorflow/tfjs',
  });

export const tf = load('@tensorflow/tfjs-core') as typeof tfjs;

/** Name of this backend. */
export const backendName = 'chainrule';

/** Name of tfjs's own backend, whose kernels do what has no native one. */
export const cpuName = 'cpu';

/** The kernels of tfjs's cpu backend; loads them where the program has not. */
export function cpuKernels(): tfjs.KernelConfig[] {
  const known = tf.getKernelsForBackend(cpuName);
  if (known.length > 0) return known;
  load('@tensorflow/tfjs-backend-cpu');
  return tf.getKernelsForBackend(cpuName);
}
