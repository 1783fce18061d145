// What the later passes work on: values that have a home in memory, and steps that read and write them.
import type {DType, TypedArray} from '../core/dtype.ts';
import {dtypes} from '../core/dtype.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {Op} from '../core/tensor.ts';
import type {IoSlot, PlanGuard} from '../plan.ts';

/** Where a value lives. `part`: in the memory of another value, `elements` of its own type from its start. */
export type Home =
  | {readonly space: 'arena'}
  | {readonly space: 'state'; readonly byteOffset: number}
  | {readonly space: 'io'; readonly slot: number}
  | {readonly space: 'literal'; readonly data: TypedArray}
  | {readonly space: 'part'; readonly of: Value; readonly elements: number};

export interface Value {
  /** In listings: `t3`, `x`, `dense/kernel`. */
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly home: Home;
}

export interface Instruction {
  readonly kind: 'instruction';
  readonly op: Op;
  readonly attributes: object;
  readonly scope: string;
  readonly outputs: readonly Value[];
  readonly inputs: readonly Value[];
  /** Of an update: the input that each output replaces. */
  readonly updated?: readonly number[] | undefined;
}

/** A value that moves by so many of its elements. */
export interface Move {
  readonly value: Value;
  readonly elements: number;
}

export interface Loop {
  readonly kind: 'loop';
  readonly count: number;
  /** Whether the first iteration is the last one of what the loop reads and makes. */
  readonly reverse: boolean;
  /** Values that move on with each iteration. */
  readonly strides: readonly Move[];
  /** Values that move on after the first iteration, back after the second, and so on. */
  readonly alternating: readonly Move[];
  readonly body: readonly Step[];
}

export type Step = Instruction | Loop;

export interface ScheduledGuard extends PlanGuard {
  readonly value: Value;
}

/** The steps of each phase. The guards are checked before the commit, which alone writes to the state. */
export interface Schedule {
  readonly io: readonly IoSlot[];
  readonly compute: readonly Step[];
  readonly exchange: readonly Step[];
  readonly commit: readonly Step[];
  readonly guards: readonly ScheduledGuard[];
  readonly stateBytes: number;
}

export const bytesOf = ({shape, dtype}: Value): number => sizeOf(shape) * dtypes[dtype].bytes;

/** The value whose memory this one is in. */
export function ownerOf(value: Value): Value {
  let owner = value;
  while (owner.home.space === 'part') owner = owner.home.of;
  return owner;
}
