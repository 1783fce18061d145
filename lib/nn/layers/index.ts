// The namespace `layers`: every export is a member.
export {activation, elu, leakyRelu, leakyRelu as leakyReLU, softmax} from './activation.ts';
export {concatenate} from './concatenate.ts';
export {dense} from './dense.ts';
export {dot} from './dot.ts';
export {dropout, spatialDropout1d, spatialDropout2d, spatialDropout3d} from './dropout.ts';
export {normalization} from './feature-normalization.ts';
export {flatten} from './flatten.ts';
export {inputLayer} from './input-layer.ts';
export {lambda} from './lambda.ts';
export {add, average, maximum, minimum, multiply, subtract} from './merge.ts';
export {activityRegularization, alphaDropout, gaussianDropout, gaussianNoise} from './noise.ts';
export {batchNormalization, layerNormalization} from './normalization.ts';
export {prelu} from './prelu.ts';
export {reLU, thresholdedReLU} from './rectifiers.ts';
export {permute, repeatVector, reshape} from './reshape.ts';
