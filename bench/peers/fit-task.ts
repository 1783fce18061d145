// A training of the bench tfjs, for all programs that do it.

export interface FitTask {
  /**
   * Units of the input and of each layer, the last of them a softmax. Of an embedding the first is the
   * number of ids.
   */
  readonly sizes: readonly number[];
  /** Of a sequence, and which layer makes one row of it; the input of a net without is rows. */
  readonly sequence?: {readonly steps: number; readonly reader: 'lstm' | 'gru' | 'embedding' | 'attention'};
  readonly batch: number;
}

/** So many make an epoch. */
export const batches = 8;

/** Of the inputs of an epoch. */
export function shapeOf({sizes, sequence, batch}: FitTask): number[] {
  const rows = batches * batch;
  if (!sequence) return [rows, sizes[0] as number];
  return sequence.reader === 'embedding'
    ? [rows, sequence.steps]
    : [rows, sequence.steps, sizes[0] as number];
}

/** Ids of an embedding, or numbers below 1. */
export function inputsOf(task: FitTask): Float32Array {
  const size = shapeOf(task).reduce((product, each) => product * each, 1);
  const ids = task.sequence?.reader === 'embedding' ? (task.sizes[0] as number) : undefined;
  return Float32Array.from({length: size}, (_, at) => {
    const number = (at * 7919) % 1000;
    return ids === undefined ? number / 1000 : number % ids;
  });
}

/** The class of each row of an epoch. */
export const labelsOf = ({sizes, batch}: FitTask): Int32Array =>
  Int32Array.from({length: batches * batch}, (_, row) => row % (sizes.at(-1) as number));
