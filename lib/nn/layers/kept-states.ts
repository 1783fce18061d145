// What a stateful layer keeps from batch to batch: row i goes on where row i of the batch before ended.
import {fail} from '../../core/errors.ts';
import type {State} from '../../core/open-body.ts';
import type {Shape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {stopGradient} from '../../ops/gradient.ts';
import {openBatchSize} from '../batch-size.ts';
import type {CallContext, MakeWeight} from '../call-context.ts';

/** The states of a layer in one step. */
export interface Keeping {
  /** As the batch before left them. Gradients end here. */
  readonly before: readonly Tensor[];
  /** What the next batch begins with. */
  keep(after: readonly Tensor[]): void;
}

/** For batches of any size, nothing is kept. */
export type Kept = (x: Tensor, context: CallContext) => Keeping | undefined;

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
  if (!stateful) return () => undefined;
  const batchSize = openBatchSize();
  if (batchSize === undefined) {
    const wanted = 'needs a fixed batch size: input({shape, batchSize: 32}), or batchInputShape: [32, 10, 4]';
    return fail('ERR_OPTION', `${name}: stateful: ${wanted} of the first layer.`);
  }
  const options = {initializer: 'zeros', trainable: false, isState: true} as const;
  const states = shapes.map((shape, index) => weight(`state_${index}`, [batchSize, ...shape], options));
  return (x, context) => {
    if (x.shape[0] !== batchSize) {
      failIn(name, 'ERR_SHAPE', `has states for batches of ${batchSize} rows. Received ${x}`);
    }
    const own = states.map((state): State => context.stateOf(state));
    return {
      before: own.map(state => stopGradient(state.now())),
      keep(after) {
        for (const [index, state] of own.entries()) state.replace(after[index] as Tensor);
      },
    };
  };
}
