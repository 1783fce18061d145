// The namespace `layers`: every export is a member.
export {activation, elu, leakyRelu, softmax} from './activation.ts';
export {dense} from './dense.ts';
export {dropout} from './dropout.ts';
export {flatten} from './flatten.ts';
export {prelu} from './prelu.ts';
