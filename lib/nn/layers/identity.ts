import {checkOptions} from '../../core/errors.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

/** Gives its input: in the place of a layer that is left out. */
export function identity(options: LayerOptions = {}): Layer {
  checkOptions('layers.identity', options, layerOptions);
  return makeLayer(
    'identity',
    options,
    () => ({}),
    () => x => x,
    true,
  );
}
