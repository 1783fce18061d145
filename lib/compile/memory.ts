// Pass 4: a place in memory for each value. Values whose live ranges do not overlap share memory: the largest
// are placed first, each into the smallest gap that is free throughout its range (Pisarchyk and Lee 2020,
// arXiv 2001.03288).
import {sameShape} from '../core/shape.ts';
import type {Op} from '../core/tensor.ts';
import {type SpaceName, unitBytes} from '../plan.ts';
import {type LiveRange, type LiveRanges, liveRangesOf} from './live-ranges.ts';
import {bytesOf, type Instruction, ownerOf, type Schedule, type Step, type Value} from './steps.ts';

export interface Place {
  readonly space: SpaceName;
  /** As in the plan: units of 64 bytes in state and arena, the slot in io, words in literal. */
  readonly position: number;
  /** Elements from there. */
  readonly offset: number;
}

export interface Memory {
  placeOf(value: Value): Place;
  readonly arenaUnits: number;
  /** The pool of constants. */
  readonly literals: Int32Array;
}

/** A piece of the arena, for a value and those that later overwrite it in place. */
interface Slot {
  readonly units: number;
  readonly range: LiveRange;
  offset: number;
}

const unitsOf = (bytes: number): number => Math.ceil(bytes / unitBytes);

export function planMemory(schedule: Schedule, inPlace = true): Memory {
  const ranges = liveRangesOf(schedule);
  const slots = makeSlots(schedule, ranges, inPlace);
  const arenaUnits = placeSlots([...new Set(slots.values())]);
  const literals = new Literals();
  const placeOwner = (owner: Value): Place => {
    const {home} = owner;
    switch (home.space) {
      case 'state':
        return {space: 'state', position: home.byteOffset / unitBytes, offset: 0};
      case 'io':
        return {space: 'io', position: home.slot, offset: 0};
      case 'literal':
        return {space: 'literal', position: literals.add(owner), offset: 0};
      default:
        return {space: 'arena', position: (slots.get(owner) as Slot).offset, offset: 0};
    }
  };
  const placeOf = (value: Value): Place => {
    if (value.home.space !== 'part') return placeOwner(value);
    const {elements, of} = value.home;
    const {space, position, offset} = placeOf(of);
    return {space, position, offset: offset + elements};
  };
  for (const value of ranges.values) placeOf(value);
  return {placeOf, arenaUnits, literals: literals.words()};
}

/** Gives each value that owns arena memory a slot: its own, or that of an operand read for the last time. */
function makeSlots(schedule: Schedule, ranges: LiveRanges, inPlace: boolean): Map<Value, Slot> {
  const slots = new Map<Value, Slot>();
  const addSlot = (owner: Value): void => {
    if (owner.home.space !== 'arena' || slots.has(owner)) return;
    slots.set(owner, {units: unitsOf(bytesOf(owner)), range: {...ranges.rangeOf(owner)}, offset: 0});
  };
  const visit = (step: Step): void => {
    if (step.kind === 'loop') {
      for (const inner of step.body) visit(inner);
      return;
    }
    const [result] = step.outputs;
    const slot = inPlace && result && slotToReuse(step, result, slots, ranges);
    if (slot) {
      slot.range.end = Math.max(slot.range.end, ranges.rangeOf(result).end);
      slots.set(result, slot);
    }
    for (const output of step.outputs) addSlot(ownerOf(output));
  };
  for (const step of [...schedule.compute, ...schedule.commit]) visit(step);
  for (const value of ranges.values) addSlot(ownerOf(value));
  return slots;
}

/** The slot of an operand that this step reads for the last time and may overwrite. */
function slotToReuse(
  step: Instruction,
  result: Value,
  slots: ReadonlyMap<Value, Slot>,
  ranges: LiveRanges,
): Slot | undefined {
  const at = ranges.positionOf(step);
  // A result that is needed before this step, because a loop carries it, keeps its own memory.
  if (result.home.space !== 'arena' || ranges.rangeOf(result).start !== at) return undefined;
  const owners = step.inputs.map(ownerOf);
  const position = step.inputs.findIndex((input, index) => {
    const owner = owners[index] as Value;
    const slot = slots.get(owner);
    const isReadOnce = owners.indexOf(owner) === owners.lastIndexOf(owner);
    const isFreed = slot?.range.end === at && slot.units === unitsOf(bytesOf(result));
    return isFreed && isReadOnce && mayOverwrite(step.op, index) && fits(result, input);
  });
  return position < 0 ? undefined : slots.get(owners[position] as Value);
}

/** Elementwise calls may overwrite any operand of the result's shape; others say which. */
export function mayOverwrite(op: Op, position: number): boolean {
  return op.elementwise || ((op.inPlace >>> position) & 1) === 1;
}

function fits(result: Value, input: Value): boolean {
  return elementsFrom(input) === 0 && input.dtype === result.dtype && sameShape(input.shape, result.shape);
}

/** Elements from the start of its owner's memory: a view of a loop's stack lies behind the first carry. */
function elementsFrom({home}: Value): number {
  return home.space === 'part' ? home.elements + elementsFrom(home.of) : 0;
}

/**
 * A value of up to 8 KiB shares no memory with values needed a few steps before or after it. A step that
 * writes where a recent one has read needs a barrier; for a bias's gradient that would cost more than the
 * memory.
 */
const smallUnits = 128;
const stepsApart = 4;

function paddedRange({units, range: {start, end}}: Slot): LiveRange {
  const apart = units <= smallUnits ? stepsApart : 0;
  return {start: start - apart, end: end + apart};
}

/** Best fit, the largest first. Returns the size of the arena in units. */
function placeSlots(slots: readonly Slot[]): number {
  const bySize = slots
    .map(slot => ({slot, range: paddedRange(slot)}))
    .sort((a, b) => b.slot.units - a.slot.units || a.range.start - b.range.start);
  const placed: typeof bySize = [];
  let total = 0;
  for (const entry of bySize) {
    const {slot, range} = entry;
    const {units} = slot;
    const simultaneous = placed
      .filter(other => other.range.start <= range.end && range.start <= other.range.end)
      .map(other => other.slot)
      .sort((a, b) => a.offset - b.offset);
    let best: {offset: number; gap: number} | undefined;
    let end = 0;
    for (const other of simultaneous) {
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

/** Constants one after another, each at a multiple of 64 bytes. */
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
