// Rows for programs that are compiled for few batch sizes, where a row's results do not depend on its batch.

/** Batches of these sizes have plans; a row's bits do not depend on the batch that it is in. */
const buckets = [1, 8, 32, 128];

/** Rows in steps of one size that cover all given; the last row is read again to fill the last step. */
export function inBuckets(given: Int32Array): {batch: number; steps: number; rows: Int32Array} {
  const batch = buckets.find(size => size >= given.length) ?? (buckets.at(-1) as number);
  const steps = Math.ceil(given.length / batch);
  const rows = new Int32Array(steps * batch);
  rows.set(given);
  rows.fill(given.at(-1) as number, given.length);
  return {batch, steps, rows};
}

let ascending = new Int32Array(0);

/** The indices of `count` rows from `first` on, not to be written to: all who ask for them share them. */
export function rowNumbers(count: number, first = 0): Int32Array {
  const end = first + count;
  if (ascending.length < end) ascending = Int32Array.from({length: 2 * end}, (_, row) => row);
  return ascending.subarray(first, end);
}
