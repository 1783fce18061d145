// `import 'chainrule/tfjs'`: TensorFlow.js computes with the kernels of this library.
import {register} from './register.ts';

export {type HandedOver, handedOver, resetHandedOver} from './handed-over.ts';
export {backendName} from './packages.ts';
export type {Reason} from './rule.ts';

register();
