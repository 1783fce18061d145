// The namespace `constraints`: every export is a member. Each is applied to a weight after its update.
import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {isList, show} from '../core/kinds.ts';
import {type Named, named} from '../core/named.ts';
import type {Tensor} from '../core/tensor.ts';
import {add, div, maximum, minimum, mul, relu, sqrt, square} from '../ops/map.ts';
import {sum} from '../ops/reduce.ts';

/** From a weight to the nearest allowed one. */
export type Constraint = ((weight: Tensor) => Tensor) & Named;

/** Keeps a division by the norm of a zero vector finite, as in Keras. */
const epsilon = 1e-7;

/** An axis of a weight, or several that count as one. */
type Axes = number | readonly number[];

export interface NormOptions {
  /**
   * Along which norms are taken: 0 by default, which gives that of each unit's weights in a dense kernel.
   * `[0, 1, 2]` gives that of each filter of a `conv2d`.
   */
  readonly axis?: number | readonly number[];
}

/** Euclidean norms along `axis`. */
const normOf = (weight: Tensor, axis: Axes): Tensor => sqrt(sum(square(weight), axis, true));

function checkAxis(where: string, axis: Axes): void {
  const axes: unknown[] = isList(axis) ? Array.from(axis) : [axis];
  for (const each of axes) checkNumber(`${where}: axis`, each, {integer: true, min: -6, max: 5});
  if (axes.length > 0 && new Set(axes).size === axes.length) return;
  fail('ERR_OPTION', `${where}: axis: expected axes such as [0, 1, 2], each once. Received ${show(axis)}.`);
}

/** As JSON. */
const plainAxis = (axis: Axes | undefined): number | number[] | undefined =>
  axis === undefined || typeof axis === 'number' ? axis : Array.from(axis);

/** Limits norms to `maxValue` (Srivastava et al. 2014). */
export function maxNorm(options: NormOptions & {readonly maxValue?: number} = {}): Constraint {
  checkOptions('constraints.maxNorm', options, ['maxValue', 'axis']);
  const {maxValue = 2, axis = 0} = options;
  checkNumber('constraints.maxNorm: maxValue', maxValue, {above: 0});
  checkAxis('constraints.maxNorm', axis);
  return named('maxNorm', {maxValue: options.maxValue, axis: plainAxis(options.axis)}, (weight: Tensor) => {
    const norm = normOf(weight, axis);
    return mul(weight, div(minimum(norm, maxValue), add(norm, epsilon)));
  });
}

/** Makes negative weights 0. */
export function nonNeg(options: Readonly<Record<string, never>> = {}): Constraint {
  checkOptions('constraints.nonNeg', options, []);
  return named('nonNeg', {}, (weight: Tensor) => relu(weight));
}

/** Scales norms to 1. */
export function unitNorm(options: NormOptions = {}): Constraint {
  checkOptions('constraints.unitNorm', options, ['axis']);
  const {axis = 0} = options;
  checkAxis('constraints.unitNorm', axis);
  return named('unitNorm', {axis: plainAxis(options.axis)}, (weight: Tensor) =>
    div(weight, add(normOf(weight, axis), epsilon)),
  );
}

/** Moves norms into `minValue`…`maxValue`, or the fraction `rate` of the way there. */
export function minMaxNorm(
  options: NormOptions & {
    readonly minValue?: number;
    readonly maxValue?: number;
    readonly rate?: number;
  } = {},
): Constraint {
  checkOptions('constraints.minMaxNorm', options, ['minValue', 'maxValue', 'rate', 'axis']);
  const {minValue = 0, maxValue = 1, rate = 1, axis = 0} = options;
  checkNumber('constraints.minMaxNorm: minValue', minValue, {min: 0});
  checkNumber('constraints.minMaxNorm: maxValue', maxValue, {min: minValue, above: 0});
  checkNumber('constraints.minMaxNorm: rate', rate, {min: 0, max: 1});
  checkAxis('constraints.minMaxNorm', axis);
  return named('minMaxNorm', {...options, axis: plainAxis(options.axis)}, (weight: Tensor) => {
    const norm = normOf(weight, axis);
    const clipped = maximum(minimum(norm, maxValue), minValue);
    const wanted = add(mul(clipped, rate), mul(norm, 1 - rate));
    return mul(weight, div(wanted, add(norm, epsilon)));
  });
}
