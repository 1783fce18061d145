// Updates of weights as formulas of ops, where no kernel does it in one pass.
import {at, zip} from '../core/lists.ts';
import {constant, type Tensor} from '../core/tensor.ts';
import {add, greater, mul, select} from '../ops/map.ts';
import type {UpdateAttributes} from '../ops/optimizer.ts';
import {sum} from '../ops/reduce.ts';
import type {OwnUpdate} from './optimizer.ts';

/** A weight in a step. */
export interface FormulaStep {
  readonly name: string;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** The values of the rule's slots. */
  readonly slots: readonly Tensor[];
  /** The rule's hyperparameters, each of the shape []. */
  readonly hyper: readonly Tensor[];
}

/** Gives the new parameter, followed by the new value of each slot. */
export type Formula = (step: FormulaStep) => readonly Tensor[];

/** An element of `hyper` as a scalar. */
function elementAt(hyper: Tensor, row: number, column: number): Tensor {
  const [, columns] = hyper.shape as readonly [number, number];
  const at = row * columns + column;
  const picked = Float32Array.from({length: hyper.size}, (_, index) => Number(index === at));
  return sum(mul(hyper, constant(picked, hyper.shape)));
}

/** The update of one weight, with decay, average and pause as ops/optimizer.ts describes them. */
function updateOne(
  count: number,
  formula: Formula,
  own: Omit<FormulaStep, 'hyper'>,
  hyperparameter: (column: number) => Tensor,
  {decays, averages, pauses}: UpdateAttributes,
): readonly Tensor[] {
  const slots = averages ? own.slots.slice(0, -1) : own.slots;
  const [share, penalty] = decays ? [hyperparameter(count), hyperparameter(count + 1)] : [];
  let results = formula({
    ...own,
    slots,
    parameter: share ? mul(share, own.parameter) : own.parameter,
    gradient: penalty ? add(own.gradient, mul(penalty, own.parameter)) : own.gradient,
    hyper: Array.from({length: count}, (_, column) => hyperparameter(column)),
  });
  const next = decays ? count + 2 : count;
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

/** An update of all weights by a formula with so many hyperparameters. */
export function formulaUpdate(count: number, formula: Formula): OwnUpdate {
  return (hyper, segments, attributes, names) => {
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
      return updateOne(count, formula, own, hyperparameter, attributes);
    });
  };
}
