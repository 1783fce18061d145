// Proves that a plan's memory holds what each step expects, by playing the schedule on memory that remembers
// which value was written where. Knows nothing of lifetimes, so it can judge the planner.
import type {Memory} from '../../lib/compile/memory.ts';
import {
  bytesOf,
  type Instruction,
  type Loop,
  ownerOf,
  type Schedule,
  type Step,
  type Value,
} from '../../lib/compile/steps.ts';
import {dtypes} from '../../lib/core/dtype.ts';

class Player {
  private readonly memory: Memory;
  private readonly cells = new Map<string, unknown>();
  private readonly shifts = new Map<Value, number>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The addresses at which the elements of a value lie now. */
  private cellsOf(value: Value): string[] {
    const {space, position, offset} = this.memory.placeOf(value);
    const {bytes} = dtypes[value.dtype];
    const units = space === 'io' ? 0 : space === 'literal' ? position * 4 : position * 64;
    const first = units + (offset + (this.shifts.get(value) ?? 0)) * bytes;
    if (space === 'arena' && (first < 0 || first + bytesOf(value) > this.memory.arenaUnits * 64)) {
      throw new Error(`${value.name} lies outside of the arena`);
    }
    const where = space === 'io' ? `io ${position}` : space;
    return Array.from(
      {length: value.shape.reduce((a, b) => a * b, 1)},
      (_, at) => `${where} ${first + at * bytes}`,
    );
  }

  private static isGiven(owner: Value): boolean {
    return owner.home.space === 'state' || owner.home.space === 'literal';
  }

  /** State before the commit, constants and inputs hold themselves as long as nothing writes to them. */
  read(value: Value, inputSlots: ReadonlySet<number>): void {
    const owner = ownerOf(value);
    const given = Player.isGiven(owner) || (owner.home.space === 'io' && inputSlots.has(owner.home.slot));
    for (const cell of this.cellsOf(value)) {
      const held = this.cells.get(cell);
      if (given ? held !== undefined : held !== owner) {
        const found = held === undefined ? 'nothing' : (held as Value).name;
        throw new Error(`${value.name} is read at ${cell}, which holds ${found}`);
      }
    }
  }

  write(value: Value): void {
    for (const cell of this.cellsOf(value)) this.cells.set(cell, ownerOf(value));
  }

  private shift(value: Value, elements: number): void {
    this.shifts.set(value, (this.shifts.get(value) ?? 0) + elements);
  }

  instruction({inputs, outputs, op}: Instruction, slots: ReadonlySet<number>): void {
    for (const input of inputs) this.read(input, slots);
    const written = outputs.map(output => new Set(this.cellsOf(output)));
    written.forEach((cells, index) => {
      for (const other of written.slice(index + 1)) {
        for (const cell of other) if (cells.has(cell)) throw new Error(`${op.name}: results overlap`);
      }
    });
    written.forEach((cells, index) => {
      const touched = inputs.flatMap((input, position) =>
        this.cellsOf(input).some(cell => cells.has(cell)) ? [position] : [],
      );
      const [position] = touched;
      if (position === undefined) return;
      const permitted =
        op.updates !== undefined ||
        (index === 0 && (op.elementwise || ((op.inPlace >>> position) & 1) === 1));
      const own = this.cellsOf(inputs[position] as Value);
      const same = own.length === cells.size && own.every(cell => cells.has(cell));
      if (!permitted || !same || touched.length > 1) {
        throw new Error(`${op.name} overwrites ${(inputs[position] as Value).name}`);
      }
    });
    for (const output of outputs) this.write(output);
  }

  loop({count, strides, alternating, body}: Loop, slots: ReadonlySet<number>): void {
    for (let repeat = 0; repeat < count; repeat++) {
      for (const step of body) this.step(step, slots);
      for (const {value, elements} of strides) this.shift(value, elements);
      for (const {value, elements} of alternating) this.shift(value, repeat % 2 === 0 ? elements : -elements);
    }
    for (const {value, elements} of strides) this.shift(value, -elements * count);
    for (const {value, elements} of alternating) this.shift(value, -elements * (count % 2));
  }

  step(step: Step, slots: ReadonlySet<number>): void {
    if (step.kind === 'loop') this.loop(step, slots);
    else this.instruction(step, slots);
  }
}

/** Throws where a step would read anything but the value it means. */
export function checkMemory(schedule: Schedule, memory: Memory): void {
  const player = new Player(memory);
  const slots = new Set(schedule.io.flatMap(({output}, slot) => (output ? [] : [slot])));
  for (const step of schedule.compute) player.step(step, slots);
  for (const {value} of schedule.guards) player.read(value, slots);
  for (const step of schedule.commit) player.step(step, slots);
}
