// The weights that a layer makes: one for each name, whatever it is applied to.
import {fail} from '../core/errors.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {type Tensor, type Variable, variable} from '../core/tensor.ts';
import type {WeightOptions} from './call-context.ts';
import type {Constraint} from './constraints.ts';
import {zeros} from './initializers.ts';
import type {Regularizer} from './regularizers.ts';
import {toConstraint, toInitializer, toRegularizer} from './resolve.ts';

/** A weight of a layer, or what it keeps from batch to batch. */
export interface WeightOf<Owner> {
  readonly name: string;
  readonly variable: Variable;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
  readonly layer: Owner;
}

/** A state as a weight in which nothing is learned. */
export const stateWeight = <Owner>(name: string, variable: Variable, layer: Owner): WeightOf<Owner> => {
  return {name, variable, regularizer: undefined, constraint: undefined, layer};
};

export class WeightTable<Owner> {
  readonly #owner: Owner;
  readonly #weights = new Map<string, WeightOf<Owner> & {readonly isState: boolean}>();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get all(): readonly WeightOf<Owner>[] {
    return [...this.#weights.values()].filter(({isState}) => !isState);
  }

  get states(): readonly WeightOf<Owner>[] {
    return [...this.#weights.values()].filter(({isState}) => isState);
  }

  /** The weight of this name, made where there is none yet. @throws ERR_SHAPE where it has another shape */
  make(scope: string, name: string, shape: Shape, options: WeightOptions): Tensor {
    const known = this.#weights.get(name);
    if (known) {
      if (sameShape(known.variable.shape, shape)) return known.variable.tensor;
      const shapes = `${formatShape(known.variable.shape)}; this input needs ${formatShape(shape)}`;
      return fail('ERR_SHAPE', `${scope} is built already, and its ${name} is ${shapes}.`);
    }
    const initializer = toInitializer(options.initializer);
    const made = variable({
      name: `${scope}/${name}`,
      shape,
      trainable: options.trainable ?? true,
      ...(initializer !== zeros() && {initial: source => initializer(shape, source)}),
    });
    this.#weights.set(name, {
      name,
      variable: made,
      regularizer: toRegularizer(options.regularizer),
      constraint: toConstraint(options.constraint),
      layer: this.#owner,
      isState: options.isState ?? false,
    });
    return made.tensor;
  }
}
