// How what logs hold follows from what is kept of each sample: sums by weights, and over the positions that a
// mask leaves.
import type {TypedArray} from '../../core/dtype.ts';
import type {Shape} from '../../core/shape.ts';
import type {Accumulation} from '../../nn/metrics.ts';

/** Σ losses / Σ normalizers. */
export const quotient: Accumulation = {
  size: () => 2,
  add(sums, statistics, count) {
    statistics.forEach((values, part) => {
      for (let sample = 0; sample < count; sample++) {
        sums[part] = (sums[part] as number) + (values[sample] as number);
      }
    });
  },
  // Where nothing counts there is no loss, as in Keras.
  result: ([loss = 0, normalizer = 0]) => (normalizer === 0 ? 0 : loss / normalizer),
};

/** Counts each sample by its weight, which is the last statistic. */
export function byWeight(accumulation: Accumulation | undefined): Accumulation {
  if (!accumulation) return quotient;
  return {
    size: context => accumulation.size(context),
    add(sums, statistics, count, context) {
      accumulation.add(sums, statistics.slice(0, -1), count, context, statistics.at(-1));
    },
    result: (sums, context) => accumulation.result(sums, context),
  };
}

/** Those numbers that stand at these places, `size` at each. */
function taken(values: TypedArray, places: readonly number[], size: number): TypedArray {
  const own = new (values.constructor as new (length: number) => TypedArray)(places.length * size);
  places.forEach((place, at) => {
    for (let part = 0; part < size; part++) own[at * size + part] = values[place * size + part] as number;
  });
  return own;
}

/** Of each position that counts as a sample of its own; which do, the last statistic says. */
export function byMask(accumulation: Accumulation): Accumulation {
  return {
    size: context => accumulation.size(context),
    add(sums, statistics, count, context, weights) {
      const mask = statistics.at(-1) as TypedArray;
      const positions = mask.length / count;
      const places = Array.from(mask.keys()).filter(place => mask[place] !== 0);
      const counted = statistics
        .slice(0, -1)
        .map(values => taken(values, places, values.length / mask.length));
      const samples = places.map(place => Math.floor(place / positions));
      accumulation.add(sums, counted, places.length, context, weights && taken(weights, samples, 1));
    },
    result: (sums, context) => accumulation.result(sums, context),
  };
}

/** The shape of one position, for a mask of the first axes of a sample. */
export function positionShape(shape: Shape, maskShape: Shape): Shape {
  const rest = shape.slice(maskShape.length);
  return rest.length === 0 ? [1] : rest;
}
