// Options that layers of images have in common, checked; and the weights of kernels.
import {checkChoice, checkNumber, fail} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import type {Json} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import type {Padding, PerAxis} from '../../ops/spatial.ts';
import type {WeightOptions} from '../call-context.ts';
import {
  describeOption,
  type InitializerLike,
  toConstraint,
  toInitializer,
  toRegularizer,
} from '../resolve.ts';

/** Where the channels stand: `channelsLast`, the only one there is. */
export type DataFormat = 'channelsLast' | 'channelsFirst';

/** A number for both sides of all axes, a number or [before, after] for each axis. */
export type Sides = number | readonly (number | readonly [number, number])[];

const largest = 2 ** 24;

/** A number above 0 for all axes, or one for each. */
export function sizesOf(where: string, given: unknown, axes: number, min = 1): number[] {
  const list: unknown[] = isList(given) ? Array.from(given) : new Array(axes).fill(given);
  if (list.length !== axes) {
    fail('ERR_OPTION', `${where}: expected a number, or ${axes} of them. Received ${show(given)}.`);
  }
  for (const size of list) checkNumber(where, size, {integer: true, min, max: largest});
  return list as number[];
}

/** The same where it may be left out. */
export const givenSizes = (where: string, given: unknown, axes: number, min = 1): number[] | undefined =>
  given === undefined ? undefined : sizesOf(where, given, axes, min);

/** A number before and after all axes, one for both sides of each, or pairs. */
export function pairsOf(where: string, given: unknown, axes: number): [number, number][] {
  const list: unknown[] = isList(given) ? Array.from(given) : new Array(axes).fill(given);
  // Along one axis, two numbers are before and after.
  const sides = axes === 1 && list.length === 2 && !list.some(isList) ? [list] : list;
  if (sides.length !== axes) {
    const wanted = `a number, or a number or [before, after] for each of ${axes} axes`;
    fail('ERR_OPTION', `${where}: expected ${wanted}. Received ${show(given)}.`);
  }
  return sides.map(side => {
    const pair: unknown[] = isList(side) ? Array.from(side) : [side, side];
    if (pair.length !== 2) {
      fail('ERR_OPTION', `${where}: expected [before, after]. Received ${show(side)}.`);
    }
    for (const size of pair) checkNumber(where, size, {integer: true, min: 0, max: largest});
    return pair as [number, number];
  });
}

/** `valid`, `same`, `causal` where there is one axis, or numbers as `pairsOf` takes them. */
export function paddingOf(where: string, given: unknown, axes: number, causal = false): Padding {
  if (given === undefined) return 'valid';
  if (typeof given !== 'string') return pairsOf(where, given, axes);
  checkChoice(where, given, causal ? ['valid', 'same', 'causal'] : ['valid', 'same']);
  return given as Padding;
}

/** `before` axes of a sample, such as steps, stand before those of the image. */
export function checkDataFormat(where: string, given: unknown, axes: number, before = 0): void {
  if (given === undefined) return;
  checkChoice(where, given, ['channelsLast', 'channelsFirst']);
  if (given === 'channelsLast') return;
  const all = Array.from({length: before + 1 + axes}, (_, at) => at + 1);
  const [channels] = all.splice(before, 1);
  const permute = `layers.permute({dims: [${[...all, channels].join(', ')}]})`;
  fail('ERR_OPTION', `${where}: channels are the last axis here. Put ${permute} before the layer.`);
}

export const axisNames = [['steps'], ['height', 'width'], ['depth', 'height', 'width']];

/** Refuses samples that are no images of so many axes. */
export function checkSample(name: string, sample: Shape, axes: number): void {
  if (sample.length === axes + 1) return;
  const wanted = `[${[...(axisNames[axes - 1] as string[]), 'channels'].join(', ')}]`;
  const received = formatShape(sample);
  const instead =
    sample.length === axes
      ? `layers.reshape({targetShape: [${[...sample, 1].join(', ')}]}) before it gives each one channel`
      : 'layers.reshape before it gives them another shape';
  fail('ERR_SHAPE', `${name}: expected samples ${wanted}. Received ${received}; ${instead}.`);
}

/** Options of a weight, e.g. `kernelInitializer`, `kernelRegularizer` and `kernelConstraint`. */
export interface ChosenWeight {
  readonly options: WeightOptions;
  config(): Record<string, Json | undefined>;
}

export const weightOptions = (prefix: string): string[] =>
  ['Initializer', 'Regularizer', 'Constraint'].map(what => `${prefix}${what}`);

export function chosenWeight(
  given: object,
  prefix: string,
  initial: InitializerLike,
  where = 'layers',
): ChosenWeight {
  // Each is checked by what makes it.
  const all = given as Readonly<Record<string, never>>;
  const option = `${where}: ${prefix}`;
  const initializer = toInitializer(all[`${prefix}Initializer`] ?? initial, `${option}Initializer`);
  const regularizer = toRegularizer(all[`${prefix}Regularizer`], `${option}Regularizer`);
  const constraint = toConstraint(all[`${prefix}Constraint`], `${option}Constraint`);
  return {
    options: {initializer, regularizer, constraint},
    config: () => ({
      [`${prefix}Initializer`]: describeOption('initializer', all[`${prefix}Initializer`] && initializer),
      [`${prefix}Regularizer`]: describeOption('regularizer', regularizer),
      [`${prefix}Constraint`]: describeOption('constraint', constraint),
    }),
  };
}

/** An option that is a number for all axes, or a list, as JSON. */
export const plainSizes = (given: PerAxis | undefined): Json | undefined =>
  given === undefined || typeof given === 'number' ? given : Array.from(given);

/** Paddings as JSON. */
export const plainPadding = (given: unknown): Json | undefined =>
  isList(given)
    ? Array.from(given as ArrayLike<unknown>, each => plainPadding(each) as Json)
    : (given as Json | undefined);
