// What a training takes in place of arrays: whatever gives batches.
import type {Dataset} from '../../data/dataset.ts';
import type {PortData} from '../network/ports.ts';
import type {Weighting} from './sample-weights.ts';

/** A batch of samples, and if need be how much each of them counts in the loss. */
export interface Batch {
  readonly xs: PortData;
  readonly ys: PortData;
  readonly sampleWeight?: Weighting['sampleWeight'];
}

/** A data set of batches, or whatever else gives batches to `for await`. */
export type Batches = Dataset<Batch> | AsyncIterable<Batch>;

export function isBatches(value: unknown): value is Batches {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
