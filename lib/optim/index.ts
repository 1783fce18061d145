// The namespace `optimizers`: every export is a member.
export {adam, adamw, radam} from './adam.ts';
export {adadelta, adagrad, adamax, lion, nadam} from './adaptive.ts';
export {rmsprop} from './rmsprop.ts';
export {sgd} from './sgd.ts';
