// The number of samples of each batch, where a model fixes it: layers that keep a state for each sample are
// built for it.
import {fail} from '../core/errors.ts';

let open: number | undefined;

/** That of the model in which a layer is being built. */
export const openBatchSize = (): number | undefined => open;

/** Builds for batches of so many samples, or of any number. */
export function withBatchSize<Result>(size: number | undefined, build: () => Result): Result {
  const before = open;
  open = size;
  try {
    return build();
  } finally {
    open = before;
  }
}

/** What all of these say that say something. @throws ERR_SHAPE where they differ */
export function commonBatchSize(
  where: string,
  all: readonly {readonly batchSize: number | undefined}[],
): number | undefined {
  const [first, ...others] = new Set(all.flatMap(({batchSize}) => batchSize ?? []));
  if (others.length === 0) return first;
  return fail('ERR_SHAPE', `${where}: batches cannot have both ${first} and ${others[0]} samples.`);
}
