// Runs graphs natively and compares: with the oracle within a bound, or bit by bit.
import {expect} from 'vitest';
import {type DType, dtypes, numbersOf, type TypedArray} from '../../lib/core/dtype.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {nativeInfo} from '../../lib/runtime/program.ts';
import {type CompiledProgram, compileProgram, type ProgramRequest} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import type {Values} from '../reference.ts';
import {ulp} from './bounds.ts';
import type {Program} from './build.ts';

export {deep} from '../support/child.ts';

/** Instruction sets that this machine runs, the plainest first. */
export const isas: readonly string[] = [...nativeInfo().isas].reverse();

export interface RunWith {
  readonly isa?: string;
  readonly passes?: ProgramRequest['passes'];
  /** Arrays begin this many elements after an aligned address. */
  readonly offset?: number;
}

const nameOf = (tensor: Tensor): string => (tensor.call.attributes as {name: string}).name;

/** The same numbers, `offset` elements into a larger buffer. */
export function placed(data: TypedArray, offset: number): TypedArray {
  const Constructor = data.constructor as new (length: number) => TypedArray;
  const copy = new Constructor(data.length + offset).subarray(offset);
  copy.set(data);
  return copy;
}

/** What no kernel may touch stands before and after every result. */
const poison = 0xa5;
const zoneBytes = 64;

function resultArray({dtype, size}: Tensor, offset: number): TypedArray {
  const {array, bytes} = dtypes[dtype];
  const buffer = new SharedArrayBuffer(2 * zoneBytes + (size + offset) * bytes);
  new Uint8Array(buffer).fill(poison);
  return new array(buffer, zoneBytes + offset * bytes, size);
}

function expectZones(name: string, {buffer, byteOffset, byteLength}: TypedArray): void {
  const before = new Uint8Array(buffer, 0, byteOffset);
  const after = new Uint8Array(buffer, byteOffset + byteLength);
  const whole = [before, after].every(zone => zone.every(byte => byte === poison));
  if (!whole) throw new Error(`${name}: something was written outside of it`);
}

interface Prepared {
  readonly compiled: CompiledProgram;
  readonly inputs: Record<string, TypedArray>;
  readonly outputs: Record<string, TypedArray>;
  /** Checks how the run went. Updated variables stand among the results under their names. */
  finish(end: string): Record<string, TypedArray>;
}

function prepare(program: Program, {isa, passes, offset = 0}: RunWith): Prepared {
  const {outputs, updates} = program;
  const store = new VariableStore();
  store.add(program.variables.map(([owner]) => owner));
  for (const [owner, {data}] of program.variables) store.write(owner, data);
  const options = {...(isa !== undefined && {isa}), ...(passes && {passes})};
  const compiled = compileProgram({outputs, updates, store, ...options});
  const given = program.inputs.map(([tensor, {data}]) => [nameOf(tensor), placed(data, offset)] as const);
  const results = Object.entries(outputs).map(([name, y]) => [name, resultArray(y, offset)] as const);
  const finish = (end: string): Record<string, TypedArray> => {
    expect(end).toBe('done');
    for (const [name, array] of results) expectZones(name, array);
    const updated = updates.map(([owner]) => [owner.name, store.read(owner)] as const);
    return Object.fromEntries([...results, ...updated]);
  };
  return {compiled, inputs: Object.fromEntries(given), outputs: Object.fromEntries(results), finish};
}

/** Compiles and runs once, on the calling thread. */
export function runNative(program: Program, options: RunWith = {}): Record<string, TypedArray> {
  const {compiled, inputs, outputs, finish} = prepare(program, options);
  return finish(compiled.runSync(inputs, {outputs}).end);
}

/** The same on the executor's threads. */
export async function runOnThreads(
  program: Program,
  options: RunWith = {},
): Promise<Record<string, TypedArray>> {
  const {compiled, inputs, outputs, finish} = prepare(program, options);
  return finish((await compiled.run(inputs, {outputs})).end);
}

/** Results of an op in its own order, whichever way they came back. */
export function inOrder(program: Program, results: Record<string, TypedArray>): TypedArray[] {
  const names =
    program.updates.length > 0 ? program.updates.map(([{name}]) => name) : Object.keys(program.outputs);
  return names.map(name => results[name] as TypedArray);
}

/** Throws unless every element lies within its bound of the exact value, plus the rounding to its dtype. */
export function expectNear(
  elements: TypedArray,
  exact: Values,
  bound: Values,
  what: string,
  dtype?: DType,
): void {
  const actual = dtype ? numbersOf(elements, dtype) : elements;
  if (actual.length !== exact.length)
    throw new Error(`${what}: ${actual.length} elements, not ${exact.length}`);
  for (let i = 0; i < exact.length; i++) {
    const [a, e, room] = [actual[i] as number, exact[i] as number, bound[i] as number];
    const rounded = actual instanceof Float32Array ? Math.fround(e) : e;
    if (a === rounded || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const half = actual instanceof Float32Array ? ulp(e) / 2 : 0;
    if (room > 0 && Math.abs(a - e) <= room + half) continue;
    throw new Error(`${what}: element ${i} is ${a}, exactly ${e}, within ${room}`);
  }
}

/** Throws unless both hold the same bits; a NaN must meet a NaN, whatever its payload. */
export function expectSameBits(a: TypedArray, b: TypedArray, what: string): void {
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} and ${b.length} elements`);
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    throw new Error(`${what}: element ${i} is ${a[i]} and ${b[i]}`);
  }
}

export function expectSameResults(
  a: Record<string, TypedArray>,
  b: Record<string, TypedArray>,
  what: string,
): void {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const name of Object.keys(a)) {
    expectSameBits(a[name] as TypedArray, b[name] as TypedArray, `${what}, ${name}`);
  }
}
