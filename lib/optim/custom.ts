// Optimizers of the user's own: their update is a function of ops instead of a kernel.

import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {Config, Named} from '../core/named.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {isTensor, type Tensor} from '../core/tensor.ts';
import {formulaUpdate} from './formula.ts';
import {makeOptimizer, type Optimizer} from './optimizer.ts';
import type {CommonOptions} from './options.ts';

/** A weight in a step, for an optimizer of the user's own. */
export interface UpdateStep {
  readonly name: string;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** The values of the optimizer's `slots` for this weight, each of its shape and zero at first. */
  readonly slots: readonly Tensor[];
  /** A scalar tensor, of the shape []. */
  readonly learningRate: Tensor;
  /** The number of the update, from 0, as a scalar tensor. */
  readonly step: Tensor;
}

/** Returns the new parameter, followed by the new value of each slot. */
export type UpdateFunction = (step: UpdateStep) => Tensor | readonly Tensor[];

/**
 * An instance of a class of the user's own. `config` are the options of its constructor: those it needs to be
 * made again from a file, and those of every optimizer (`learningRate`, 0.01 by default, `weightDecay`,
 * `clipNorm`, …).
 */
export interface OwnOptimizer {
  readonly slots?: readonly string[];
  readonly config?: CommonOptions & object;
  call: UpdateFunction;
}

function checkUpdated(kind: string, given: Tensor | readonly Tensor[], own: UpdateStep): readonly Tensor[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const {shape} = own.parameter;
  const fits = (value: unknown): value is Tensor =>
    isTensor(value) && value.dtype === 'float32' && sameShape(value.shape, shape);
  if (list.length === own.slots.length + 1 && list.every(fits)) return list;
  const wanted = `the new parameter and ${own.slots.length} slots, each float32${formatShape(shape)}`;
  return fail(
    'ERR_SHAPE',
    `optimizers.${kind}: expected ${wanted}, for ${own.name}. Received ${list.map(show).join(', ')}.`,
  );
}

function slotsOf(kind: string, slots: unknown): readonly string[] {
  if (slots === undefined) return [];
  const reserved = ['average', 'accumulated'];
  const ok = (name: unknown): boolean =>
    typeof name === 'string' && /^\w+$/.test(name) && !reserved.includes(name);
  if (Array.isArray(slots) && slots.every(ok) && new Set(slots).size === slots.length) return slots;
  const received = show(slots);
  return fail(
    'ERR_OPTION',
    `optimizers.${kind}: slots: expected different names, e.g. ['velocity']. Received ${received}.`,
  );
}

/** An optimizer from an update written with ops. */
export function customOptimizer(
  given: UpdateFunction & Named & {readonly slots?: unknown; readonly config: Config},
): Optimizer {
  const {kind, config} = given;
  const update = formulaUpdate(2, ({hyper: [learningRate, step], ...rest}) => {
    const own = {...rest, learningRate: learningRate as Tensor, step: step as Tensor};
    return checkUpdated(kind, given(own), own);
  });
  return makeOptimizer(
    kind,
    config,
    {learningRate: 0.01},
    {
      op: update,
      slots: slotsOf(kind, given.slots),
      hyper: (step, rate) => [rate, step],
    },
  );
}
