// Optimizers of all weights alike. `grouped` has several of them.
export {adam, adamw, radam} from './adam.ts';
export {adadelta, adagrad, adamax, lion, nadam} from './adaptive.ts';
export {ftrl} from './ftrl.ts';
export {adafactor, lamb} from './layerwise.ts';
export {muon} from './muon.ts';
export {rmsprop} from './rmsprop.ts';
export {sgd} from './sgd.ts';
