// Programs that read rows, on the thread that asks: what they read is copied to where they are bound already.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {sizeOf} from '../../core/shape.ts';
import type {BoundProgram, CompiledProgram} from '../../session/compile.ts';

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
  /** By number of steps. */
  readonly #bound = new Map<number, BoundProgram>();
  #memory: Record<string, TypedArray> = {};
  #steps = 0;
  #state: unknown;

  constructor(program: CompiledProgram) {
    this.#program = program;
    this.#inputs = program.plan.io.filter(({output}) => !output);
  }

  /** The results stand in `outputs` until the next run. */
  run(inputs: Inputs, steps: number): {result: ReturnType<BoundProgram['run']>; outputs: Inputs} {
    if (!this.#holds(inputs, steps)) this.#allocate(inputs, steps);
    for (const {name} of this.#inputs) this.#memory[name]?.set(inputs[name] as TypedArray);
    let bound = this.#bound.get(steps);
    if (!bound) {
      bound = this.#program.bindSync(this.#memory, steps);
      this.#bound.set(steps, bound);
    }
    return {result: bound.run(), outputs: bound.outputs};
  }

  #holds(inputs: Inputs, steps: number): boolean {
    if (this.#state !== this.#program.store.state || steps > this.#steps) return false;
    return this.#inputs.every(({name}) => {
      return (this.#memory[name] as TypedArray).length >= (inputs[name] as TypedArray).length;
    });
  }

  #allocate(inputs: Inputs, steps: number): void {
    this.#bound.clear();
    this.#state = this.#program.store.state;
    this.#steps = 2 ** Math.ceil(Math.log2(steps));
    const entries = this.#inputs.map(slot => {
      const {name, shape, dtype, perStep} = slot;
      const given = (inputs[name] as TypedArray).length;
      const row = sizeOf(shape.slice(1));
      const length = isWhole(slot)
        ? row * 2 ** Math.ceil(Math.log2(Math.max(1, given / row)))
        : sizeOf(shape) * (perStep ? this.#steps : 1);
      const {array, bytes} = dtypes[dtype];
      return [name, new array(new SharedArrayBuffer(length * bytes), 0, length)] as const;
    });
    this.#memory = Object.fromEntries(entries);
  }
}
