// With which states a layer begins, and who keeps those with which it ends: a stateful layer from batch to
// batch, where row i goes on where row i of the batch before ended; a stream of steps from part to part.
import {fail} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import type {State} from '../../core/open-body.ts';
import type {Shape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {stopGradient} from '../../ops/gradient.ts';
import {zeros} from '../../ops/map.ts';
import {openBatchSize} from '../batch-size.ts';
import type {CallContext, MakeWeight} from '../call-context.ts';

/** The states of a layer in one call. */
export interface Keeping {
  /** With which it begins: given, or as the batch or the part before left them, or zeros. */
  readonly before: readonly Tensor[];
  /** Whether they are others than those that this sequence has led to. */
  readonly isGiven: boolean;
  /** With which it ends. */
  keep(after: readonly Tensor[]): void;
}

/** For an input of a layer, and states that are given with it, or none. */
export type Kept = (x: Tensor, given: readonly Tensor[], context: CallContext) => Keeping;

const replaceAll = (states: readonly State[], after: readonly Tensor[]): void => {
  for (const [index, state] of states.entries()) state.replace(at(after, index));
};

/**
 * States [batchSize, …shape] of a layer that is being built, zeros at first, where it is stateful.
 *
 * @throws ERR_OPTION in a model without a fixed batch size.
 */
export function keptStates(
  name: string,
  stateful: boolean | undefined,
  shapes: readonly Shape[],
  weight: MakeWeight,
): Kept {
  if (!stateful) return (x, given, context) => kept(name, shapes, x, given, context);
  const batchSize = openBatchSize();
  if (batchSize === undefined) {
    const wanted = 'needs a fixed batch size: input({shape, batchSize: 32}), or batchInputShape: [32, 10, 4]';
    return fail('ERR_OPTION', `${name}: stateful: ${wanted} of the first layer.`);
  }
  const options = {initializer: 'zeros', trainable: false, isState: true} as const;
  const states = shapes.map((shape, index) => weight(`state_${index}`, [batchSize, ...shape], options));
  return (x, given, context) => {
    if (x.shape[0] !== batchSize) {
      failIn(name, 'ERR_SHAPE', `has states for batches of ${batchSize} rows. Received ${x}`);
    }
    const own = states.map((state): State => context.stateOf(state));
    return {
      // Gradients end here.
      before: given.length > 0 ? given : own.map(state => stopGradient(state.now())),
      isGiven: true,
      keep: after => replaceAll(own, after),
    };
  };
}

/** Of a layer that keeps nothing from batch to batch. */
function kept(
  name: string,
  shapes: readonly Shape[],
  x: Tensor,
  given: readonly Tensor[],
  {stream}: CallContext,
): Keeping {
  if (stream && given.length > 0) {
    const why = 'begins with states that are given, which may know of steps behind';
    fail('ERR_GRAPH', `${name} ${why}. So steps cannot come one behind the other.`);
  }
  const batch = x.shape[0] as number;
  const own = shapes.flatMap(shape => stream?.carry({shape: [batch, ...shape], dtype: 'float32'}) ?? []);
  const before = shapes.map((shape, index) => given[index] ?? own[index]?.now() ?? zeros([batch, ...shape]));
  return {before, isGiven: given.length > 0, keep: after => replaceAll(own, after)};
}
