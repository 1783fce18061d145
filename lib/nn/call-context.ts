// What a layer gets when it is built and called: a maker of weights, and the graph around it.
import type {State} from '../core/open-body.ts';
import type {Shape} from '../core/shape.ts';
import type {RandomSource, Tensor, TensorSpec} from '../core/tensor.ts';
import type {Activation} from './activations.ts';
import type {ConstraintLike, InitializerLike, RegularizerLike} from './resolve.ts';

export interface WeightOptions {
  readonly initializer: InitializerLike;
  readonly regularizer?: RegularizerLike | undefined;
  readonly constraint?: ConstraintLike | undefined;
  /** False for state that the optimizer does not change: see `CallContext.update`. */
  readonly trainable?: boolean;
  /** It is no weight but what the layer keeps from batch to batch: see `CallContext.stateOf`. */
  readonly isState?: boolean;
}

/** Makes a weight of the layer that is being built. */
export type MakeWeight = (name: string, shape: Shape, options: WeightOptions) => Tensor;

/** Records the input of a layer's activation, of this kind, or the layer's output. */
export type Observe = (what: 'preActivation' | 'activation', value: Tensor, kind?: string) => void;

/** Steps of sequences, axis 1 of values, that come in parts, one behind the other, as in generation. */
export interface StepStream {
  /** The place of the first step of this part in the whole sequence, int32[1]. */
  readonly position: Tensor;
  /** How many steps the whole may have: so many places there are in what is kept of each step. */
  readonly capacity: number;
  /** The whole can have no more steps than these. */
  atMost(steps: number): void;
  /** What the layer keeps from part to part, in the order in which it asks: zeros before the first part. */
  carry(spec: TensorSpec): State;
}

/** The graph that a layer is called for. */
export interface CallContext {
  readonly training: boolean;
  /** A source of random numbers for this call, with new ones in each step. */
  random(): RandomSource;
  /**
   * In training: replaces the value of a weight that is not trained by `next` of it, with the step's commit.
   */
  update(weight: Tensor, next: (now: Tensor) => Tensor): void;
  /**
   * A state of the layer in this step: what it is now, and what the step's commit leaves in its place, also
   * outside of training.
   */
  stateOf(state: Tensor): State;
  /** Adds a loss of each sample, [batch], to the model's. */
  addLoss(perSample: Tensor): void;
  /** Which positions of the input count, bool [batch, …]; of the first of several. Missing where all do. */
  readonly mask?: Tensor | undefined;
  /** The same of each input. */
  readonly masks?: readonly (Tensor | undefined)[] | undefined;
  /**
   * What is made stays the same in all steps of the recurrent layer around: units that are dropped, for
   * example. Missing where there is none.
   */
  once?<Made>(make: () => Made): Made;
  /** Whether recurrent layers that do not say give zeros for steps that a mask hides. */
  readonly zeroOutputForMask?: boolean | undefined;
  /** Present where the inputs are a part of the steps of their sequences; missing where they are all. */
  readonly stream?: StepStream | undefined;
  /** @internal Told the masks of the outputs by a model that is called as a layer. */
  passMasks?(masks: readonly (Tensor | undefined)[]): void;
  /** Present if values are recorded. */
  readonly observe?: Observe | undefined;
}

/** activation(x), the last step of a layer, which records `x` as its pre-activation. */
export function activate(activation: Activation, x: Tensor, {observe}: CallContext): Tensor {
  observe?.('preActivation', x, activation.kind);
  return activation(x);
}

/** From [batch, …input] to [batch, …output]. */
export type Forward = (x: Tensor, context: CallContext) => Tensor;
/** The same for several inputs and outputs. */
export type ForwardAll = (inputs: readonly Tensor[], context: CallContext) => readonly Tensor[];
