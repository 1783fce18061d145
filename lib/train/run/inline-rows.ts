// Programs that read rows, on the thread that asks: what they read is copied to where they are bound already.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import type {StepRows} from '../../core/step-rows.ts';
import type {BoundProgram, CompiledProgram} from '../../session/compile.ts';
import type {RunOutcome} from './failures.ts';

/** Up to so many bytes are copied: a microsecond or a few. */
export const mostBytes = 2 ** 17;

type Inputs = Readonly<Record<string, TypedArray>>;
type Slot = CompiledProgram['plan']['io'][number];

const isWhole = ({shape, output}: Slot): boolean => !output && shape[0] === -1;

/** Whether all that a program reads is there, and little. */
export function areSmall(inputs: Inputs): boolean {
  let bytes = 0;
  for (const name in inputs) {
    const {byteLength} = inputs[name] as TypedArray;
    if (byteLength === 0) return false;
    bytes += byteLength;
  }
  return bytes <= mostBytes;
}

/** Up to so many elements, a loop takes less than a call. */
const fewElements = 32;

/** The first elements in memory of their own; `slice` would take a slow way out of shared memory. */
function copyOf(all: TypedArray, {dtype}: Slot, length: number): TypedArray {
  // A small array made by its length lies in the heap, which takes a tenth of the time of a buffer.
  const copy = new dtypes[dtype].array(length);
  if (length > fewElements) copy.set(length === all.length ? all : all.subarray(0, length));
  else for (let at = 0; at < length; at++) copy[at] = all[at] as number;
  return copy;
}

/** Memory with the program bound to it. */
interface Place {
  readonly bound: BoundProgram;
  readonly memory: Readonly<Record<string, TypedArray>>;
  /** Steps that there is room for, and rows of each. */
  readonly steps: number;
  readonly rows: number;
  readonly state: unknown;
}

/** One program over memory of its own, for as long as its store keeps its state. */
export class InlineRows {
  readonly #program: CompiledProgram;
  readonly #inputs: readonly Slot[];
  readonly #outputs: readonly Slot[];
  #place: Place | undefined;

  constructor(program: CompiledProgram) {
    this.#program = program;
    this.#inputs = program.plan.io.filter(({output}) => !output);
    this.#outputs = program.plan.io.filter(({output}) => output);
  }

  run(inputs: Inputs, steps: number, of: StepRows | undefined): RunOutcome {
    return this.#runIn(this.#placeFor(inputs, steps, of), inputs, steps, of);
  }

  /** The same when `turn` comes, over arrays and state as they are now, whatever becomes of them. */
  async runLater(
    turn: Promise<void>,
    inputs: Inputs,
    steps: number,
    of: StepRows | undefined,
  ): Promise<RunOutcome> {
    const place = this.#placeFor(inputs, steps, of);
    const copies: Record<string, TypedArray> = {};
    for (const {name} of this.#inputs) copies[name] = (inputs[name] as TypedArray).slice();
    const letGo = place.bound.hold();
    try {
      await turn;
      return this.#runIn(place, copies, steps, of);
    } finally {
      letGo();
    }
  }

  #placeFor(inputs: Inputs, steps: number, of: StepRows | undefined): Place {
    if (this.#place && this.#holds(this.#place, inputs, steps, of)) return this.#place;
    this.#place = this.#bind(inputs, steps, of);
    return this.#place;
  }

  #runIn({bound, memory}: Place, inputs: Inputs, steps: number, of: StepRows | undefined): RunOutcome {
    for (const {name} of this.#inputs) memory[name]?.set(inputs[name] as TypedArray);
    const result = bound.run(steps, of);
    const outputs: Record<string, TypedArray> = {};
    for (const slot of this.#outputs) {
      const all = bound.outputs[slot.name] as TypedArray;
      outputs[slot.name] = copyOf(all, slot, this.#program.elementsOf(slot, steps, of));
    }
    return {...result, outputs};
  }

  #holds(place: Place, inputs: Inputs, steps: number, of: StepRows | undefined): boolean {
    if (place.state !== this.#program.store.state) return false;
    if (steps > place.steps || (of && of.rows > place.rows)) return false;
    return this.#inputs.every(({name}) => {
      return (place.memory[name] as TypedArray).length >= (inputs[name] as TypedArray).length;
    });
  }

  #bind(inputs: Inputs, needed: number, of: StepRows | undefined): Place {
    const program = this.#program;
    const steps = 2 ** Math.ceil(Math.log2(needed));
    const rows = of ? Math.min(program.plan.rows?.most ?? 0, 2 ** Math.ceil(Math.log2(of.rows))) : 0;
    const room = of && {rows};
    const entries = this.#inputs.map(slot => {
      const {name, shape, dtype} = slot;
      const given = (inputs[name] as TypedArray).length;
      const row = sizeOf(shape.slice(1));
      const length = isWhole(slot)
        ? row * 2 ** Math.ceil(Math.log2(Math.max(1, given / row)))
        : program.elementsOf(slot, steps, room);
      const {array, bytes} = dtypes[dtype];
      return [name, new array(new SharedArrayBuffer(length * bytes), 0, length)] as const;
    });
    const memory = Object.fromEntries(entries);
    const {state} = program.store;
    return {bound: program.bindSync(memory, steps, room), memory, steps, rows, state};
  }
}
