// The namespace `layers`: every export is a member.
export {activation, elu, leakyRelu, leakyRelu as leakyReLU, softmax} from './activation.ts';
export {additiveAttention, attention} from './attention.ts';
export {bidirectional} from './bidirectional.ts';
export {categoryEncoding} from './category-encoding.ts';
export {gruCell, lstmCell, simpleRNNCell, stackedRNNCells} from './cell-layers.ts';
export {checkpoint} from './checkpoint.ts';
export {concatenate} from './concatenate.ts';
export {convLstm1d, convLstm2d, convLstm3d} from './conv-lstm.ts';
export {
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  conv3d,
  conv3dTranspose,
  depthwiseConv1d,
  depthwiseConv2d,
  separableConv1d,
  separableConv2d,
} from './convolution.ts';
export {dense} from './dense.ts';
export {discretization} from './discretization.ts';
export {dot} from './dot.ts';
export {dropout, spatialDropout1d, spatialDropout2d, spatialDropout3d} from './dropout.ts';
export {embedding, embeddingBag} from './embedding.ts';
export {normalization} from './feature-normalization.ts';
export {flatten} from './flatten.ts';
export {groupNormalization, rmsNormalization, unitNormalization} from './group-normalization.ts';
export {hashing} from './hashing.ts';
export {identity} from './identity.ts';
export {inputLayer} from './input-layer.ts';
export {lambda} from './lambda.ts';
export {integerLookup, stringLookup} from './lookup.ts';
export {masking} from './masking.ts';
export {add, average, maximum, minimum, multiply, subtract} from './merge.ts';
export {groupQueryAttention, multiHeadAttention} from './multi-head-attention.ts';
export {activityRegularization, alphaDropout, gaussianDropout, gaussianNoise} from './noise.ts';
export {batchNormalization, layerNormalization} from './normalization.ts';
export {pixelShuffle, pixelUnshuffle} from './pixel-shuffle.ts';
export {
  adaptiveAveragePooling1d,
  adaptiveAveragePooling2d,
  adaptiveAveragePooling3d,
  adaptiveMaxPooling1d,
  adaptiveMaxPooling2d,
  adaptiveMaxPooling3d,
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalAveragePooling3d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  globalMaxPooling3d,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
} from './pooling.ts';
export {alibiBias, positionEmbedding, rotaryEmbedding, sinePositionEncoding} from './positions.ts';
export {prelu} from './prelu.ts';
export {centerCrop, rescaling, resizing} from './preprocessing.ts';
export {
  randomBrightness,
  randomContrast,
  randomErasing,
  randomGrayscale,
  randomHue,
  randomSaturation,
} from './random-color.ts';
export {
  randomCrop,
  randomFlip,
  randomRotation,
  randomShear,
  randomTranslation,
  randomZoom,
} from './random-geometry.ts';
export {reLU, thresholdedReLU} from './rectifiers.ts';
export {gru, lstm, simpleRNN} from './recurrent.ts';
export {permute, repeatVector, reshape} from './reshape.ts';
export {
  cropping1d,
  cropping2d,
  cropping3d,
  upSampling1d,
  upSampling2d,
  upSampling3d,
  zeroPadding1d,
  zeroPadding2d,
  zeroPadding3d,
} from './resizing.ts';
export {rnn} from './rnn.ts';
export {spectralNormalization} from './spectral-normalization.ts';
export {textVectorization} from './text-vectorization.ts';
export {timeDistributed} from './time-distributed.ts';
export {bytePairTokenizer, tokenizer, wordPieceTokenizer} from './tokenizer.ts';
export {transformerDecoder, transformerEncoder} from './transformer.ts';
