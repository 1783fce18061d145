// Elements put together into a batch: numbers become [batch], rows of any shape [batch, …shape].
import {fail} from '../core/errors.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {
  dtypeOf,
  fromNested,
  isShaped,
  type NestedArray,
  type NumberArray,
  type ShapedArray,
} from './arrays.ts';
import {isRecord} from './tree.ts';

/** What a batch holds where an element holds a value. */
export type Batched<Element> = Element extends
  | number
  | boolean
  | NumberArray
  | ShapedArray
  | NestedArray
  | undefined
  ? ShapedArray
  : Element extends object
    ? {[Name in keyof Element]: Batched<Element[Name]>}
    : ShapedArray;

interface Leaf {
  readonly data: NumberArray | readonly [number];
  readonly shape: Shape;
  readonly scale: number;
}

function leafOf(what: string, value: unknown): Leaf {
  if (typeof value === 'number') return {data: [value], shape: [], scale: 1};
  if (typeof value === 'boolean') return {data: [Number(value)], shape: [], scale: 1};
  if (typeof value === 'string') {
    fail('ERR_DTYPE', `${what} is text, ${JSON.stringify(value)}: map it to a number, or leave it out.`);
  }
  if (value === undefined || value === null) {
    fail('ERR_VALUE', `${what} is missing: filter such elements out, or map them to a number.`);
  }
  if (Array.isArray(value)) return {scale: 1, ...fromNested(what, value as NestedArray, false)};
  if (isShaped(value)) {
    const {data, shape, scale = 1} = value;
    dtypeOf(what, data);
    if (data.length !== sizeOf(shape)) {
      fail('ERR_SHAPE', `${what}: ${data.length} values do not fill the shape ${formatShape(shape)}.`);
    }
    return {data, shape, scale};
  }
  dtypeOf(what, value);
  return {data: value as NumberArray, shape: [(value as NumberArray).length], scale: 1};
}

/** Arrays keep their type and scale where all have the same, and become float32 otherwise. */
function collateLeaves(what: string, values: readonly unknown[]): ShapedArray {
  const leaves = values.map(value => leafOf(what, value));
  const [first] = leaves as [Leaf];
  const width = sizeOf(first.shape);
  const odd = leaves.findIndex(({shape}) => !sameShape(shape, first.shape));
  if (odd > 0) {
    const received = formatShape((leaves[odd] as Leaf).shape);
    const wanted = formatShape(first.shape);
    fail('ERR_SHAPE', `${what}: element ${odd} has the shape ${received} where the first has ${wanted}.`);
  }
  const alike = leaves.every(
    ({data, scale}) => data.constructor === first.data.constructor && scale === first.scale,
  );
  const kept = alike && !Array.isArray(first.data);
  const length = leaves.length * width;
  const data = kept ? newLike(first.data as NumberArray, length) : new Float32Array(length);
  leaves.forEach((leaf, index) => {
    if (kept || leaf.scale === 1) data.set(leaf.data, index * width);
    else for (let at = 0; at < width; at++) data[index * width + at] = (leaf.data[at] as number) * leaf.scale;
  });
  const shape = [leaves.length, ...first.shape];
  return {data, shape, ...(kept && first.scale !== 1 && {scale: first.scale})};
}

/** Of plain type: a Node Buffer gives a Uint8Array. */
function newLike(array: NumberArray, length: number): NumberArray {
  if (array instanceof Float32Array) return new Float32Array(length);
  return array instanceof Int32Array ? new Int32Array(length) : new Uint8Array(length);
}

/**
 * A batch of elements of the same structure.
 *
 * @throws ERR_SHAPE or ERR_DTYPE naming the value that does not fit the others.
 */
export function collate<Element>(elements: readonly Element[], path = ''): Batched<Element> {
  const [first] = elements;
  const what = path === '' ? 'batch' : `batch: ${path}`;
  if (!isRecord(first)) return collateLeaves(what, elements) as Batched<Element>;
  const names = Object.keys(first);
  const entries = names.map(name => {
    const values = elements.map((element, index) => {
      if (isRecord(element) && name in element) return element[name];
      return fail('ERR_VALUE', `${what}: element ${index} has no ${JSON.stringify(name)}.`);
    });
    return [name, collate(values, path === '' ? name : `${path}.${name}`)];
  });
  return Object.fromEntries(entries) as Batched<Element>;
}
