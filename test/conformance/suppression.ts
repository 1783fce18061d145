// Samples of boxes that overlap: in clusters, without area, with equal scores, fewer than are asked for.
import type {Values} from '../reference.ts';
import {type Bound, ulp} from './bounds.ts';
import {exactly, type Operand, type OpSamples, reals, type Sample} from './data.ts';

const limits = (iou: number, score: number, sigma: number): Operand => ({
  shape: [3],
  dtype: 'float64',
  data: Float64Array.of(iou, score, sigma),
});

/** Boxes of sides from 0 to 1 around places of a square of this size, so that small squares are crowded. */
function crowd(count: number, size: number): Operand {
  const [corners, sides] = [reals([count, 2], 0, size), reals([count, 2], 0.2, 1)];
  const data = Float32Array.from({length: 4 * count}, (_, at) => {
    const [box, side] = [Math.floor(at / 4), at % 2];
    const corner = corners.data[2 * box + side] as number;
    // Every third box is given by its other corners.
    const isFar = at % 4 >= 2 !== (box % 3 === 0);
    return corner + (isFar ? (sides.data[2 * box + side] as number) : 0);
  });
  return {shape: [count, 4], dtype: 'float32', data};
}

const of = (boxes: Operand, scores: Operand, given: Operand, k: number): Sample => ({
  operands: [boxes, scores, given],
  attributes: {k},
});

const cases: readonly (readonly [number, number, number, number, number, number])[] = [
  [1, 1, 0.5, 0, 0, 3],
  [7, 2, 0.5, 0.2, 0, 7],
  [40, 3, 0.3, -2, 0, 12],
  [40, 3, 0, -2, 0, 40],
  [130, 5, 0.7, 0.1, 0, 200],
  [40, 3, 0.9, 0.05, 0.5, 30],
  [130, 4, 1, 0.3, 0.1, 130],
  [13, 1, 0.5, 3, 0, 4],
];

/** Scores are the same, but for what exp rounds each time that one is lowered. */
const scores: Bound = (_, [, given], exact) => {
  const most = Math.max(1, ...(given as Values).map(Math.abs));
  return exact.map((values, result) => values.map(() => (result === 1 ? 200 * ulp(most) : 0)));
};

export const suppressions = (): OpSamples => ({
  bound: scores,
  values: [
    ...cases.map(([count, size, iou, score, sigma, k]) =>
      of(crowd(count, size), reals([count]), limits(iou, score, sigma), k),
    ),
    {...of(crowd(3000, 40), reals([3000]), limits(0.5, 0.1, 0), 200), large: true},
    of(crowd(0, 1), reals([0]), limits(0.5, 0, 0), 2),
    of(crowd(5, 1), reals([5]), limits(0.5, -3, 0), 0),
    // Equal scores, no area, the same box twice, corners that are no numbers.
    of(
      exactly([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 0, 0, Number.NaN, 1], [6, 4]),
      exactly([0.5, 0.5, 0.5, 0.5, Number.NaN, 0.25]),
      limits(0.5, Number.NEGATIVE_INFINITY, 0),
      6,
    ),
  ],
});
