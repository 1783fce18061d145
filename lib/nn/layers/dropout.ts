import {checkNumber, requireOptions} from '../../core/errors.ts';
import {dropout as dropoutOp} from '../../ops/composite.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

export interface DropoutOptions extends LayerOptions {
  /** The fraction of the elements that are zeroed, in [0, 1). */
  readonly rate: number;
}

/** In training, zeroes random elements and scales the others by 1/(1 − rate); otherwise gives x. */
export function dropout(options: DropoutOptions): Layer {
  requireOptions('layers.dropout', options, [...layerOptions, 'rate']);
  const {rate} = options;
  checkNumber('layers.dropout: rate', rate, {min: 0, below: 1});
  return makeLayer(
    'dropout',
    options,
    () => ({rate}),
    () => (x, context) => (context.training ? dropoutOp(x, rate, context.random()) : x),
    true,
  );
}
