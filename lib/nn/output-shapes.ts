// Shapes of what a layer gives, and its penalty: what follows from the forward pass alone.
import type {DType} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {registerOf} from '../core/registers.ts';
import type {Shape} from '../core/shape.ts';
import {input as inputTensor, isTensor, type Tensor} from '../core/tensor.ts';
import {broadcastTo, mul} from '../ops/map.ts';
import {numericType, type SampleType} from './ahead.ts';
import {openBatchSize} from './batch-size.ts';
import type {CallContext, ForwardAll} from './call-context.ts';
import {callWithMasks, type MaskRules, type Masks} from './masking.ts';
import {penaltyOf} from './own-results.ts';
import type {Regularizer} from './regularizers.ts';

/** The penalty of each sample, [batch]; if there is only one of the batch, an equal share of it. */
export function activityPenalty(regularizer: Regularizer, activity: Tensor): Tensor {
  if (regularizer.perSample) return regularizer.perSample(activity);
  const batch = activity.shape[0] as number;
  return broadcastTo(mul(penaltyOf(regularizer, activity), 1 / batch), [batch]);
}

/** A forward pass that also adds the penalty on what it gives, where there is one. */
export function withActivityPenalty(made: ForwardAll, regularizer: Regularizer | undefined): ForwardAll {
  return (inputs, context) => {
    const given: unknown = made(inputs, context);
    const results = Array.isArray(given) ? (given as Tensor[]) : [given as Tensor];
    if (regularizer) for (const result of results) context.addLoss(activityPenalty(regularizer, result));
    return results;
  };
}

const notInTraining = (): never =>
  fail('ERR_GRAPH', 'a layer asked for random numbers, or changed its state, outside of training.');

/** The context of a call that only serves to get the shapes of the results. */
const shapesOnly: CallContext = {
  training: false,
  random: notInTraining,
  update: notInTraining,
  stateOf: state => ({now: () => state, replace: () => {}}),
  addLoss: () => {},
};

/** More than one, to detect layers that confuse batch and sample. */
const anyBatch = 2;

/** Shape and type of a value for one sample, and the shape of its mask where it has one. */
export interface SampleShapes extends SampleType {
  readonly maskShape: Shape | undefined;
}

/** Shapes of the results for one sample. */
export function sampleOutputs(
  scope: string,
  layer: MaskRules,
  forward: ForwardAll,
  inputs: readonly SampleShapes[],
): SampleShapes[] {
  const sampleBatch = openBatchSize() ?? anyBatch;
  const sample = (shape: Shape, dtype: DType): Tensor =>
    inputTensor({name: 'sample', shape: [sampleBatch, ...shape], dtype});
  const masks = inputs.map(({maskShape}) => maskShape && sample(maskShape, 'bool'));
  const values = inputs.map(given => sample(given.shape, registerOf({dtype: numericType(given)})));
  const called = callWithMasks(scope, layer, forward, values, masks, shapesOnly);
  const has = (list: Masks): boolean => list.some(mask => mask !== undefined);
  if (has(masks) && !layer.supportsMasking && !has(called.masks)) warnOfMask(scope);
  return called.outputs.map((result, index) => {
    if (isTensor(result) && result.shape[0] === sampleBatch) {
      const maskShape = called.masks[index]?.shape.slice(1);
      return {shape: result.shape.slice(1), dtype: result.dtype, maskShape};
    }
    const received = isTensor(result) ? `${result} for a batch of ${sampleBatch}` : show(result);
    return fail('ERR_SHAPE', `${scope}: a layer must give a tensor [batch, …]. Received ${received}.`);
  });
}

function warnOfMask(scope: string): void {
  const text = `${scope} gets a mask but does not support masking: what follows does not see the mask.`;
  process.emitWarning(text, {type: 'ChainruleWarning', code: 'CHAINRULE_MASK'});
}
