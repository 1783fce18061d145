// What layers over the steps of a sequence have in common: the loop, in which a mask stops state and output.
import {at, zip} from '../../core/lists.ts';
import type {Tensor} from '../../core/tensor.ts';
import {select, zeros} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
import {reverse} from '../../ops/pad.ts';
import {scan} from '../../ops/scan.ts';
import type {CallContext} from '../call-context.ts';

/** From the slices of a step, [batch, …] each, and the states to the output and the next states. */
export type Step = (
  slices: readonly Tensor[],
  states: readonly Tensor[],
) => readonly [output: Tensor, ...states: Tensor[]];

export interface StepsOptions {
  /** [batch, steps, …] each, or with `stepsLead` [steps, batch, …]. */
  readonly sequences: readonly Tensor[];
  readonly stepsLead?: boolean;
  /** Before the first step, [batch, …] each. */
  readonly states: readonly Tensor[];
  /** Which steps count, bool [batch, steps]. */
  readonly mask: Tensor | undefined;
  readonly returnSequences: boolean;
  readonly goBackwards: boolean;
  /** Whether a step that does not count gives zeros, instead of the output before it. */
  readonly zeroOutputForMask?: boolean | undefined;
  /** The output of the step before the first; zeros by default. */
  readonly last?: Tensor | undefined;
  /** What an output looks like; only its shape is read. */
  readonly like: Tensor;
}

/** The first axis and the second one, changed. */
export const stepsFirst = (x: Tensor): Tensor =>
  transpose(x, [1, 0, ...x.shape.slice(2).map((_, at) => at + 2)]);

/** A bool for each row of the batch, beside values of so many axes. */
const beside = (counts: Tensor, {rank}: Tensor): Tensor =>
  reshape(counts, [counts.size, ...new Array<number>(rank - 1).fill(1)]);

/**
 * The outputs of all steps, [batch, steps, …], in the order in which they were made, or the last, and the
 * last states. A step that does not count leaves the states as they are and repeats the output before it,
 * which is zero at first, or gives zeros, as in Keras.
 */
export function overSteps(step: Step, options: StepsOptions): readonly [output: Tensor, ...states: Tensor[]] {
  const {sequences, stepsLead, states, mask, returnSequences, goBackwards, zeroOutputForMask} = options;
  const {last, like} = options;
  const count = states.length;
  const isLast = mask !== undefined || !returnSequences;
  const {carries, outputs} = scan(
    (carried: readonly Tensor[], slices: readonly Tensor[]) => {
      const [output, ...next] = step(slices.slice(0, sequences.length), carried.slice(0, count));
      if (!mask)
        return {carries: isLast ? [...next, output] : next, outputs: returnSequences ? [output] : []};
      const counts = at(slices, sequences.length);
      const before = zeroOutputForMask ? [...carried.slice(0, count), zeros(output.shape)] : carried;
      const kept = zip([...next, output], before).map(([now, old]) => select(beside(counts, now), now, old));
      return {carries: kept, outputs: returnSequences ? [at(kept, count)] : []};
    },
    {
      carries: isLast ? [...states, last ?? zeros(like.shape)] : states,
      sequences: [
        ...(stepsLead ? sequences : sequences.map(stepsFirst)),
        ...(mask ? [stepsFirst(mask)] : []),
      ],
      reverse: goBackwards,
    },
  );
  const ends = carries.slice(0, count);
  if (!returnSequences) return [at(carries, count), ...ends];
  const all = at(outputs, 0);
  return [stepsFirst(goBackwards ? reverse(all, 0) : all), ...ends];
}

/**
 * A context in which what is `once` made is made in front of a loop: `before` sees it made, and all calls in
 * the body find it again, in the order in which it was asked for.
 */
export function onceForAll(context: CallContext): {readonly before: CallContext; inBody(): CallContext} {
  const made: unknown[] = [];
  const quiet = {
    addLoss: () => {},
    update: () => {},
    stateOf: (state: Tensor) => ({now: () => state, replace: () => {}}),
  };
  return {
    before: {
      ...context,
      ...quiet,
      observe: undefined,
      once<Made>(make: () => Made): Made {
        const value = make();
        made.push(value);
        return value;
      },
    },
    inBody() {
      let next = 0;
      return {...context, once: <Made>(): Made => at(made, next++) as Made};
    },
  };
}
