import {checkNumber, checkOptions, fail, requireOptions} from '../../core/errors.ts';
import {describe} from '../../core/named.ts';
import {sizeOf} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {select} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
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
  const formula = toActivation(options.activation, 'layers.activation: activation');
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
      () => (x, context) => activate(formula, x, context),
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

export interface SoftmaxOptions extends LayerOptions {
  /** Along which elements add up to 1, or several axes at once; the batch is axis 0. −1 by default. */
  readonly axis?: number | readonly number[];
}

/**
 * exp(x) / Σ exp(x) along `axis`, the last by default. Where a mask says that an element does not count, it
 * is 0; where none counts, all are.
 */
export function softmax(options: SoftmaxOptions = {}): Layer {
  const where = 'layers.softmax';
  checkOptions(where, options, [...layerOptions, 'axis']);
  const {axis = -1} = options;
  const given: number[] = Array.isArray(axis) ? [...axis] : [axis as number];
  if (given.length === 0) fail('ERR_OPTION', `${where}: axis: expected at least one axis.`);
  for (const each of given) checkNumber(`${where}: axis`, each, {integer: true, min: -6, max: 5});
  const config = () => ({axis: Array.isArray(axis) ? given : options.axis && (axis as number)});
  const formula = Object.assign((x: Tensor) => softmaxAlong(x, given), {kind: 'softmax', config: {}});
  const build = () => (x: Tensor, context: CallContext) => {
    const mask = context.mask?.rank === x.rank ? context.mask : undefined;
    const y = activate(formula, mask ? select(mask, x, far) : x, context);
    return mask ? select(mask, y, 0) : y;
  };
  return makeLayer('softmax', options, config, build, true);
}

/** Over several axes at once: these as the last one. */
function softmaxAlong(x: Tensor, given: readonly number[]): Tensor {
  const axes = [...new Set(given.map(axis => (axis < 0 ? axis + x.rank : axis)))].sort((a, b) => a - b);
  const beyond = axes.find(axis => axis < 1 || axis >= x.rank);
  if (beyond !== undefined) {
    failIn('softmax', 'ERR_VALUE', `axis ${given} is none of a sample's axes. Received ${x}`);
  }
  if (axes.length === 1 && axes[0] === x.rank - 1) return softmaxOf()(x);
  const order = [...x.shape.keys()].filter(axis => !axes.includes(axis)).concat(axes);
  const moved = transpose(x, order);
  const others = moved.shape.slice(0, -axes.length);
  const rows = reshape(moved, [...others, sizeOf(moved.shape.slice(-axes.length))]);
  const back = order.map((_, axis) => order.indexOf(axis));
  return transpose(reshape(softmaxOf()(rows), moved.shape), back);
}
