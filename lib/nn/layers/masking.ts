// Steps that hold nothing but padding.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {notEqual, select} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {any} from '../../ops/reduce.ts';
import type {Forward} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';

export interface MaskingOptions extends LayerOptions {
  /** Steps that hold nothing but this number do not count. 0 by default. */
  readonly maskValue?: number;
}

class Masking extends MadeLayer {
  readonly #counts: (x: Tensor) => Tensor;

  constructor(options: MaskingOptions) {
    checkOptions('layers.masking', options, [...layerOptions, 'maskValue']);
    const {maskValue = 0} = options;
    checkNumber('layers.masking: maskValue', maskValue, {min: -3e38, max: 3e38});
    const counts = (x: Tensor): Tensor => any(notEqual(x, maskValue), -1);
    super(
      'masking',
      options,
      () => ({maskValue: options.maskValue}),
      ([x]) => counts(x as Tensor),
    );
    this.#counts = counts;
    Object.freeze(this);
  }

  override build(_: Shape): Forward {
    return x => select(reshape(this.#counts(x), [...x.shape.slice(0, -1), 1]), x, 0);
  }
}

/**
 * Makes a mask of the steps of [batch, steps, features]: a step all of whose features are `maskValue` does
 * not count, and its features become 0. Layers behind it, losses and metrics leave it out.
 */
export function masking(options: MaskingOptions = {}): Layer {
  return new Masking(options);
}
