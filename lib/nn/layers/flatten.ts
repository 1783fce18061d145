import {checkOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import {reshape} from '../../ops/move.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

/** From [batch, …sizes] to [batch, product of the sizes]. */
export function flatten(options: LayerOptions = {}): Layer {
  checkOptions('layers.flatten', options, layerOptions);
  return makeLayer(
    'flatten',
    options,
    () => ({}),
    inputShape => x => reshape(x, [x.shape[0] as number, sizeOf(inputShape)]),
  );
}
