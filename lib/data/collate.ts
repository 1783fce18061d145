// Combines elements into a batch: numbers become [batch], rows of any shape [batch, …shape].

import {type DType, dtypeOfArray, dtypes} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isShaped} from '../core/kinds.ts';
import {isInt32, numberOf} from '../core/numbers.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../core/shape.ts';
import {
  checkSize,
  fromNested,
  type NestedArray,
  type NumberArray,
  type NumericArray,
  readable,
  type ShapedArray,
  type ShapedInput,
} from './arrays.ts';
import {holdsText, type NestedText, type ShapedText, shapedText, showShort} from './text.ts';
import {isRecord} from './tree.ts';

/** The type of a batch of such elements. */
export type Batched<Element> = Element extends string | NestedText | ShapedText
  ? ShapedText
  : BatchedNumbers<Element>;

/** The same of elements that hold no text. */
export type BatchedNumbers<Element> = Element extends
  | number
  | boolean
  | bigint
  | NumericArray
  | ShapedInput
  | NestedArray
  | undefined
  ? ShapedArray
  : Element extends object
    ? {[Name in keyof Element]: Batched<Element[Name]>}
    : ShapedArray;

interface Leaf {
  readonly data: NumberArray | readonly [number];
  /** Of the array; a plain number has none. */
  readonly dtype: DType | undefined;
  readonly shape: Shape;
  readonly scale: number;
}

/** A value of an element as an array with its shape. @throws ERR_DTYPE, ERR_VALUE or ERR_SHAPE */
export function leafOf(what: string, value: unknown): Leaf {
  const number = numberOf(value);
  if (number !== undefined) {
    return {data: [number], dtype: undefined, shape: [], scale: 1};
  }
  if (typeof value === 'string') {
    const instead = 'the first is none: map it to a number, or leave it out';
    fail('ERR_DTYPE', `${what} is text, ${showShort(value)}, and ${instead}.`);
  }
  if (value === undefined || value === null) {
    fail('ERR_VALUE', `${what} is missing: filter such elements out, or map them to a number.`);
  }
  if (Array.isArray(value)) {
    return {dtype: 'float32', scale: 1, ...fromNested(what, value as NestedArray, false, 'position')};
  }
  if (isShaped(value)) {
    const {data: given, shape, scale = 1} = value as ShapedInput;
    const data = readable(what, given);
    checkSize(what, data, shape);
    return {data, dtype: dtypeOfArray(data), shape, scale};
  }
  const data = readable(what, value);
  return {data, dtype: dtypeOfArray(data), shape: [data.length], scale: 1};
}

/** Plain integers of which a float32 could not hold every one. */
function needInt32(leaves: readonly Leaf[]): boolean {
  if (leaves.some(({dtype}) => dtype !== undefined)) return false;
  const numbers = leaves.map(({data}) => data[0] as number);
  return numbers.every(isInt32) && numbers.some(number => Math.fround(number) !== number);
}

/** Elements of one shape. @throws ERR_SHAPE */
function checkSameShape(what: string, leaves: readonly {readonly shape: Shape}[]): void {
  const [first] = leaves as [Leaf];
  const odd = leaves.findIndex(({shape}) => !sameShape(shape, first.shape));
  if (odd <= 0) return;
  const received = formatShape((leaves[odd] as Leaf).shape);
  const wanted = formatShape(first.shape);
  fail('ERR_SHAPE', `${what}: element ${odd} has the shape ${received} where the first has ${wanted}.`);
}

function collateTexts(what: string, values: readonly unknown[]): ShapedText {
  const leaves = values.map((value, index) => {
    if (holdsText(value)) return shapedText(`${what}: element ${index}`, value);
    const received = `element ${index} is no text as the first is. Received ${showShort(value)}`;
    return fail('ERR_DTYPE', `${what}: ${received}.`);
  });
  checkSameShape(what, leaves);
  const [{shape}] = leaves as [ShapedText];
  return {data: leaves.flatMap(({data}) => data), shape: [leaves.length, ...shape]};
}

/**
 * Arrays keep their type and scale if all have the same, and become float32 otherwise; so do numbers, but for
 * integers that would be rounded.
 */
function collateLeaves(what: string, values: readonly unknown[]): ShapedArray {
  const leaves = values.map((value, index) => leafOf(`${what}: element ${index}`, value));
  const [first] = leaves as [Leaf];
  const width = sizeOf(first.shape);
  checkSameShape(what, leaves);
  const {dtype} = first;
  const kept = leaves.every(leaf => leaf.dtype === dtype && leaf.scale === first.scale) && dtype;
  const {array, bytes} = dtypes[kept || (needInt32(leaves) ? 'int32' : 'float32')];
  const length = leaves.length * width;
  const data = new array(new ArrayBuffer(length * bytes), 0, length) as NumberArray;
  leaves.forEach((leaf, index) => {
    if (kept || leaf.scale === 1) data.set(leaf.data, index * width);
    else for (let at = 0; at < width; at++) data[index * width + at] = (leaf.data[at] as number) * leaf.scale;
  });
  const shape = [leaves.length, ...first.shape];
  return {data, shape, ...(kept && first.scale !== 1 && {scale: first.scale})};
}

/**
 * A batch of elements of the same structure.
 *
 * @throws ERR_SHAPE or ERR_DTYPE naming the value that does not fit the others.
 */
export function collate<Element>(elements: readonly Element[], path = ''): Batched<Element> {
  const [first] = elements;
  const what = path === '' ? 'batch' : `batch: ${path}`;
  if (!isRecord(first) && holdsText(first)) return collateTexts(what, elements) as Batched<Element>;
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
