// The namespace `optimizers`: every export is a member.
export {adam} from './adam.ts';
export {rmsprop} from './rmsprop.ts';
export {sgd} from './sgd.ts';
