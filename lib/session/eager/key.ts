// What finds a linked op: a hash of the shapes and types of its operands and of its attributes, and then an
// exact comparison.
import {dtypes} from '../../core/dtype.ts';
import {isObject} from '../../core/kinds.ts';
import type {TensorSpec} from '../../core/tensor.ts';

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/** FNV-1a over whole words. */
const mix = (hash: number, word: number): number => Math.imul(hash ^ word, 0x01000193);

function mixNumber(hash: number, value: number): number {
  if ((value | 0) === value) return mix(hash, value);
  float[0] = value;
  return mix(mix(hash, halves[0] as number), halves[1] as number);
}

function mixText(hash: number, text: string): number {
  let mixed = hash;
  for (let at = 0; at < text.length; at++) mixed = mix(mixed, text.charCodeAt(at));
  return mixed;
}

function mixAttribute(hash: number, value: unknown): number {
  if (typeof value === 'number') return mixNumber(hash, value);
  if (typeof value === 'string') return mixText(hash, value);
  if (!isObject(value)) return mix(hash, value === true ? 1 : 2);
  let mixed = hash;
  if (Array.isArray(value)) for (const element of value) mixed = mixAttribute(mixed, element);
  else for (const name in value) mixed = mixAttribute(mixed, value[name as never]);
  return mix(mixed, 3);
}

export function hashOf(specs: readonly TensorSpec[], attributes: object): number {
  let hash = 0x811c9dc5 | 0;
  for (const {shape, dtype} of specs) {
    hash = mix(hash, dtypes[dtype].code ^ (shape.length << 4));
    for (const size of shape) hash = mix(hash, size);
  }
  return mixAttribute(hash, attributes);
}

/** The same, whatever the sizes. */
export function hashOfTypes(specs: readonly TensorSpec[], attributes: object): number {
  let hash = 0x811c9dc5 | 0;
  for (const {dtype} of specs) hash = mix(hash, dtypes[dtype].code);
  return mixAttribute(hash, attributes);
}

/** Equal in all that a plan could depend on. */
export function sameAttribute(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return sameList(a, b as readonly unknown[]);
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  for (const name of names) {
    if (!Object.hasOwn(b, name) || !sameAttribute(a[name as never], b[name as never])) return false;
  }
  return true;
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!sameAttribute(a[at], b[at])) return false;
  return true;
}

export function sameSpecs(a: readonly TensorSpec[], b: readonly TensorSpec[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    const one = a[at] as TensorSpec;
    const other = b[at] as TensorSpec;
    if (one.dtype !== other.dtype || one.shape.length !== other.shape.length) return false;
    for (let axis = 0; axis < one.shape.length; axis++) {
      if (one.shape[axis] !== other.shape[axis]) return false;
    }
  }
  return true;
}

export function sameTypes(a: readonly TensorSpec[], b: readonly TensorSpec[]): boolean {
  return a.length === b.length && a.every(({dtype}, index) => dtype === b[index]?.dtype);
}
