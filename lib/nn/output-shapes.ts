// Shapes of what a layer gives, and its penalty: what follows from the forward pass alone.
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import {input as inputTensor, isTensor, type Tensor} from '../core/tensor.ts';
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

/** Shapes of the results for one sample. */
export function outputShapes(scope: string, forward: ForwardAll, shapes: readonly Shape[]): Shape[] {
  const samples = shapes.map(shape => inputTensor({name: 'sample', shape: [sampleBatch, ...shape]}));
  return forward(samples, shapesOnly).map(result => {
    if (isTensor(result) && result.shape[0] === sampleBatch && result.dtype === 'float32') {
      return result.shape.slice(1);
    }
    const received = isTensor(result) ? `${result} for a batch of ${sampleBatch}` : show(result);
    return fail('ERR_SHAPE', `${scope}: a layer must give float32 [batch, …]. Received ${received}.`);
  });
}
