// The words of a plan, laid out as native/plan.h says.
import {dtypes} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import type {GuardKind, TensorSpec} from '../core/tensor.ts';
import {
  guardKinds,
  header,
  headerWords,
  type IoSlot,
  ioFlags,
  items,
  maxRank,
  planMagic,
  planVersion,
  spaces,
} from '../plan.ts';
import type {Place} from './memory.ts';

/** A value in the tables of a plan, and where it is. */
export type PlacedValue = readonly [value: TensorSpec & {readonly name: string}, place: Place];

export interface PlanParts {
  readonly stateUnits: number;
  readonly arenaUnits: number;
  readonly io: readonly IoSlot[];
  readonly values: readonly PlacedValue[];
  /** Values and scopes by number. */
  readonly guards: readonly {
    readonly value: number;
    readonly kind: GuardKind;
    readonly scope: number;
    readonly iterations: number;
  }[];
  readonly literals: Int32Array;
  readonly body: readonly number[];
  /** Where in the body these phases begin. */
  readonly exchangeAt: number;
  readonly commitAt: number;
}

/** Words of a row of each table. */
const ioWords = 10;
const valueWords = 11;
const guardWords = 4;

export function planWords({io, values, guards, literals, body, ...given}: PlanParts): Int32Array {
  const tables = ioWords * io.length + valueWords * values.length + guardWords * guards.length;
  const words = new Int32Array(headerWords + tables + literals.length + body.length);
  words[header.magic] = planMagic;
  words[header.version] = planVersion;
  words[header.wordCount] = words.length;
  words[header.stateUnits] = given.stateUnits;
  words[header.arenaUnits] = given.arenaUnits;
  words[header.ioCount] = io.length;
  words[header.valueCount] = values.length;
  words[header.guardCount] = guards.length;
  words[header.literalWords] = literals.length;
  words[header.bodyWords] = body.length;
  words[header.exchangeAt] = given.exchangeAt;
  words[header.commitAt] = given.commitAt;
  let at = headerWords;
  for (const slot of io) at = writeIo(words, at, slot);
  for (const value of values) at = writeValue(words, at, value);
  for (const {value, kind, scope, iterations} of guards) {
    words[at++] = value;
    words[at++] = guardKinds.indexOf(kind);
    words[at++] = scope;
    words[at++] = iterations;
  }
  words.set(literals, at);
  words.set(body, at + literals.length);
  return words;
}

/** An instruction of the body: its signature, scope and operands by number. */
export function instructionWords(instruction: {
  readonly signature: number;
  readonly scope: number;
  readonly outputs: readonly number[];
  readonly inputs: readonly number[];
  readonly attributes: readonly number[];
}): number[] {
  const {signature, scope, outputs, inputs, attributes} = instruction;
  const rest = [signature, scope, outputs.length, inputs.length, attributes.length];
  const length = 2 + rest.length + outputs.length + inputs.length + attributes.length;
  return [items.instruction, length, ...rest, ...outputs, ...inputs, ...attributes];
}

/** A word. */
const largestStride = 2 ** 31 - 1;

/** Rank and sizes; returns where the next word goes. */
function writeShape(words: Int32Array, from: number, shape: Shape, name: string): number {
  if (shape.length > maxRank) {
    fail('ERR_SHAPE', `compile: ${name} has ${formatShape(shape)}; at most ${maxRank} axes are possible.`);
  }
  let at = from;
  words[at++] = shape.length;
  for (let axis = 0; axis < maxRank; axis++) words[at++] = shape[axis] ?? 1;
  return at;
}

function writeIo(words: Int32Array, from: number, {name, shape, dtype, output, perStep}: IoSlot): number {
  words[from] = dtypes[dtype].code;
  words[from + 1] = (output ? ioFlags.output : 0) | (shape[0] === -1 ? ioFlags.dynamicRows : 0);
  const at = writeShape(words, from + 2, shape, name);
  const stride = perStep ? sizeOf(shape) : 0;
  if (stride > largestStride) {
    const most = `a step can read or give ${largestStride} numbers at most`;
    fail('ERR_SHAPE', `compile: ${name} has ${formatShape(shape)}; ${most}: make the batch smaller.`);
  }
  words[at] = stride;
  return at + 1;
}

function writeValue(words: Int32Array, from: number, [value, place]: PlacedValue): number {
  words[from] = spaces.indexOf(place.space);
  words[from + 1] = place.position;
  words[from + 2] = dtypes[value.dtype].code;
  const at = writeShape(words, from + 3, value.shape, value.name);
  words[at] = place.offset;
  return at + 1;
}
