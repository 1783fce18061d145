// An axis made longer or shorter: each position of the result is a sum of neighbours, by a band of weights.
// The gradient is the same op with the band transposed, so there are gradients of any order.
import {defineOp} from '../core/define.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import {apply1, constant, failIn, type Tensor} from '../core/tensor.ts';
import {withSize} from './axes.ts';
import {customGradient} from './gradient.ts';

/** A matrix [positions, size] that has few neighbours other than 0 in each row. */
export interface Band {
  readonly size: number;
  readonly taps: number;
  /** For each row the column of its first weight. */
  readonly starts: Int32Array;
  /** [positions, taps]. */
  readonly weights: Float32Array;
}

export const resampleOp = defineOp({
  signature: 'resample(x: f32, starts: i32, weights: f32) -> y: f32 {axis: i32}',
  flops: ({x, weights}, {axis}) =>
    (2 * sizeOf(x.shape) * sizeOf(weights.shape)) / Math.max(1, x.shape[axis] as number),
  shape({x, starts, weights}, {axis}) {
    const positions = weights.shape[0] as number;
    if (weights.rank !== 2 || starts.rank !== 1 || starts.size !== positions) {
      const received = `Received ${formatShape(starts.shape)} and ${formatShape(weights.shape)}`;
      failIn('resample', 'ERR_SHAPE', `expected a start for each row of weights. ${received}`);
    }
    if (axis < 0 || axis >= x.rank) {
      failIn('resample', 'ERR_VALUE', `axis ${axis} is outside ${formatShape(x.shape)}`);
    }
    return withSize(x.shape, axis, positions);
  },
});

/** A band of rows, each of which begins at a start; shorter ones are filled up with zeros. */
export function bandOf(size: number, rows: readonly {start: number; weights: readonly number[]}[]): Band {
  const taps = rows.reduce((most, {weights}) => Math.max(most, weights.length), 1);
  const band = {
    size,
    taps,
    starts: Int32Array.from(rows, ({start}) => start),
    weights: new Float32Array(rows.length * taps),
  };
  rows.forEach(({weights}, row) => {
    band.weights.set(weights, row * taps);
  });
  return band;
}

/** Its columns as rows. */
export function transposedBand({size, taps, starts, weights}: Band): Band {
  const columns: {start: number; weights: number[]}[] = Array.from({length: size}, () => ({
    start: 0,
    weights: [],
  }));
  for (let row = 0; row < starts.length; row++) {
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[row * taps + tap] as number;
      const own = columns[(starts[row] as number) + tap];
      if (weight === 0 || own === undefined) continue;
      if (own.weights.length === 0) own.start = row;
      own.weights[row - own.start] = weight;
    }
  }
  return bandOf(
    starts.length,
    columns.map(({start, weights: own}) => ({start, weights: Array.from(own, weight => weight ?? 0)})),
  );
}

/** Along an axis, y[i] = Σ_t weights[i, t] · x[starts[i] + t]. */
export function resample(x: Tensor, axis: number, band: Band): Tensor {
  const along = customGradient((own: Tensor) => ({
    value: apply1(
      resampleOp,
      [
        own,
        constant(band.starts, [band.starts.length], 'int32'),
        constant(band.weights, [band.starts.length, band.taps]),
      ],
      {axis},
    ),
    gradient: dy => resample(dy, axis, transposedBand(band)),
  }));
  return along(x);
}
