// Sums of rows that belong together, and places among sorted numbers. Built of other ops.
import {checkChoice} from '../core/errors.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {checkTensor, constant, failIn, type Tensor} from '../core/tensor.ts';
import {gather, scatterNd} from './indexing.ts';
import {add, broadcastTo, less, lessEqual, logicalAnd, minimum, select, sub} from './map.ts';
import {reshape} from './move.ts';

/**
 * The sum of the rows of each segment: x [rows, …] and a number of a segment for each, [rows], to [segments,
 * …]. A segment without rows is zero. Rows add up in their order, so that the bits depend on nothing else.
 *
 * @throws ERR_SHAPE where there is not one number for each row; ERR_VALUE where the number of segments is no
 * integer; ERR_OUT_OF_RANGE, in a run, for a segment that is not there.
 */
export function segmentSum(x: Tensor, segmentIds: Tensor, numSegments: number): Tensor {
  const name = 'segmentSum';
  checkTensor(name, 'x', x);
  checkTensor(name, 'segmentIds', segmentIds);
  if (!Number.isInteger(numSegments) || numSegments < 1) {
    failIn(name, 'ERR_VALUE', `numSegments must be an integer from 1 on. Received ${numSegments}`);
  }
  const [rows] = x.shape;
  if (rows === undefined || segmentIds.rank !== 1 || segmentIds.size !== rows) {
    const received = `Received ${formatShape(x.shape)} and ${formatShape(segmentIds.shape)}`;
    failIn(name, 'ERR_SHAPE', `expected rows, and a segment for each. ${received}`);
  }
  const indices = reshape(segmentIds, [segmentIds.size, 1]);
  return scatterNd(indices, x, [numSegments, ...x.shape.slice(1)]);
}

/**
 * Where each value would stand among sorted numbers, int32 of its shape: how many of them are less, or with
 * the side `right` not more (NumPy's `searchsorted`). Of several lists, […, n], each row of values, […, m],
 * is looked up in its own.
 *
 * @throws ERR_SHAPE where there is not one list, or one for each row of values; ERR_OPTION for another side.
 */
export function searchSorted(sorted: Tensor, values: Tensor, side: 'left' | 'right' = 'left'): Tensor {
  const name = 'searchSorted';
  checkTensor(name, 'sorted', sorted);
  checkTensor(name, 'values', values);
  checkChoice(`ops.${name}: side`, side, ['left', 'right']);
  const lists = sorted.shape.slice(0, -1);
  if (sorted.rank === 0 || (sorted.rank > 1 && !sameShape(lists, values.shape.slice(0, -1)))) {
    const wanted = 'expected a list of sorted numbers, or one for each row of values';
    failIn(
      name,
      'ERR_SHAPE',
      `${wanted}. Received ${formatShape(sorted.shape)} and ${formatShape(values.shape)}`,
    );
  }
  const axis = sorted.rank - 1;
  const count = sorted.shape[axis] as number;
  const isBefore = side === 'left' ? less : lessEqual;
  let found = broadcastTo(constant(0, [], 'int32'), values.shape);
  if (count === 0) return found;
  // Steps of half the length each: all that stands before `found` is known to be before the value.
  for (let step = 2 ** Math.floor(Math.log2(count)); step >= 1; step /= 2) {
    const next = add(found, step);
    const last = gather(sorted, sub(minimum(next, count), 1), axis, axis);
    found = select(logicalAnd(lessEqual(next, count), isBefore(last, values)), next, found);
  }
  return found;
}
