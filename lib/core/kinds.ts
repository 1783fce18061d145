// Decides what a value is by its nature, not by the identity of a constructor or prototype: values from
// another realm (a vm context, a test runner's sandbox) are what they are here.
import {types} from 'node:util';

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** An object literal, of whatever realm, or an object without a prototype; not an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** An array with its shape: `{data, shape}`. */
export function isShaped(value: unknown): value is {readonly data: unknown; readonly shape: unknown} {
  return isObject(value) && 'data' in value && 'shape' in value;
}

/** Values by name: an object that is no array, no typed array and no `{data, shape}`. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value) && !ArrayBuffer.isView(value) && !isShaped(value);
}

/** A class, which must be called with `new`. */
export function isClass(value: unknown): value is new (options: object) => object {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

export function isUrl(value: unknown): value is URL {
  return Object.prototype.toString.call(value) === '[object URL]';
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

/** A Uint8Array, or Node's Buffer. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}
