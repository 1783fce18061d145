// What a model gives for its outputs: numbers with their shape, one for each output.
import type {Shape} from '../../core/shape.ts';

/** Numbers with their shape. */
export interface ShapedResult {
  /** Of an output that is no float32, the array of its type: an Int32Array, say. */
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** One result, or one for each output in the structure in which the model was given them. */
export type Prediction = ShapedResult | readonly ShapedResult[] | Readonly<Record<string, ShapedResult>>;
