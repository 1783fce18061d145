// Decides what a value is by its nature, not by the identity of a constructor or prototype: values from
// another realm (a vm context, a test runner's sandbox) and from a second copy of this package are what they
// are here. Every other module asks this one.
import {types} from 'node:util';

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const isRoot = (prototype: object): boolean =>
  Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');

/** An object literal of this realm: the usual case, told apart at once. */
const isLiteral = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/** An object literal, of whatever realm, or an object without a prototype; not an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  if (isLiteral(value)) return true;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || isRoot(prototype);
}

// Marks: what the parts of this package carry on their prototypes, the same in every copy of it.

export type Kind = 'error' | 'tensor' | 'symbolic tensor' | 'layer' | 'data set' | 'table' | 'model' | 'part';

const kinds: readonly Kind[] = ['error', 'tensor', 'symbolic tensor', 'layer', 'data set', 'model', 'part'];

// Made once: these are looked up for every array of every call.
const symbols = Object.fromEntries(
  [...kinds, 'table' as const].map(kind => [kind, Symbol.for(`chainrule.${kind}`)]),
) as Readonly<Record<Kind, symbol>>;

/** Stands for this copy of the package. */
const copy = {};

const markOf = (value: unknown, kind: Kind): unknown =>
  isObject(value) || typeof value === 'function'
    ? (value as unknown as Record<symbol, unknown>)[symbols[kind]]
    : undefined;

/** Marks an object, or the instances of a class by its prototype. */
export function mark(target: object, kind: Kind): void {
  Object.defineProperty(target, symbols[kind], {value: copy});
}

/** Whether this copy of the package made it. */
export const isOwn = (value: unknown, kind: Kind): boolean => markOf(value, kind) === copy;

/** Whether some copy of the package made it. */
export const isMarked = (value: unknown, kind: Kind): boolean => markOf(value, kind) !== undefined;

/** What another copy of the package made, which cannot be part of what this one makes. */
export function foreignKind(value: unknown): Kind | undefined {
  return kinds.find(kind => isMarked(value, kind) && !isOwn(value, kind));
}

// Arrays.

const arrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)?.get as () => string | undefined;

/** What Float16Array is, where the engine has it: Node 24 and later. */
export interface Float16Numbers extends ArrayBufferView {
  readonly [Symbol.toStringTag]: 'Float16Array';
  readonly length: number;
  readonly [at: number]: number;
}

/** Any array of numbers in memory. */
export type NumericArray =
  | Float16Numbers
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** `Float32Array`, …, also for a class that extends it; undefined for what is no typed array. */
export const typedArrayName = (value: unknown): string | undefined =>
  isObject(value) ? arrayTag.call(value) : undefined;

/** What a package offers as a Float16Array where the engine has none: its numbers lie elsewhere. */
const isFloat16Substitute = (value: unknown): boolean =>
  tagOf(value) === 'Float16Array' && !types.isTypedArray(value);

export function isNumericArray(value: unknown): value is NumericArray {
  return types.isTypedArray(value);
}

/** An array or a typed array: what stands around numbers in nested arrays. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) || types.isTypedArray(value);
}

/** An array with its shape: `{data, shape}`. */
export function isShaped(value: unknown): value is {readonly data: unknown; readonly shape: unknown} {
  return isObject(value) && !isList(value) && 'data' in value && 'shape' in value;
}

// Objects of named values.

/** Objects of the language and of Node that hold something else than named values. */
function isBuiltIn(value: object): boolean {
  return (
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isPromise(value) ||
    types.isBoxedPrimitive(value) ||
    types.isNativeError(value) ||
    isUrl(value) ||
    isFloat16Substitute(value)
  );
}

export const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> => types.isMap(value);

const isSequence = (value: object): boolean => Symbol.iterator in value || Symbol.asyncIterator in value;

/** Values by name: an object literal, or an object of a class, that is nothing else. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value) || isList(value) || isSequence(value) || isShaped(value)) return false;
  // A literal of this realm, as most are, can only be marked itself.
  if (isLiteral(value)) return !isMarked(value, 'part');
  return !isBuiltIn(value) && !isMarked(value, 'table') && kinds.every(kind => !isMarked(value, kind));
}

/** A Map as the object of the same entries, and anything else as it is. */
export function fromMap(value: unknown): unknown {
  return isMap(value) ? Object.fromEntries(value as Map<PropertyKey, unknown>) : value;
}

