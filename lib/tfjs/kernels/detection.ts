// Which boxes to keep: how many are kept is known once it has run, and the results are cut to that.
import type {NonMaxSuppressionV4Attrs, NonMaxSuppressionV5Attrs} from '@tensorflow/tfjs-core';
import type {Tensor} from '../../core/tensor.ts';
import * as ops from '../../ops/index.ts';
import {type Outcome, type Rules, rule, withCount} from '../rule.ts';
import {areReal} from './products.ts';

type Attributes = Pick<NonMaxSuppressionV5Attrs, 'maxOutputSize' | 'iouThreshold' | 'scoreThreshold'> & {
  readonly softNmsSigma?: number;
};

type Kept = ReturnType<typeof ops.nonMaxSuppression>;

const suppression = (results: (kept: Kept) => readonly Tensor[]) =>
  rule('boxes scores', ({boxes, scores}, given: Attributes): Outcome => {
    if (!areReal(boxes, scores)) return 'not yet';
    const {maxOutputSize, iouThreshold, scoreThreshold, softNmsSigma} = given;
    if (maxOutputSize < 1 || scores.size === 0) return 'not yet';
    const options = {maxOutputSize, iouThreshold, scoreThreshold, softNmsSigma: softNmsSigma ?? 0};
    return results(ops.nonMaxSuppression(boxes, scores, options));
  });

const always = (): boolean => true;
const isUnpadded = (given: object): boolean => !(given as NonMaxSuppressionV4Attrs).padToMaxOutputSize;

export const detection: Rules = {
  NonMaxSuppressionV3: withCount(
    {applies: always, isResult: false},
    suppression(({indices, count}) => [indices, count]),
  ),
  NonMaxSuppressionV4: withCount(
    {applies: isUnpadded, isResult: true},
    suppression(({indices, count}) => [indices, count]),
  ),
  NonMaxSuppressionV5: withCount(
    {applies: always, isResult: false},
    suppression(({indices, scores, count}) => [indices, scores, count]),
  ),
};
