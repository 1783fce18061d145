import {fail, requireOptions} from '../../core/errors.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

/** Says the shape of one sample, `inputShape`, as the first layer of a sequential model; gives its input. */
export function inputLayer(options: LayerOptions): Layer {
  requireOptions('layers.inputLayer', options, layerOptions);
  if (options.inputShape === undefined) {
    fail('ERR_OPTION', 'layers.inputLayer: inputShape is missing, the shape of one sample: [784].');
  }
  return makeLayer(
    'inputLayer',
    options,
    () => ({}),
    () => x => x,
    true,
  );
}
