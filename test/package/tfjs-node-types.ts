// A strict reader of the declarations of what stands for @tensorflow/tfjs-node.
import * as tf from 'chainrule/tfjs-node';

export const image: tf.Tensor3D = tf.node.decodePng(new Uint8Array(), 3);
export const bytes: Promise<Uint8Array> = tf.node.encodeJpeg(image, 'rgb', 90);
export const model: Promise<tf.LayersModel> = tf.loadLayersModel(tf.io.fileSystem('model.json'));
