// What the later passes work on: values with a home, and steps over them. Loops nest.
import type {DType, TypedArray} from '../core/dtype.ts';
import {dtypes} from '../core/dtype.ts';
import {type Shape, sizeOf} from '../core/shape.ts';
import type {GuardKind, Op} from '../core/tensor.ts';
import type {IoSlot} from '../plan.ts';

/** Which memory a value has. `part`: `units` of 64 bytes into another value's, a view or a window of it. */
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
  /** Values that move by so many units of 64 bytes each iteration. */
  readonly strides: readonly {readonly value: Value; readonly units: number}[];
  /** At the end of each iteration `to` becomes what `from` is, one after another. */
  readonly carries: readonly {readonly to: Value; readonly from: Value}[];
  readonly body: readonly Step[];
}

export type Step = Instruction | Loop;

export interface ScheduledGuard {
  readonly value: Value;
  readonly kind: GuardKind;
  readonly scope: string;
  readonly scopes?: readonly string[] | undefined;
  readonly source: string | undefined;
}

/** The guards are looked at between the two phases; only the second writes to state. */
export interface Schedule {
  readonly io: readonly IoSlot[];
  readonly compute: readonly Step[];
  readonly commit: readonly Step[];
  readonly guards: readonly ScheduledGuard[];
  readonly stateBytes: number;
}

export const bytesOf = ({shape, dtype}: Value): number => sizeOf(shape) * dtypes[dtype].bytes;

/** The value whose memory this one lies in. */
export function ownerOf(value: Value): Value {
  let owner = value;
  while (owner.home.space === 'part') owner = owner.home.of;
  return owner;
}
