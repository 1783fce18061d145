// Programs that read rows, on the thread that asks: what they read is copied to where they are bound already.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import type {StepRows} from '../../core/step-rows.ts';
import type {BoundProgram, CompiledProgram} from '../../session/compile.ts';
import type {RunOutcome} from './failures.ts';

/** Up to so many bytes are copied: a microsecond or a few. */
const mostBytes = 2 ** 17;

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

/** One program over memory of its own, for as long as its store keeps its state. */
export class InlineRows {
  readonly #program: CompiledProgram;
  readonly #inputs: readonly Slot[];
  readonly #outputs: readonly Slot[];
  #bound: BoundProgram | undefined;
  #memory: Record<string, TypedArray> = {};
  /** Steps that there is room for, and rows of each. */
  #steps = 0;
  #rows = 0;
  #state: unknown;

  constructor(program: CompiledProgram) {
    this.#program = program;
    this.#inputs = program.plan.io.filter(({output}) => !output);
    this.#outputs = program.plan.io.filter(({output}) => output);
  }

  run(inputs: Inputs, steps: number, of: StepRows | undefined): RunOutcome {
    const bound = this.#holds(inputs, steps, of) ? this.#bound : this.#bind(inputs, steps, of);
    for (const {name} of this.#inputs) this.#memory[name]?.set(inputs[name] as TypedArray);
    const result = (bound as BoundProgram).run(steps, of);
    const outputs: Record<string, TypedArray> = {};
    for (const slot of this.#outputs) {
      const all = bound?.outputs[slot.name] as TypedArray;
      outputs[slot.name] = all.slice(0, this.#program.elementsOf(slot, steps, of));
    }
    return {...result, outputs};
  }

  #holds(inputs: Inputs, steps: number, of: StepRows | undefined): boolean {
    if (!this.#bound || this.#state !== this.#program.store.state) return false;
    if (steps > this.#steps || (of && of.rows > this.#rows)) return false;
    return this.#inputs.every(({name}) => {
      return (this.#memory[name] as TypedArray).length >= (inputs[name] as TypedArray).length;
    });
  }

  #bind(inputs: Inputs, steps: number, of: StepRows | undefined): BoundProgram {
    const program = this.#program;
    this.#state = program.store.state;
    this.#steps = 2 ** Math.ceil(Math.log2(steps));
    this.#rows = of ? Math.min(program.plan.rows?.most ?? 0, 2 ** Math.ceil(Math.log2(of.rows))) : 0;
    const room = of && {rows: this.#rows};
    const entries = this.#inputs.map(slot => {
      const {name, shape, dtype} = slot;
      const given = (inputs[name] as TypedArray).length;
      const row = sizeOf(shape.slice(1));
      const length = isWhole(slot)
        ? row * 2 ** Math.ceil(Math.log2(Math.max(1, given / row)))
        : program.elementsOf(slot, this.#steps, room);
      const {array, bytes} = dtypes[dtype];
      return [name, new array(new SharedArrayBuffer(length * bytes), 0, length)] as const;
    });
    this.#memory = Object.fromEntries(entries);
    this.#bound = program.bindSync(this.#memory, this.#steps, room);
    return this.#bound;
  }
}
