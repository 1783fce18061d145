// A layer of which training keeps nothing but its input.
import {requireOptions} from '../../core/errors.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {checkpoint as recomputed} from '../../ops/checkpoint.ts';
import type {ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, toLayer} from '../layer-like.ts';
import {callWithMasks, type Masks} from '../masking.ts';
import {Wrapper} from './wrapper.ts';

export interface CheckpointLayerOptions extends LayerOptions {
  /** The layer, or model, that gradients compute again. */
  readonly layer: LayerLike;
}

class CheckpointLayer extends Wrapper {
  readonly #layer: Layer;

  constructor(options: CheckpointLayerOptions) {
    const where = 'layers.checkpoint';
    requireOptions(where, options, [...layerOptions, 'layer']);
    const layer = toLayer(`${where}: layer`, options.layer);
    super('checkpoint', options, new Map([['layer', layer]]), () => ({layer: describeInner(layer)}));
    this.#layer = layer;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], _: MakeWeight): ForwardAll {
    const scope = `${this.name}/layer`;
    const forward = this.#layer.forwardFor(shapes, scope);
    return (inputs, context) => {
      let masks: Masks = [];
      const run = recomputed((...given: Tensor[]): readonly Tensor[] => {
        const called = callWithMasks(scope, this.#layer, forward, given, context.masks ?? [], context);
        masks = called.masks;
        return called.outputs;
      });
      const outputs = run(...inputs);
      context.passMasks?.(masks);
      return outputs;
    };
  }
}

/**
 * The layer itself, but training keeps only its input of what it computes, and computes it again when its
 * gradients are due, as `keras.remat`: see `ops.checkpoint`. Around each block of a deep model it saves most
 * of the memory of activations for a third more time. Results and gradients have the same bits.
 *
 * @throws ERR_OPTION
 */
export function checkpoint(options: CheckpointLayerOptions): Layer {
  return new CheckpointLayer(options);
}
