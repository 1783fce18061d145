// The plan: what the compiler hands to the runtime. Twin of native/plan.h, which documents the words.
import type {DType} from './core/dtype.ts';
import type {Shape} from './core/shape.ts';
import type {GuardKind} from './core/tensor.ts';

export {maxRank} from './core/shape.ts';

export const planMagic = 0x314c5243;
export const planVersion = 1;
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

/** One array that is bound at each run. */
export interface IoSlot {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly output: boolean;
  /** Each step reads or writes the next block of the shape's size. */
  readonly perStep: boolean;
}

/** One instruction in readable form: for listings, errors and profiles. */
export interface PlanInstruction {
  readonly name: string;
  readonly scope: string;
  readonly phase: 'compute' | 'commit';
  /** `t3 arena+128 f32[128,10]`, one per operand. */
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];
  readonly attributes: string;
  /** How many loops it is in. */
  readonly depth: number;
  /**
   * Floating-point operations, and bytes read and written, by shape: to compare with the machine's ceiling.
   */
  readonly flops: number;
  readonly bytes: number;
}

/** What a guard is about. */
export interface PlanGuard {
  readonly kind: GuardKind;
  readonly scope: string;
  /** For a guard that several finite checks share: the scope of each, by position. */
  readonly scopes?: readonly string[] | undefined;
  /** For guards of gathers and labels: the io input that holds the data. */
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
  /** In the order of the words, by which the runtime counts them. */
  readonly instructions: readonly PlanInstruction[];
}
