// The namespace `layers`: every export is a member.
export {activation, elu, leakyRelu, softmax} from './activation.ts';
export {dense} from './dense.ts';
export {dropout} from './dropout.ts';
export {flatten} from './flatten.ts';
export {add, average, maximum, minimum, multiply, subtract} from './merge.ts';
export {prelu} from './prelu.ts';
