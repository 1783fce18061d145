// SavedModels of Python's TensorFlow, which only TensorFlow itself runs.
import {fail} from '../core/errors.ts';

function refuse(name: string, path: string): never {
  const convert = `tensorflowjs_converter --input_format=tf_saved_model ${path} web_model`;
  return fail(
    'ERR_FILE',
    `tf.node.${name}: ${path} is a SavedModel, which needs TensorFlow itself. Convert it once, by Python's ` +
      `package tensorflowjs (${convert}), for tf.loadGraphModel('file://web_model/model.json'). ` +
      'Or export it as ONNX, by tf2onnx, for a library that runs ONNX.',
  );
}

/** Always refused: the error says how to convert the model. @throws ERR_FILE */
export async function loadSavedModel(path: string, _tags = ['serve'], _signature = 'serving_default') {
  return refuse('loadSavedModel', path);
}

/** Always refused, as `loadSavedModel`. @throws ERR_FILE */
export async function getMetaGraphsFromSavedModel(path: string) {
  return refuse('getMetaGraphsFromSavedModel', path);
}

/** None. */
export const getNumOfSavedModels = (): number => 0;
