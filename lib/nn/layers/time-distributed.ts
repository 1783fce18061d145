// A layer for each step of a sequence.
import {fail} from '../../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {reshape} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import type {Layer, LayerOptions} from '../layer.ts';
import type {LayerLike} from '../layer-like.ts';
import {callWithMasks} from '../masking.ts';
import {AroundOne} from './wrapper.ts';

export interface TimeDistributedOptions extends LayerOptions {
  /** The layer, or model, that each step goes through, with the same weights. */
  readonly layer: LayerLike;
}

class TimeDistributed extends AroundOne {
  constructor(options: TimeDistributedOptions) {
    super('timeDistributed', options, true);
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], _: MakeWeight): ForwardAll {
    const {name, inner: layer} = this;
    const steps = shapes[0]?.[0];
    if (steps === undefined || shapes.some(shape => shape[0] !== steps)) {
      const received = `Received ${shapes.map(formatShape).join(' and ') || 'nothing'}`;
      return fail('ERR_SHAPE', `${name}: expected samples [steps, …], of as many steps each. ${received}.`);
    }
    const inner = shapes.map(shape => (shape.length > 1 ? shape.slice(1) : [1]));
    const scope = `${name}/layer`;
    const forward = layer.forwardFor(inner, scope);
    return (inputs, context) => {
      const batch = inputs[0]?.shape[0] as number;
      // The steps of all samples are samples of one batch.
      const together = (x: Tensor, rest = x.shape.slice(2)): Tensor => reshape(x, [batch * steps, ...rest]);
      const apart = (x: Tensor): Tensor => reshape(x, [batch, steps, ...x.shape.slice(1)]);
      const values = inputs.map((x, index) => together(x, inner[index]));
      const masks = context.masks?.map(mask => (mask && mask.rank > 2 ? together(mask) : undefined));
      const own: CallContext = {
        ...context,
        stream: undefined,
        addLoss: perStep => context.addLoss(sum(reshape(perStep, [batch, steps]), 1)),
        observe:
          context.observe &&
          ((what, value, kind) => {
            const isPerStep = value.shape[0] === batch * steps && sizeOf(value.shape) > 0;
            context.observe?.(what, isPerStep ? apart(value) : value, kind);
          }),
      };
      return callWithMasks(scope, layer, forward, values, masks ?? [], own).outputs.map(apart);
    };
  }
}

/**
 * Applies a layer to each step: [batch, steps, …] to [batch, steps, …]. All steps go through it at once, as
 * samples of one batch. A mask of the steps goes on.
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples without steps, or that the layer cannot take.
 */
export function timeDistributed(options: TimeDistributedOptions): Layer {
  return new TimeDistributed(options);
}
