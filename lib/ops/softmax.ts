// Softmax over the last axis, and cross-entropy from logits as one op. All other axes together are the rows.
import {formatShape, sameShape} from '../core/shape.ts';
import {
  apply,
  apply1,
  defineOp,
  failIn,
  type Gradients,
  type Tensor,
  type TensorLike,
  type TensorSpec,
  toTensor,
} from '../core/tensor.ts';
import {checkLabels} from './gather.ts';
import {exp, mul, sub} from './map.ts';
import {reshape} from './move.ts';
import {sum, sumTo} from './reduce.ts';

function inferRows(name: string) {
  return ([x]: readonly Tensor[]): TensorSpec[] => {
    const {shape, rank} = x as Tensor;
    if (rank < 1) failIn(name, 'ERR_SHAPE', 'expected at least one axis. Received a scalar');
    return [{shape, dtype: 'float32'}];
  };
}

const softmaxOp = defineOp({
  signature: 'softmax(x: f32) -> y: f32',
  infer: inferRows('softmax'),
  grad: ([dy], {outputs}): Gradients => [softmaxGradient(outputs[0] as Tensor, dy as Tensor)],
});

/** dy through y = softmax(x): y · (dy − Σ dy·y). */
function softmaxGradient(y: Tensor, dy: Tensor): Tensor {
  return mul(y, sub(dy, sum(mul(dy, y), -1, true)));
}

/** exp(x) / Σ exp(x) along the last axis, computed from x − max(x). */
export function softmax(x: Tensor): Tensor {
  return apply1(softmaxOp, [x], {});
}

/** The logits of a tensor that is a softmax: cross-entropy computed from them is more stable. */
export function logitsOfSoftmax(tensor: Tensor): Tensor | undefined {
  return tensor.call.op.name === softmaxOp.name ? tensor.call.inputs[0] : undefined;
}

/** The logits of a tensor that is a sigmoid. */
export function logitsOfSigmoid(tensor: Tensor): Tensor | undefined {
  return tensor.call.op.name === 'sigmoid' ? tensor.call.inputs[0] : undefined;
}

const logSoftmaxOp = defineOp({
  signature: 'logSoftmax(x: f32) -> y: f32',
  infer: inferRows('logSoftmax'),
  grad([gradient], {outputs}): Gradients {
    const dy = gradient as Tensor;
    return [sub(dy, mul(exp(outputs[0] as Tensor), sum(dy, -1, true)))];
  },
});

/** x − log Σ exp(x) along the last axis, computed from x − max(x). */
export function logSoftmax(x: Tensor): Tensor {
  return apply1(logSoftmaxOp, [x], {});
}

/**
 * Cross-entropy of softmax(logits) [B,C] with class labels [B]: loss [B] = log Σ exp(logits) −
 * logits[label]. The second result is softmax(logits). A label outside 0…C−1 stops the run.
 */
export const softmaxCrossentropyOp = defineOp({
  signature: 'softmaxCrossentropy(logits: f32, labels: i32) -> loss: f32, probabilities: f32, guard: i32',
  guard: 'labelOutOfRange',
  infer([x, labels]) {
    const {shape} = x as Tensor;
    checkLabels('softmaxCrossentropy', x as Tensor, labels as Tensor);
    return [
      {shape: [shape[0] as number], dtype: 'float32'},
      {shape, dtype: 'float32'},
      {shape: [shape[0] as number], dtype: 'int32'},
    ];
  },
  grad([dLoss, dProbabilities], {inputs, outputs}): Gradients {
    const labels = inputs[1] as Tensor;
    const probabilities = outputs[1] as Tensor;
    const parts: Tensor[] = [];
    if (dLoss) parts.push(subtractOneHot(probabilities, labels, dLoss));
    if (dProbabilities) parts.push(softmaxGradient(probabilities, dProbabilities));
    const [first, second] = parts;
    return [first && second ? sub(first, mul(second, -1)) : (first ?? null), null];
  },
});

export function softmaxCrossentropy(logits: Tensor, labels: Tensor): {loss: Tensor; probabilities: Tensor} {
  const [loss, probabilities] = apply(softmaxCrossentropyOp, [logits, labels], {});
  return {loss: loss as Tensor, probabilities: probabilities as Tensor};
}

const subtractOneHotOp = defineOp({
  signature: 'subtractOneHot(p: f32, labels: i32, scale: f32) -> y: f32',
  inPlace: 1,
  infer([p, labels, scale]) {
    checkLabels('subtractOneHot', p as Tensor, labels as Tensor);
    const {shape, rank} = scale as Tensor;
    if (rank > 0 && !sameShape(shape, (labels as Tensor).shape)) {
      const received = `Received ${formatShape(shape)}`;
      failIn('subtractOneHot', 'ERR_SHAPE', `expected one scale, or one for each row. ${received}`);
    }
    return [{shape: (p as Tensor).shape, dtype: 'float32'}];
  },
  grad([gradient], {inputs}): Gradients {
    const dy = gradient as Tensor;
    const [p, labels, scale] = inputs as readonly [Tensor, Tensor, Tensor];
    const column = scale.rank === 0 ? scale : reshape(scale, [scale.size, 1]);
    const products = mul(dy, subtractOneHot(p, labels));
    return [mul(dy, column), null, scale.rank === 0 ? sumTo(products, []) : sum(products, -1)];
  },
});

/**
 * (p − oneHot(labels)) · scale, without building the one-hot array; `scale` is one number, 1 by default, or
 * one for each row. Labels outside the classes subtract nothing.
 */
export function subtractOneHot(p: Tensor, labels: Tensor, scale: TensorLike = 1): Tensor {
  return apply1(subtractOneHotOp, [p, labels, toTensor(scale)], {});
}
