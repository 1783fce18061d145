// The plan: what the compiler hands to the runtime. Twin of native/plan.h, which documents the words.
import type {DType} from './core/dtype.ts';
import type {Shape} from './core/shape.ts';
import type {GuardKind} from './core/tensor.ts';

export const planMagic = 0x314c5243;
export const planVersion = 1;
export const maxRank = 6;
/** Offsets in state and arena count in units of this many bytes. */
export const unitBytes = 64;
export const headerWords = 16;

/** Twin of `enum Header`. */
export const header = {
  magic: 0,
  version: 1,
  wordCount: 2,
  stateUnits: 3,
  arenaUnits: 4,
  ioCount: 5,
  valueCount: 6,
  guardCount: 7,
  literalWords: 8,
  bodyWords: 9,
  commitAt: 10,
} as const;

export const spaces = ['state', 'arena', 'io', 'literal'] as const;
export type SpaceName = (typeof spaces)[number];

export const items = {instruction: 1, loop: 2, end: 3} as const;
export const ioFlags = {output: 1, dynamicRows: 2} as const;
export const guardKinds: readonly GuardKind[] = [
  'indexOutOfRange',
  'inputNotFinite',
  'labelOutOfRange',
  'notFinite',
  'stop',
];
/** A gather's guard holds this where the row number itself was outside the data. */
export const rowOutOfRange = 0x7fffffff;

/** One array that is bound at each run. */
export interface IoSlot {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly output: boolean;
  /** Each step reads or writes the next block of the shape's size. */
  readonly perStep: boolean;
}

/** What stands in the words, readable: for listings, errors and profiles. */
export interface PlanInstruction {
  readonly name: string;
  readonly scope: string;
  readonly phase: 'compute' | 'commit';
  /** `t3 arena+128 f32[128,10]`, one per operand. */
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];
  readonly attributes: string;
  /** Loop nesting, 0 outside of any. */
  readonly depth: number;
  /**
   * Floating-point operations and bytes read and written, by shape: for comparing with the machine's
   * ceiling.
   */
  readonly flops: number;
  readonly bytes: number;
}

export interface PlanGuard {
  readonly kind: GuardKind;
  readonly scope: string;
  /** Where one guard answers for several tests: the scope of each, by position. */
  readonly scopes?: readonly string[] | undefined;
  /** The io input whose rows are checked, for guards of gathers. */
  readonly source: string | undefined;
}

export interface Plan {
  readonly words: Int32Array;
  readonly signatures: readonly string[];
  readonly scopes: readonly string[];
  readonly io: readonly IoSlot[];
  readonly guards: readonly PlanGuard[];
  readonly stateBytes: number;
  readonly arenaBytes: number;
  /** In the order in which the runtime numbers them. */
  readonly instructions: readonly PlanInstruction[];
}
