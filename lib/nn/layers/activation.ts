import {requireOptions} from '../../core/errors.ts';
import {describe} from '../../core/named.ts';
import {type Layer, type LayerOptions, layerOptions, makeLayer} from '../layer.ts';
import {type ActivationLike, toActivation} from '../resolve.ts';

export interface ActivationOptions extends LayerOptions {
  readonly activation: ActivationLike;
}

/** activation(x). */
export function activation(options: ActivationOptions): Layer {
  requireOptions('layers.activation', options, [...layerOptions, 'activation']);
  const formula = toActivation(options.activation);
  const config = () => ({activation: describe('activation', formula)});
  return makeLayer('activation', options, config, () => formula);
}
