// Quantiles of data that come in parts, from a summary of bounded size, as Keras's Discretization finds
// them: so the same data give the same bins.

interface Summary {
  /** Ascending. */
  readonly values: Float32Array;
  /** How many numbers each stands for. */
  readonly weights: Float32Array;
}

/** The value at `x` of the line through points, of which the x are ascending. */
function interpolated(x: number, xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const last = xs.length - 1;
  if (x >= (xs[last] as number)) return ys[last] as number;
  if (x <= (xs[0] as number)) return ys[0] as number;
  let at = 0;
  while ((xs[at + 1] as number) <= x) at++;
  const [x0, x1, y0, y1] = [xs[at], xs[at + 1], ys[at], ys[at + 1]] as [number, number, number, number];
  return ((y1 - y0) / (x1 - x0)) * (x - x0) + y0;
}

/** A summary of about 1 / epsilon values. */
function compressed(summary: Summary, epsilon: number): Summary {
  const {values, weights} = summary;
  if (values.length * epsilon < 1) return summary;
  const sums = new Float32Array(weights.length);
  weights.forEach((weight, at) => {
    sums[at] = (sums[at - 1] ?? 0) + weight;
  });
  const shares = sums.map(sum => sum / (sums.at(-1) as number));
  const wanted = Array.from({length: Math.ceil(1 / epsilon)}, (_, at) => epsilon + at * epsilon);
  const counts = wanted.map(share => interpolated(share, shares, sums));
  return {
    values: Float32Array.from(wanted, share => interpolated(share, shares, values)),
    weights: Float32Array.from(counts, (count, at) => count - (counts[at - 1] ?? 0)),
  };
}

export class QuantileSummary {
  readonly #epsilon: number;
  #summary: Summary = {values: new Float32Array(), weights: new Float32Array()};

  constructor(epsilon: number) {
    this.#epsilon = epsilon;
  }

  add(numbers: Float32Array): void {
    const sorted = numbers.slice().sort();
    const step = Math.max(sorted.length / (1 / this.#epsilon), 1);
    const values: number[] = [];
    for (let at = Math.floor(step - 1); at < sorted.length; at += Math.floor(step)) {
      values.push(sorted[at] as number);
    }
    this.#merge(values.map(value => ({value, weight: step})));
  }

  #merge(added: readonly {value: number; weight: number}[]): void {
    const {values, weights} = this.#summary;
    const known = Array.from(values, (value, at) => ({value, weight: weights[at] as number}));
    const all = [...added, ...known].sort((a, b) => a.value - b.value);
    const merged = {
      values: Float32Array.from(all, ({value}) => value),
      weights: Float32Array.from(all, ({weight}) => weight),
    };
    this.#summary = compressed(merged, this.#epsilon);
  }

  /** The bounds of so many bins, at most: ascending. */
  boundaries(bins: number): Float32Array {
    return compressed(this.#summary, 1 / bins).values.slice(0, -1);
  }
}
