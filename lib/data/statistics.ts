// Means and variances of columns in float64: of one table exactly as if it were alone, of several by merging.

/** Which statistic each number of a row belongs to. */
export interface Groups {
  readonly count: number;
  /** For each number of a row, in order. */
  readonly of: ArrayLike<number>;
}

export interface Statistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Every column by itself. */
export function eachColumn(columns: number): Groups {
  return {count: columns, of: Int32Array.from({length: columns}, (_, column) => column)};
}

/**
 * Two passes: unlike Σx² − (Σx)², squares of differences from the mean lose no digits. Differences from the
 * first number make the mean of a constant column exact.
 */
export function statisticsOf(
  values: ArrayLike<number>,
  {count: groups, of}: Groups,
  scale: number,
): Statistics {
  const width = of.length;
  const count = values.length / groups;
  const each = (visit: (group: number, value: number) => void): void => {
    for (let at = 0; at < values.length; at++)
      visit(of[at % width] as number, (values[at] as number) * scale);
  };
  const first = new Array<number>(groups).fill(Number.NaN);
  for (let at = width - 1; at >= 0; at--) first[of[at] as number] = (values[at] as number) * scale;
  const mean = [...first];
  const variance = new Array<number>(groups).fill(0);
  each((group, value) => {
    mean[group] = (mean[group] as number) + (value - (first[group] as number)) / count;
  });
  each((group, value) => {
    variance[group] = (variance[group] as number) + (value - (mean[group] as number)) ** 2 / count;
  });
  return {mean, deviation: variance.map(Math.sqrt)};
}

/** The statistics of tables that come one after another, merged as by Chan, Golub and LeVeque 1979. */
export class MergedStatistics {
  #count = 0;
  #mean: readonly number[] = [];
  #variance: readonly number[] = [];

  /** How many numbers each of them is of. */
  get count(): number {
    return this.#count;
  }

  get mean(): readonly number[] {
    return this.#mean;
  }

  get variance(): readonly number[] {
    return this.#variance;
  }

  /** Adds those of `count` numbers each. */
  add(count: number, {mean, deviation}: Statistics): void {
    const [before, all] = [this.#count, this.#count + count];
    const variance = deviation.map(value => value ** 2);
    this.#count = all;
    if (before === 0) {
      [this.#mean, this.#variance] = [mean, variance];
      return;
    }
    const [old, spread] = [this.#mean, this.#variance];
    const share = count / all;
    this.#mean = old.map((own, at) => own + ((mean[at] as number) - own) * share);
    this.#variance = spread.map((own, at) => {
      const apart = (mean[at] as number) - (old[at] as number);
      return own * (1 - share) + (variance[at] as number) * share + apart ** 2 * share * (1 - share);
    });
  }
}
