// Recipes that differ in their sizes alone have one form. The sizes of one are a list: of the shapes of its
// operands, and of the attributes that set shapes.
import {isNumericArray, isObject, typedArrayName} from '../core/kinds.ts';
import type {TensorSpec} from '../core/tensor.ts';

export interface Form {
  /** Equal for all that differ in their sizes alone. */
  readonly id: number;
  readonly sizes: readonly number[];
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

/** A value with something else in the place of each whole number in it, in their order. */
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

/** `of` tells what computes it from all else. */
export function formOf(of: string, {specs, attributes}: Sized): Form {
  const sizes: number[] = [];
  const dtypes = specs.map(({shape, dtype}) => {
    sizes.push(...shape);
    return [dtype, shape.length];
  });
  const rest = replaced(attributes, size => {
    sizes.push(size);
    return '#';
  });
  return {id: idOf(JSON.stringify([of, dtypes, rest], asText)), sizes};
}

/** The same of other sizes, from `from` on in a list. */
export function withSizes({specs, attributes}: Sized, sizes: readonly number[], from: number): Sized {
  let next = from;
  const take = (): number => sizes[next++] as number;
  const own = specs.map(({shape, dtype}) => ({shape: shape.map(take), dtype}));
  return {specs: own, attributes: replaced(attributes, take) as object};
}
