// A layer of which training keeps nothing but its input.
import type {Config} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {checkpoint as recomputed} from '../../ops/checkpoint.ts';
import type {ForwardAll, MakeWeight} from '../call-context.ts';
import type {Layer, LayerOptions} from '../layer.ts';
import type {LayerLike} from '../layer-like.ts';
import {callWithMasks, type Masks} from '../masking.ts';
import {AroundOne} from './wrapper.ts';

export interface CheckpointLayerOptions extends LayerOptions {
  /** The layer, or model, that gradients compute again. */
  readonly layer: LayerLike;
}

class CheckpointLayer extends AroundOne {
  override readonly callOptions: readonly string[];

  constructor(options: CheckpointLayerOptions) {
    super('checkpoint', options);
    this.callOptions = this.inner.callOptions;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], _: MakeWeight, options: Config): ForwardAll {
    const {inner} = this;
    const scope = `${this.name}/layer`;
    const forward = inner.forwardFor(shapes, scope, options);
    return (inputs, context) => {
      let masks: Masks = [];
      const whole = (...given: Tensor[]): readonly Tensor[] => {
        const called = callWithMasks(scope, inner, forward, given, context.masks ?? [], context);
        masks = called.masks;
        return called.outputs;
      };
      // No gradients are asked of steps that come in parts.
      const outputs = (context.stream ? whole : recomputed(whole))(...inputs);
      context.passMasks?.(masks);
      return outputs;
    };
  }
}

/**
 * The layer itself, but training keeps only its input of what it computes, and computes it again when its
 * gradients are due, as `keras.remat`: see `ops.checkpoint`. Around each block of a deep model it saves most
 * of the memory of activations for a third more time. Results and gradients have the same bits. `apply` takes
 * the options of the layer.
 *
 * @throws ERR_OPTION
 */
export function checkpoint(options: CheckpointLayerOptions): Layer {
  return new CheckpointLayer(options);
}
