// Conditions under which a training ends, as instructions of the plan: tested before the commit of each step,
// so that it ends exactly there, however many steps a native call covers.
import {type Tensor, type Variable, withScope} from '../../core/tensor.ts';
import {stopIf} from '../../ops/check.ts';
import {add, sqrt, square} from '../../ops/map.ts';
import {sum} from '../../ops/reduce.ts';

/** What is known of a step before its commit. */
export interface StepValues {
  /** Mean over the batch, penalties included: a scalar, at the weights that the step starts from. */
  readonly loss: Tensor;
  /** Of each trainable weight, in order. */
  readonly gradients: readonly Tensor[];
  /** Root of the sum of the squares of all gradients: a scalar. */
  gradientNorm(): Tensor;
}

export interface Criterion<Name extends string = string> {
  readonly name: string;
  /** Numbers that it keeps from step to step, and their first values. */
  readonly state: Readonly<Record<Name, number>>;
  /** Whether to end, one bool, and new values of the numbers, scalars. */
  condition(
    step: StepValues,
    state: Readonly<Record<Name, Tensor>>,
  ): {
    stop: Tensor;
    state?: Readonly<Record<Name, Tensor>>;
  };
}

/** A criterion with memory for its numbers. */
export interface BoundCriterion {
  readonly criterion: Criterion;
  readonly variables: Readonly<Record<string, Variable>>;
}

export function stepValues(loss: Tensor, gradients: readonly Tensor[]): StepValues {
  let norm: Tensor | undefined;
  return {
    loss,
    gradients,
    gradientNorm() {
      norm ??= withScope('gradientNorm', () =>
        sqrt(gradients.map(gradient => sum(square(gradient))).reduce((total, part) => add(total, part))),
      );
      return norm;
    },
  };
}

/** Guards and updates of a step that ends by these criteria. */
export function criteriaOf(
  step: StepValues,
  criteria: readonly BoundCriterion[],
): {guards: Tensor[]; updates: (readonly [Variable, Tensor])[]} {
  const guards: Tensor[] = [];
  const updates: (readonly [Variable, Tensor])[] = [];
  for (const {criterion, variables} of criteria) {
    withScope(criterion.name, () => {
      const entries = Object.entries(variables);
      const before = Object.fromEntries(entries.map(([name, {tensor}]) => [name, tensor]));
      const {stop, state = {}} = criterion.condition(step, before);
      guards.push(stopIf(stop));
      for (const [name, value] of Object.entries(state)) updates.push([variables[name] as Variable, value]);
    });
  }
  return {guards, updates};
}

const ids = new WeakMap<Criterion, number>();
let nextId = 0;

/** Tells the plans of different criteria apart; empty where there are none. */
export function keyOfCriteria(criteria: readonly BoundCriterion[]): string {
  return criteria
    .map(({criterion}) => {
      if (!ids.has(criterion)) ids.set(criterion, nextId++);
      return ` until ${ids.get(criterion)}`;
    })
    .join('');
}
