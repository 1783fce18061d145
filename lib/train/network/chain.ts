// Layers in a row, each applied to what the one before gives.

import {fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {isLayer, type Layer} from '../../nn/layer.ts';
import {callLayer, input, type SymbolicTensor} from '../../nn/symbolic.ts';
import {nameLayers} from './names.ts';

/** A layer, or a model that serves as one. */
export type LayerLike = Layer | {toLayer(): Layer};

/** @throws ERR_OPTION, or ERR_SHAPE where a layer cannot take its input. */
export function chainCalls(given: readonly LayerLike[]): {inputs: SymbolicTensor; outputs: SymbolicTensor} {
  if (!Array.isArray(given) || given.length === 0) {
    fail('ERR_OPTION', 'sequential: expected an array of layers, at least one.');
  }
  // A hole is nothing that `map` would visit.
  const layers = Array.from(given as readonly LayerLike[], (value, index) => {
    const layer = isLayer(value) ? value : value?.toLayer?.();
    if (isLayer(layer)) return layer;
    const wanted = 'is no layer, e.g. layers.dense({units: 10})';
    return fail('ERR_OPTION', `sequential: element ${index} ${wanted}. Received ${show(value)}.`);
  });
  const {inputShape, kind} = layers[0] as Layer;
  if (inputShape === undefined) {
    const example = `layers.${kind}({…, inputShape: [784]})`;
    return fail(
      'ERR_OPTION',
      `sequential: the first layer needs inputShape, the shape of one sample: ${example}.`,
    );
  }
  const names = nameLayers('sequential', [...new Set(layers)]);
  const inputs = input({shape: inputShape});
  const outputs = layers.reduce(
    (tensor, layer) => callLayer(layer, [tensor], names.get(layer) as string).outputs[0] as SymbolicTensor,
    inputs,
  );
  return {inputs, outputs};
}
