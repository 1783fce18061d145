// `import {fromTfjs, toTfjs} from 'chainrule/tfjs-layers'`: models of tfjs-layers as models of this library,
// and back. Loads nothing of TensorFlow.js before `toTfjs` is called, and changes no backend.
export {type FromTfjsOptions, fromTfjs} from './from-tfjs.ts';
export type {TfjsModule} from './module.ts';
export {type ToTfjsOptions, toTfjs} from './to-tfjs.ts';
