// Recipes that differ in their sizes alone have one form. The sizes of one are a list: of the shapes of its
// operands, and of the attributes that set shapes.
import {isNumericArray, isObject, typedArrayName} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import type {TensorSpec} from '../core/tensor.ts';
import type {Growth} from './rule.ts';

export interface Form {
  /** Equal for all that differ in their sizes alone. */
  readonly id: number;
  readonly sizes: readonly number[];
  /** For each operand the place of its first size, where that may grow. */
  readonly firsts: readonly (number | undefined)[];
}

/** Which sizes of a rule may grow: see `Rule`; and what its operands are called. */
export interface Growing {
  readonly growth: Growth;
  readonly names: readonly string[];
}

/** What of a recipe has sizes. */
export interface Sized {
  readonly specs: readonly TensorSpec[];
  readonly attributes: object;
}

/** Forms that are remembered. When there are more, all are forgotten; their numbers are not used again. */
const mostForms = 8192;
const known = new Map<string, number>();
let ids = 0;

function idOf(key: string): number {
  let id = known.get(key);
  if (id === undefined) {
    id = ids++;
    if (known.size >= mostForms) known.clear();
    known.set(key, id);
  }
  return id;
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0);

/** A value with something else in the place of each integer in it, in their order. */
function replaced(value: unknown, replace: (size: number) => unknown): unknown {
  if (isSize(value)) return replace(value);
  if (Array.isArray(value)) return value.map(each => replaced(each, replace));
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, replaced(each, replace)]));
}

/** JSON knows neither these numbers nor typed arrays. */
const asText = (_: string, value: unknown): unknown => {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return isNumericArray(value) ? [typedArrayName(value), Array.from(value as Float32Array)] : value;
};

/** Operands of kernels over windows that have no samples along their first axis. */
const weights: readonly string[] = ['filter', 'bias', 'preluActivationWeights'];

/** Whether an operand has samples along its first axis, as far as the rule says. */
const holdsSamples = ({growth, names}: Growing, index: number): boolean =>
  growth === 'any' || (growth === 'samples' && !weights.includes(names[index] as string));

/** With something else in the place of each size that may follow from a number of rows, in their order. */
function traversed(
  {specs, attributes}: Sized,
  growing: Growing,
  replace: (size: number) => unknown,
): {readonly shapes: readonly (readonly unknown[])[]; readonly attributes: object} {
  const {growth} = growing;
  const first = (shape: readonly number[]): unknown[] =>
    shape.map((size, axis) => (axis === 0 ? replace(size) : size));
  if (growth === 'any') {
    const shapes = specs.map(({shape}) => shape.map(replace));
    return {shapes, attributes: replaced(attributes, replace) as object};
  }
  const shapes = specs.map(({shape}, index) => (holdsSamples(growing, index) ? first(shape) : shape));
  const {inputShape} = attributes as {readonly inputShape?: readonly number[]};
  const isGiven = growth === 'samples' && Array.isArray(inputShape);
  return {shapes, attributes: isGiven ? {...attributes, inputShape: first(inputShape)} : attributes};
}

/** `of` tells what computes it from all else. The sizes of results come last: they are but compared. */
export function formOf(of: string, sized: Sized, growing: Growing, results: readonly Shape[]): Form {
  const sizes: number[] = [];
  const {shapes, attributes} = traversed(sized, growing, size => {
    sizes.push(size);
    return '#';
  });
  for (const shape of results) sizes.push(...shape);
  const dtypes = sized.specs.map(({dtype}) => dtype);
  let next = 0;
  const firsts = shapes.map(shape => {
    const place = shape[0] === '#' ? next : undefined;
    next += shape.filter(size => size === '#').length;
    return place;
  });
  return {id: idOf(JSON.stringify([of, dtypes, shapes, attributes], asText)), sizes, firsts};
}

/** The same of other sizes, from `from` on in a list. */
export function withSizes(sized: Sized, growing: Growing, sizes: readonly number[], from: number): Sized {
  let next = from;
  const {shapes, attributes} = traversed(sized, growing, () => sizes[next++]);
  const specs = sized.specs.map(({dtype}, index) => ({shape: shapes[index] as number[], dtype}));
  return {specs, attributes};
}
