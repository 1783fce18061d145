// What the later passes work on: values that have a home in memory, and steps that read and write them.
import type {DType, TypedArray} from '../core/dtype.ts';
import {dtypes} from '../core/dtype.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {Op} from '../core/tensor.ts';
import type {IoSlot, PlanGuard} from '../plan.ts';

/** Where a value lives. `part`: in the memory of another value, `units` of 64 bytes from its start. */
export type Home =
  | {readonly space: 'arena'}
  | {readonly space: 'state'; readonly byteOffset: number}
  | {readonly space: 'io'; readonly slot: number}
  | {readonly space: 'literal'; readonly data: TypedArray}
  | {readonly space: 'part'; readonly of: Value; readonly units: number};

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
}

export interface Loop {
  readonly kind: 'loop';
  readonly count: number;
  /** Values that move on by so many units of 64 bytes with each iteration. */
  readonly strides: readonly {readonly value: Value; readonly units: number}[];
  /** At the end of each iteration `to` takes the value of `from`, one after another. */
  readonly carries: readonly {readonly to: Value; readonly from: Value}[];
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