/** The name of the class that an object is of; undefined for a plain object. */
export function classNameOf(value: object): string | undefined {
  const name = (value as {constructor?: {name?: unknown}}).constructor?.name;
  return !isPlainObject(value) && typeof name === 'string' && name !== '' ? name : undefined;
}

/** What an object inherits, up to the root of all objects. */
function* prototypesOf(value: object): Generator<object> {
  let prototype: object | null = Object.getPrototypeOf(value);
  while (prototype !== null && !isRoot(prototype)) {
    yield prototype;
    prototype = Object.getPrototypeOf(prototype);
  }
}

/** Every object has these, and classes may define them. */
const common = ['constructor', 'toString', 'toLocaleString', 'valueOf', 'toJSON'];

/** Names of all that a reader of an object may find: its own, and those of its classes. */
export function memberNames(value: object): string[] {
  if (isLiteral(value)) return Object.keys(value);
  const inherited = [...prototypesOf(value)].flatMap(prototype => Object.getOwnPropertyNames(prototype));
  return [...new Set([...Object.keys(value), ...inherited.filter(name => !common.includes(name))])];
}

/** The same without the methods of classes: own values and accessors. */
export function fieldNames(value: object): string[] {
  const inherited = [...prototypesOf(value)].flatMap(prototype =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([, {get, enumerable}]) => get !== undefined || enumerable)
      .map(([name]) => name),
  );
  return [...new Set([...Object.keys(value), ...inherited])];
}

/** An object of a class with all that can be read of it as an own value, as a literal has it. */
export function plainCopy(value: object): Record<string, unknown> {
  const values = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(memberNames(value).map(name => [name, values[name]]));
}

// Functions, errors, and what programs get from Node.

/** A class, which must be called with `new`. */
export function isClass(value: unknown): value is new (options: object) => object {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value) || tagOf(value) === 'DOMException';
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

export function isUrl(value: unknown): value is URL {
  return tagOf(value) === 'URL';
}

export function isAbortSignal(value: unknown): value is AbortSignal {
  return isObject(value) && 'aborted' in value && 'addEventListener' in value;
}

export function isSharedMemory(buffer: unknown): buffer is SharedArrayBuffer {
  return types.isSharedArrayBuffer(buffer);
}

/** Whether a buffer can change its size while it is read. */
export function isResizable(buffer: ArrayBufferLike): boolean {
  const {resizable, growable} = buffer as {resizable?: boolean; growable?: boolean};
  return resizable === true || growable === true;
}

/**
 * Whether the memory of an array has been transferred away: a detached buffer cannot be viewed, an empty one
 * can.
 */
export function isDetached({buffer}: ArrayBufferView): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

export function isFloats(value: unknown): value is Float32Array {
  return types.isFloat32Array(value);
}

/** A Uint8Array, or Node's Buffer. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return types.isPromise(value);
}

// Values in messages.

const maxShown = 8;

const article = (noun: string): string => `${/^[AEIOaeio]/.test(noun) ? 'an' : 'a'} ${noun}`;

function showObject(value: object): string {
  const foreign = foreignKind(value);
  if (foreign !== undefined) {
    return `${article(foreign)} of another copy of chainrule: there are two copies in this process`;
  }
  if (isFloat16Substitute(value)) {
    return 'a Float16Array (this engine has no Float16Array: Float32Array.from(array) makes one that it has)';
  }
  if (isBuiltIn(value)) return article(typedArrayName(value) ?? tagOf(value));
  const own = (value as {toString?: unknown}).toString;
  const isCustom = typeof own === 'function' && ![...rootStrings(value)].includes(own);
  if (isCustom) return String(value);
  const name = classNameOf(value);
  if (name !== undefined) return `an object of ${name}`;
  const keys = Object.keys(value);
  return `{${keys.slice(0, maxShown).join(', ')}${keys.length > maxShown ? ', …' : ''}}`;
}

/** The `toString` that all objects of a realm share. */
function* rootStrings(value: object): Generator<unknown> {
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at)) {
    if (isRoot(at)) yield (at as {toString: unknown}).toString;
  }
}

/** A value as messages show it: text in quotes, so that '1' is not 1; of an object, what it is. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (isClass(value)) return `the class ${value.name}`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (Array.isArray(value)) {
    const shown = Array.from(value.slice(0, maxShown), element => show(element));
    return `[${shown.join(',')}${value.length > maxShown ? ',…' : ''}]`;
  }
  return isObject(value) ? showObject(value) : String(value);
}
