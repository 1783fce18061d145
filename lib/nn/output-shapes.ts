// Shapes of what a layer gives, and its penalty: what follows from the forward pass alone.
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {registerOf} from '../core/registers.ts';
import {input as inputTensor, isTensor, type Tensor, type TensorSpec} from '../core/tensor.ts';
import {broadcastTo, mul} from '../ops/map.ts';
import type {CallContext, ForwardAll} from './call-context.ts';
import type {Regularizer} from './regularizers.ts';

/** The penalty of each sample, [batch]; if there is only one of the batch, an equal share of it. */
export function activityPenalty(regularizer: Regularizer, activity: Tensor): Tensor {
  if (regularizer.perSample) return regularizer.perSample(activity);
  const batch = activity.shape[0] as number;
  return broadcastTo(mul(regularizer(activity), 1 / batch), [batch]);
}

const notInTraining = (): never =>
  fail('ERR_GRAPH', 'a layer asked for random numbers, or changed its state, outside of training.');

/** The context of a call that only serves to get the shapes of the results. */
const shapesOnly: CallContext = {
  training: false,
  random: notInTraining,
  update: notInTraining,
  addLoss: () => {},
};

/** More than one, to detect layers that confuse batch and sample. */
const sampleBatch = 2;

/** Shapes and types of the results for one sample. */
export function outputSpecs(scope: string, forward: ForwardAll, inputs: readonly TensorSpec[]): TensorSpec[] {
  const samples = inputs.map(given =>
    inputTensor({name: 'sample', shape: [sampleBatch, ...given.shape], dtype: registerOf(given)}),
  );
  return forward(samples, shapesOnly).map(result => {
    if (isTensor(result) && result.shape[0] === sampleBatch) {
      return {shape: result.shape.slice(1), dtype: result.dtype};
    }
    const received = isTensor(result) ? `${result} for a batch of ${sampleBatch}` : show(result);
    return fail('ERR_SHAPE', `${scope}: a layer must give a tensor [batch, …]. Received ${received}.`);
  });
}
