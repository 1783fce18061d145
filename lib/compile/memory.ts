// Pass 4: where each value lies. Values whose lives do not overlap share memory: the largest are placed
// first, each into the smallest gap that is free throughout its life (Pisarchyk and Lee 2020,
// arXiv 2001.03288).
import {fail} from '../core/errors.ts';
import {sameShape} from '../core/shape.ts';
import {type SpaceName, unitBytes} from '../plan.ts';
import {type Lives, livesOf, type Span} from './lives.ts';
import {bytesOf, type Instruction, ownerOf, type Schedule, type Step, type Value} from './steps.ts';

export interface Place {
  readonly space: SpaceName;
  /** Units of 64 bytes in state and arena, slot in io, word in literal: what stands in the plan. */
  readonly position: number;
}

export interface Memory {
  placeOf(value: Value): Place;
  readonly arenaUnits: number;
  /** The pool of constants. */
  readonly literals: Int32Array;
}

/** One piece of the arena, for a value and those that follow it in place. */
interface Slot {
  readonly units: number;
  readonly life: Span;
  offset: number;
}

const unitsOf = (bytes: number): number => Math.ceil(bytes / unitBytes);

export function planMemory(schedule: Schedule, inPlace = true): Memory {
  const lives = livesOf(schedule);
  const slots = makeSlots(schedule, lives, inPlace);
  const arenaUnits = placeSlots([...new Set(slots.values())]);
  const literals = new Literals();
  const placeOwner = (owner: Value): Place => {
    const {home} = owner;
    switch (home.space) {
      case 'state':
        return {space: 'state', position: home.byteOffset / unitBytes};
      case 'io':
        return {space: 'io', position: home.slot};
      case 'literal':
        return {space: 'literal', position: literals.add(owner)};
      default:
        return {space: 'arena', position: (slots.get(owner) as Slot).offset};
    }
  };
  const placeOf = (value: Value): Place => {
    if (value.home.space !== 'part') return placeOwner(value);
    const {units, of} = value.home;
    const {space, position} = placeOf(of);
    if (units !== 0 && space === 'io') fail('ERR_PLAN', `${value.name} cannot be a window of an input.`);
    return {space, position: position + units * (space === 'literal' ? unitBytes / 4 : 1)};
  };
  for (const value of lives.values) placeOf(value);
  return {placeOf, arenaUnits, literals: literals.words()};
}

/** Gives each value that owns arena memory its slot; a result may take over that of an operand that dies. */
function makeSlots(schedule: Schedule, lives: Lives, inPlace: boolean): Map<Value, Slot> {
  const slots = new Map<Value, Slot>();
  const addSlot = (owner: Value): void => {
    if (owner.home.space !== 'arena' || slots.has(owner)) return;
    slots.set(owner, {units: unitsOf(bytesOf(owner)), life: {...lives.spanOf(owner)}, offset: 0});
  };
  const visit = (step: Step): void => {
    if (step.kind === 'loop') {
      for (const inner of step.body) visit(inner);
      return;
    }
    const [result] = step.outputs;
    const slot = inPlace && result && slotToTakeOver(step, result, slots, lives);
    if (slot) {
      slot.life.end = Math.max(slot.life.end, lives.spanOf(result).end);
      slots.set(result, slot);
    }
    for (const output of step.outputs) addSlot(ownerOf(output));
  };
  for (const step of [...schedule.compute, ...schedule.commit]) visit(step);
  for (const value of lives.values) addSlot(ownerOf(value));
  return slots;
}

/** The slot of an operand that this step reads for the last time and may overwrite. */
function slotToTakeOver(
  step: Instruction,
  result: Value,
  slots: ReadonlyMap<Value, Slot>,
  lives: Lives,
): Slot | undefined {
  const at = lives.positionOf(step);
  // A result that is there before this step, as one carried from round to round is, keeps its own memory.
  if (result.home.space !== 'arena' || lives.spanOf(result).start !== at) return undefined;
  const owners = step.inputs.map(ownerOf);
  const position = step.inputs.findIndex((input, index) => {
    const owner = owners[index] as Value;
    const slot = slots.get(owner);
    const isReadOnce = owners.indexOf(owner) === owners.lastIndexOf(owner);
    const dies = slot?.life.end === at && slot.units === unitsOf(bytesOf(result));
    return dies && isReadOnce && mayOverwrite(step, index) && fits(result, input);
  });
  return position < 0 ? undefined : slots.get(owners[position] as Value);
}

/** Elementwise calls may overwrite any operand of the result's shape; others say which. */
function mayOverwrite({op}: Instruction, position: number): boolean {
  return op.elementwise || ((op.inPlace >>> position) & 1) === 1;
}

function fits(result: Value, input: Value): boolean {
  const isWhole = input.home.space !== 'part' || input.home.units === 0;
  return isWhole && input.dtype === result.dtype && sameShape(input.shape, result.shape);
}

/**
 * A value of up to 8 KiB shares no memory with those that live some steps before and after it. A step that
 * writes where another has just read makes the threads of a team meet; a bias's gradient need not.
 */
const smallUnits = 128;
const stepsApart = 4;

function lifeInMemory({units, life: {start, end}}: Slot): Span {
  const apart = units <= smallUnits ? stepsApart : 0;
  return {start: start - apart, end: end + apart};
}

/** Best fit, the largest first; gives the size of the arena in units. */
function placeSlots(slots: readonly Slot[]): number {
  const bySize = slots
    .map(slot => ({slot, life: lifeInMemory(slot)}))
    .sort((a, b) => b.slot.units - a.slot.units || a.life.start - b.life.start);
  const placed: typeof bySize = [];
  let total = 0;
  for (const entry of bySize) {
    const {slot, life} = entry;
    const {units} = slot;
    const beside = placed
      .filter(other => other.life.start <= life.end && life.start <= other.life.end)
      .map(other => other.slot)
      .sort((a, b) => a.offset - b.offset);
    let best: {offset: number; gap: number} | undefined;
    let end = 0;
    for (const other of beside) {
      const gap = other.offset - end;
      if (gap >= units && (!best || gap < best.gap)) best = {offset: end, gap};
      end = Math.max(end, other.offset + other.units);
    }
    slot.offset = best ? best.offset : end;
    total = Math.max(total, slot.offset + units);
    placed.push(entry);
  }
  return total;
}

/** Constants one behind another, each at a multiple of 64 bytes. */
class Literals {
  private readonly starts = new Map<Value, number>();
  private units = 0;

  add(value: Value): number {
    const wordsPerUnit = unitBytes / 4;
    const known = this.starts.get(value);
    if (known !== undefined) return known;
    const start = this.units * wordsPerUnit;
    this.starts.set(value, start);
    this.units += unitsOf(bytesOf(value));
    return start;
  }

  words(): Int32Array {
    const bytes = new Uint8Array(this.units * unitBytes);
    for (const [{home}, start] of this.starts) {
      if (home.space !== 'literal') continue;
      const {buffer, byteOffset, byteLength} = home.data;
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), start * 4);
    }
    return new Int32Array(bytes.buffer);
  }
}
