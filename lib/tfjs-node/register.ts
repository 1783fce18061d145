// What a program finds in TensorFlow.js's own tables once this is loaded: a second name for the backend,
// `file://`, and the progress bar.
import * as tf from '@tensorflow/tfjs';
import {ProgressBarLogger} from './progress-bar.ts';

/** The name of tfjs-node's backend, which programs set. */
const nameInTfjsNode = 'tensorflow';

/** Of `fit`, by default. */
const verbosity = 1;

/** Once in a process: a program may load this twice. */
export function register(backend: string, fileRouter: (url: string | string[]) => tf.io.IOHandler): void {
  if (tf.engine().findBackendFactory(nameInTfjsNode)) return;
  tf.copyRegisteredKernels(backend, nameInTfjsNode);
  tf.registerBackend(nameInTfjsNode, tf.engine().findBackendFactory(backend) as () => tf.KernelBackend);
  tf.io.registerLoadRouter(fileRouter as never);
  tf.io.registerSaveRouter(fileRouter as never);
  tf.registerCallbackConstructor(verbosity, ProgressBarLogger as never);
}
