// Detection: which of many boxes that overlap to keep.
import {defineOp} from '../core/define.ts';
import {checkNumber, checkOptions} from '../core/errors.ts';
import {formatShape} from '../core/shape.ts';
import {apply, checkTensor, constant, failIn, type Tensor} from '../core/tensor.ts';

/** `limits`: what of an intersection is too much, the score that boxes must be above, and the soft sigma. */
const nonMaxSuppressionOp = defineOp({
  signature: 'nonMaxSuppression(boxes: f32, scores: f32, limits: f64) -> at: i32, kept: f32, n: i32 {k: i32}',
  shape({boxes, scores}, {k}) {
    if (boxes.rank !== 2 || boxes.shape[1] !== 4 || scores.rank !== 1 || scores.size !== boxes.shape[0]) {
      const received = `Received ${formatShape(boxes.shape)} and ${formatShape(scores.shape)}`;
      failIn('nonMaxSuppression', 'ERR_SHAPE', `expected boxes [n, 4] and scores [n]. ${received}`);
    }
    return {at: [k], kept: [k], n: []};
  },
});

export interface SuppressionOptions {
  /** How many boxes to keep at most. */
  readonly maxOutputSize: number;
  /** Two boxes that share at least this part of their union show the same. 0.5 by default. */
  readonly iouThreshold?: number;
  /** Boxes whose score is not above it are left out. −∞ by default. */
  readonly scoreThreshold?: number;
  /**
   * Above 0, boxes that overlap are not only left out from `iouThreshold` on, but lose score before:
   * exp(−iou² / (2σ)) of it is left (soft suppression, Bodla et al. 2017). 0 by default.
   */
  readonly softNmsSigma?: number;
}

export interface KeptBoxes {
  /** int32 [maxOutputSize]: the boxes by descending score, then 0. */
  readonly indices: Tensor;
  /** Their scores, then 0. No gradient flows through them; through what `indices` gathers it does. */
  readonly scores: Tensor;
  /** int32: how many there are. */
  readonly count: Tensor;
}

/**
 * The boxes [y1, x1, y2, x2] of the highest scores that overlap no box of a higher one (Keras's and
 * TensorFlow's non-max suppression). `boxes` [n, 4], with corners in any order, `scores` [n]; of equal
 * scores the first box comes first.
 *
 * @throws ERR_SHAPE, ERR_OPTION.
 */
export function nonMaxSuppression(boxes: Tensor, scores: Tensor, options: SuppressionOptions): KeptBoxes {
  const op = 'nonMaxSuppression';
  checkTensor(op, 'boxes', boxes);
  checkTensor(op, 'scores', scores);
  const known = ['maxOutputSize', 'iouThreshold', 'scoreThreshold', 'softNmsSigma'];
  checkOptions(`ops.${op}`, options, known);
  const {maxOutputSize, iouThreshold = 0.5, scoreThreshold = -Infinity, softNmsSigma = 0} = options;
  checkNumber(`ops.${op}: maxOutputSize`, maxOutputSize, {integer: true, min: 0, max: 2 ** 31 - 1});
  checkNumber(`ops.${op}: iouThreshold`, iouThreshold, {min: 0, max: 1});
  checkNumber(`ops.${op}: softNmsSigma`, softNmsSigma, {min: 0});
  if (scoreThreshold !== -Infinity) checkNumber(`ops.${op}: scoreThreshold`, scoreThreshold, {});
  const limits = constant(Float64Array.of(iouThreshold, scoreThreshold, softNmsSigma), [3], 'float64');
  const [indices, kept, count] = apply(nonMaxSuppressionOp, [boxes, scores, limits], {k: maxOutputSize});
  return {indices, scores: kept, count};
}
