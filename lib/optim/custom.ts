// Optimizers of the user's own: their update is a function of ops instead of a kernel.

import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {at, zip} from '../core/lists.ts';
import type {Config, Named} from '../core/named.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {constant, isTensor, type Tensor} from '../core/tensor.ts';
import {add, greater, mul, select} from '../ops/map.ts';
import type {UpdateAttributes} from '../ops/optimizer.ts';
import {sum} from '../ops/reduce.ts';
import {makeOptimizer, type Optimizer, type OwnUpdate} from './optimizer.ts';
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

/** An element of `hyper` as a scalar. */
function elementAt(hyper: Tensor, row: number, column: number): Tensor {
  const [, columns] = hyper.shape as readonly [number, number];
  const at = row * columns + column;
  const picked = Float32Array.from({length: hyper.size}, (_, index) => Number(index === at));
  return sum(mul(hyper, constant(picked, hyper.shape)));
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

/** The update of one weight, with decay, average and pause as ops/optimizer.ts describes them. */
function updateOne(
  kind: string,
  update: UpdateFunction,
  own: Omit<UpdateStep, 'learningRate' | 'step'>,
  hyperparameter: (column: number) => Tensor,
  {decays, averages, pauses}: UpdateAttributes,
): readonly Tensor[] {
  const slots = averages ? own.slots.slice(0, -1) : own.slots;
  const [share, penalty] = decays ? [hyperparameter(2), hyperparameter(3)] : [];
  const step: UpdateStep = {
    ...own,
    slots,
    parameter: share ? mul(share, own.parameter) : own.parameter,
    gradient: penalty ? add(own.gradient, mul(penalty, own.parameter)) : own.gradient,
    learningRate: hyperparameter(0),
    step: hyperparameter(1),
  };
  let results = checkUpdated(kind, update(step), step);
  const next = decays ? 4 : 2;
  if (averages) {
    const [parameter, ...others] = results as readonly [Tensor, ...Tensor[]];
    const before = mul(hyperparameter(next), at(own.slots, -1));
    const average = add(before, mul(hyperparameter(next + 1), parameter));
    results = [select(greater(hyperparameter(next + 2), 0), average, parameter), ...others, average];
  }
  if (!pauses) return results;
  const active = greater(hyperparameter(averages ? next + 3 : next), 0);
  const all = [own.parameter, ...own.slots];
  return zip(results, all).map(([value, before]) => select(active, value, before));
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
  const update: OwnUpdate = (hyper, segments, attributes, names) => {
    const scalars = new Map<string, Tensor>();
    return segments.map((segment, index) => {
      const row = attributes.groups[index] as number;
      const hyperparameter = (column: number): Tensor => {
        const key = `${row} ${column}`;
        const known = scalars.get(key) ?? elementAt(hyper, row, column);
        scalars.set(key, known);
        return known;
      };
      const own = {
        name: names[index] as string,
        parameter: at(segment, 0),
        gradient: at(segment, 1),
        slots: segment.slice(2),
      };
      return updateOne(kind, given, own, hyperparameter, attributes);
    });
  };
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
