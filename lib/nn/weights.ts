// Weights as users get and give them.
import type {NumericArray} from '../core/kinds.ts';
import type {NestedArray} from '../core/nested.ts';
import type {Shape} from '../core/shape.ts';

/** One weight by its name, e.g. `dense/kernel`. */
export interface WeightData {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Numbers of a weight: an array or typed array of all of them, or nested arrays of its shape. */
export type WeightNumbers = ArrayLike<number> | NumericArray | NestedArray;

/** A weight as `setWeights` takes it: by its name, or in its place in the order. */
export type WeightValue =
  | {readonly name?: string; readonly shape?: Shape; readonly data: WeightNumbers}
  | WeightNumbers;

export interface SetWeightsOptions {
  /** Set the weights that are named and leave the others; names that are not there are passed over. */
  readonly partial?: boolean;
  /** The same, and weights of another shape are passed over too. */
  readonly skipMismatch?: boolean;
}

/** What `setWeights` did, by name. */
export interface WeightsSet {
  readonly set: readonly string[];
  /** Left as they were, because no value was given. */
  readonly missing: readonly string[];
  /** Given, but not there. */
  readonly unexpected: readonly string[];
  /** Given in another shape. */
  readonly mismatched: readonly string[];
}
