// Softmax over the last axis, and cross-entropy from logits as one op. All other axes together are the rows.
import {defineOp} from '../core/define.ts';
import {match} from '../core/operands.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {apply, apply1, failIn, type Tensor, type TensorLike, toTensor} from '../core/tensor.ts';
import {checkLabels} from './gather.ts';
import {exp, mul, sigmoid, sub} from './map.ts';
import {reshape} from './move.ts';
import {sum, sumTo} from './reduce.ts';

function rowShape(name: string, {shape, rank}: Tensor): Shape {
  if (rank < 1) failIn(name, 'ERR_SHAPE', 'expected at least one axis. Received a scalar');
  return shape;
}

const softmaxOp = defineOp({
  signature: 'softmax(x: f32) -> y: f32',
  shape: ({x}) => rowShape('softmax', x),
  grad: ({dy}, {y}) => ({dx: softmaxGradient(y, dy)}),
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
  return match(tensor, softmaxOp)?.x;
}

/** The logits of a tensor that is a sigmoid. */
export function logitsOfSigmoid(tensor: Tensor): Tensor | undefined {
  return match(tensor, sigmoid.op)?.x;
}

const logSoftmaxOp = defineOp({
  signature: 'logSoftmax(x: f32) -> y: f32',
  shape: ({x}) => rowShape('logSoftmax', x),
  grad: ({dy}, {y}) => ({dx: sub(dy, mul(exp(y), sum(dy, -1, true)))}),
});

/** x − log Σ exp(x) along the last axis, computed from x − max(x). */
export function logSoftmax(x: Tensor): Tensor {
  return apply1(logSoftmaxOp, [x], {});
}

/**
 * Cross-entropy of softmax(logits) [B,C] with class labels [B]: loss [B] = log Σ exp(logits) −
 * logits[label]. The second result is softmax(logits). A label outside 0…C−1 stops the run.
 */
const softmaxCrossentropyOp = defineOp({
  signature: 'softmaxCrossentropy(logits: f32, labels: i32) -> loss: f32, probabilities: f32, guard: i32',
  guard: {kind: 'labelOutOfRange', operand: 'labels'},
  shape({logits, labels}) {
    checkLabels('softmaxCrossentropy', logits, labels);
    return {loss: labels.shape, probabilities: logits.shape, guard: labels.shape};
  },
  grad({dLoss, dProbabilities}, {labels, probabilities}) {
    const first = dLoss && subtractOneHot(probabilities, labels, dLoss);
    const second = dProbabilities && softmaxGradient(probabilities, dProbabilities);
    return {dLogits: first && second ? sub(first, mul(second, -1)) : (first ?? second)};
  },
});

export function softmaxCrossentropy(logits: Tensor, labels: Tensor): {loss: Tensor; probabilities: Tensor} {
  const [loss, probabilities] = apply(softmaxCrossentropyOp, [logits, labels], {});
  return {loss, probabilities};
}

export const subtractOneHotOp = defineOp({
  signature: 'subtractOneHot(p: f32, labels: i32, scale: f32) -> y: f32',
  inPlace: 'p',
  shape({p, labels, scale: {shape, rank}}) {
    checkLabels('subtractOneHot', p, labels);
    if (rank > 0 && !sameShape(shape, labels.shape)) {
      const received = `Received ${formatShape(shape)}`;
      failIn('subtractOneHot', 'ERR_SHAPE', `expected one scale, or one for each row. ${received}`);
    }
    return p.shape;
  },
  grad({dy}, {p, labels, scale}) {
    const column = scale.rank === 0 ? scale : reshape(scale, [scale.size, 1]);
    const products = mul(dy, subtractOneHot(p, labels));
    return {
      dp: mul(dy, column),
      dScale: scale.rank === 0 ? sumTo(products, []) : sum(products, -1),
    };
  },
});

/**
 * (p − oneHot(labels)) · scale, without building the one-hot array; `scale` is one number, 1 by default, or
 * one for each row. Labels outside the classes subtract nothing.
 */
export function subtractOneHot(p: Tensor, labels: Tensor, scale: TensorLike = 1): Tensor {
  return apply1(subtractOneHotOp, [p, labels, toTensor(scale)], {});
}
