// Makes the backend known to TensorFlow.js, and the current one.
import type {KernelBackend} from '@tensorflow/tfjs-core';
import {ChainruleBackend} from './backend.ts';
import {kernelFor} from './kernel.ts';
import {backendName, cpuKernels, tf} from './packages.ts';

/** Above those of tfjs's own backends, the highest of which is 3. */
const priority = 10;

/** Every kernel that tfjs's cpu backend has. Once in a process: a program may import this twice. */
export function register(): void {
  if (tf.engine().findBackendFactory(backendName)) return;
  for (const config of cpuKernels()) {
    if (tf.getKernel(config.kernelName, backendName)) continue;
    const kernelFunc = kernelFor(config);
    tf.registerKernel({kernelName: config.kernelName, backendName, kernelFunc});
  }
  tf.registerBackend(backendName, () => new ChainruleBackend() as unknown as KernelBackend, priority);
  void tf.setBackend(backendName);
}
