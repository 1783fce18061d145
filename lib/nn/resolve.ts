// From what a user may write (a name, a member, a function of ops) to the members of the namespaces.

import {lossAliases, metricAliases} from '../core/familiar.ts';
import {type Config, describe, type Json, type Named, ownFunction} from '../core/named.ts';
import {resolve} from '../core/resolve.ts';
import type {Tensor} from '../core/tensor.ts';
import type {Activation} from './activations.ts';
import * as activations from './activations.ts';
import type {Constraint} from './constraints.ts';
import * as constraints from './constraints.ts';
import type {Initializer} from './initializers.ts';
import * as initializers from './initializers.ts';
import type {Loss} from './losses.ts';
import * as losses from './losses.ts';
import type {CustomMetric, Metric} from './metrics.ts';
import * as metrics from './metrics.ts';
import type {Regularizer} from './regularizers.ts';
import * as regularizers from './regularizers.ts';

/** The names of a namespace. */
type NameOf<Namespace> = Extract<keyof Namespace, string>;
/** The function type of a member, without the name and options that members remember. */
type Plain<Member> = Member extends (...values: infer Values) => infer Result
  ? (...values: Values) => Result
  : never;

/** A function of the user's own, or an instance of a class: `config` are the options of its constructor. */
type Own<Formula> = Formula | {readonly config?: Config; readonly call: Formula};

export type ActivationLike = NameOf<typeof activations> | Activation | Own<(x: Tensor) => Tensor>;
export type InitializerLike = NameOf<typeof initializers> | Initializer | Own<Plain<Initializer>>;
export type RegularizerLike = NameOf<typeof regularizers> | Regularizer | Own<Plain<Regularizer>>;
export type ConstraintLike = NameOf<typeof constraints> | Constraint | Own<Plain<Constraint>>;

export type LossLike =
  | NameOf<typeof losses>
  | keyof typeof lossAliases
  | Loss
  | Own<(target: Tensor, output: Tensor) => Tensor>;
export type MetricLike =
  | NameOf<typeof metrics>
  | keyof typeof metricAliases
  | Metric
  | CustomMetric
  | Own<(target: Tensor, output: Tensor) => Tensor>;

/** `where` is the option that holds it, for errors: `layers.dense: activation`. */
export function toActivation(value: ActivationLike, where?: string): Activation {
  return resolve<Activation>('activation', activations, value, {custom: ownFunction, where});
}

export function toInitializer(value: InitializerLike, where?: string): Initializer {
  return resolve<Initializer>('initializer', initializers, value, {custom: ownFunction, where});
}

export function toRegularizer(value: RegularizerLike | undefined, where?: string): Regularizer | undefined {
  if (value === undefined) return undefined;
  return resolve<Regularizer>('regularizer', regularizers, value, {custom: ownFunction, where});
}

export function toConstraint(value: ConstraintLike | undefined, where?: string): Constraint | undefined {
  if (value === undefined) return undefined;
  return resolve<Constraint>('constraint', constraints, value, {custom: ownFunction, where});
}

export function toLoss(value: LossLike): Loss {
  return resolve<Loss>('loss', losses, value, {
    aliases: lossAliases,
    custom: given => {
      const own = ownFunction<Loss>(given);
      return own.targets === undefined ? Object.assign(own, {targets: 'values' as const}) : own;
    },
  });
}

export function toMetric(value: MetricLike): Metric {
  return resolve<Metric>('metric', metrics, value, {aliases: metricAliases, custom: ownFunction});
}

/** A member that is an option, as JSON; undefined if the option was left out. */
export function describeOption(what: string, member: Named | undefined | ''): Json | undefined {
  return member ? describe(what, member) : undefined;
}
