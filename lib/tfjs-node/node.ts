// The namespace `tf.node`: every export is a member.
export {decodeBmp, decodeGif, decodeImage, decodeJpeg, decodePng} from './images/decode.ts';
export {encodeJpeg, encodePng} from './images/encode.ts';
export {getMetaGraphsFromSavedModel, getNumOfSavedModels, loadSavedModel} from './saved-model.ts';
export {type TensorBoardCallbackArgs, tensorBoard} from './summary/tensor-board.ts';
export {summaryFileWriter} from './summary/writer.ts';
