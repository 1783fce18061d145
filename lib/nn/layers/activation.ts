import {checkNumber, checkOptions, requireOptions} from '../../core/errors.ts';
import {describe} from '../../core/named.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {select} from '../../ops/map.ts';
import {transpose} from '../../ops/move.ts';
import {
  type Activation,
  elu as eluOf,
  leakyRelu as leakyReluOf,
  softmax as softmaxOf,
} from '../activations.ts';
import {activate, type CallContext} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {type ActivationLike, toActivation} from '../resolve.ts';

export interface ActivationOptions extends LayerOptions {
  readonly activation: ActivationLike;
}

/** activation(x). */
export function activation(options: ActivationOptions): Layer {
  requireOptions('layers.activation', options, [...layerOptions, 'activation']);
  const formula = toActivation(options.activation);
  const config = () => ({activation: describe('activation', formula)});
  const forward = () => (x: Tensor, context: CallContext) => activate(formula, x, context);
  return makeLayer('activation', options, config, forward, true);
}

/** A layer for an activation with one numeric option. */
function defineWithOption<Name extends string>(
  kind: string,
  name: Name,
  defaultValue: number,
  range: Parameters<typeof checkNumber>[2],
  make: (value: number) => Activation,
  masked = (x: Tensor, _: CallContext): Tensor => x,
): (options?: LayerOptions & {readonly [Key in Name]?: number}) => Layer {
  return (options = {}) => {
    checkOptions(`layers.${kind}`, options, [...layerOptions, name]);
    const given = options[name];
    const value = given ?? defaultValue;
    checkNumber(`layers.${kind}: ${name}`, value, range);
    const formula = make(value);
    return makeLayer(
      kind,
      options,
      () => ({[name]: given}),
      () => (x, context) => activate(formula, masked(x, context), context),
      true,
    );
  };
}

/** x where x > 0, else negativeSlope · x; 0.3 by default, as in Keras's layer (Maas et al. 2013). */
export const leakyRelu = defineWithOption('leakyRelu', 'negativeSlope', 0.3, {min: 0}, negativeSlope =>
  leakyReluOf({negativeSlope}),
);

/** x where x > 0, else alpha · (exp(x) − 1); alpha is 1 by default (Clevert et al. 2016). */
export const elu = defineWithOption('elu', 'alpha', 1, {}, alpha => eluOf({alpha}));

/** Of exp(x), nothing is left; as in Keras, and finite where nothing counts. */
const far = -1e9;

/**
 * exp(x) / Σ exp(x) along `axis`, the last by default; the batch is axis 0. Where a mask says that an element
 * does not count, it is 0.
 */
export const softmax = defineWithOption(
  'softmax',
  'axis',
  -1,
  {integer: true, min: -6, max: 5},
  axis => Object.assign((x: Tensor) => softmaxAlong(x, axis), {kind: 'softmax', config: {axis}}),
  (x, {mask}) => (mask && mask.rank === x.rank ? select(mask, x, far) : x),
);

function softmaxAlong(x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + x.rank : axis;
  if (at < 1 || at >= x.rank) {
    failIn('softmax', 'ERR_VALUE', `axis ${axis} is none of a sample's axes. Received ${x}`);
  }
  if (at === x.rank - 1) return softmaxOf()(x);
  const swapped = x.shape.map((_, position) =>
    position === at ? x.rank - 1 : position === x.rank - 1 ? at : position,
  );
  return transpose(softmaxOf()(transpose(x, swapped)), swapped);
}
