import type {TypedArray} from '../core/dtype.ts';
import type {Plan} from '../plan.ts';
import type {State} from './state.ts';

const dumpMagic = 0x504c5243;

/**
 * A run as bytes, which `native/tools/replay` repeats without Node; native/tools/dump.h documents the format.
 * `io` holds the array of each slot of the plan, in order.
 */
export function dumpRun(
  plan: Plan,
  state: State | undefined,
  io: readonly TypedArray[],
  steps: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const word = (value: number) => parts.push(new Uint8Array(new Int32Array([value]).buffer));
  const block = (bytes: Uint8Array, padding: number) => {
    word(bytes.length);
    parts.push(bytes, new Uint8Array((padding - (bytes.length % padding)) % padding));
  };
  const bytesOf = (array: TypedArray) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (const value of [dumpMagic, 1, steps, plan.words.length]) word(value);
  parts.push(bytesOf(plan.words));
  word(plan.signatures.length);
  for (const signature of plan.signatures) block(new TextEncoder().encode(signature), 4);
  block(state ? bytesOf(state.view('uint8', 0, state.byteLength)) : new Uint8Array(0), 4);
  word(io.length);
  for (const array of io) block(bytesOf(array), 8);
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
