// Histograms as TensorBoard reads them: buckets of one width between the least and the largest number.

/** A range of numbers, and how many there are in it. */
export type Bucket = readonly [left: number, right: number, count: number];

/**
 * The buckets of all numbers that are finite: `count` of them, of which the last has the largest number too;
 * none for no numbers; one around them, of width 1, where all are the same.
 */
export function bucketsOf(values: ArrayLike<number>, count: number): Bucket[] {
  const finite = Array.from(values).filter(Number.isFinite);
  let [least, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of finite) {
    if (value < least) least = value;
    if (value > largest) largest = value;
  }
  if (finite.length === 0) return [];
  if (least === largest) return [[least - 0.5, least + 0.5, finite.length]];
  const width = (largest - least) / count;
  const counts = new Float64Array(count);
  for (const value of finite) {
    const place = Math.min(count - 1, Math.floor((value - least) / width));
    counts[place] = (counts[place] as number) + 1;
  }
  const edge = (place: number): number => (place === count ? largest : least + place * width);
  return Array.from(counts, (own, place) => [edge(place), edge(place + 1), own]);
}
