// The plan: what the compiler hands to the runtime. Twin of native/plan.h, which documents the words.
import type {DType} from './core/dtype.ts';
import {type Shape, sizeOf} from './core/shape.ts';
import {type StepRows, shortSteps} from './core/step-rows.ts';
import type {GuardKind} from './core/tensor.ts';

export {maxRank} from './core/shape.ts';

export const planMagic = 0x314c5243;
export const planVersion = 3;
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
  mostRows: 11,
  rowWords: 12,
  exchangeAt: 13,
} as const;

export const spaces = ['state', 'arena', 'io', 'literal'] as const;
export type SpaceName = (typeof spaces)[number];

export const items = {instruction: 1, loop: 2, end: 3} as const;
/** How a word follows from the number of rows. */
export const rowForms = {linear: 0, reciprocal: 1} as const;
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
  /** Where it depends on the number of rows: by how much each axis grows with a row. */
  readonly perRow?: Shape | undefined;
  /** Of an input that is overwritten: the output that is made in its memory, and has no slot of its own. */
  readonly becomes?: string | undefined;
}

/** Phases of a step, in their order: see native/plan.h. */
export const phases = ['compute', 'exchange', 'commit'] as const;
export type Phase = (typeof phases)[number];

/** One instruction in readable form: for listings, errors and profiles. */
export interface PlanInstruction {
  readonly name: string;
  readonly scope: string;
  readonly phase: Phase;
  /** `t3 arena+128 f32[128,10]`, one per operand. */
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];
  readonly attributes: string;
  /** How many loops it is in. */
  readonly depth: number;
  /** How often it runs in a step, in all iterations of these loops. */
  readonly times: number;
  /** The innermost of them goes through its iterations backwards, from so many. */
  readonly reversed?: number | undefined;
  /**
   * Each time, floating-point operations, and bytes read and written, by shape: to compare with the machine's
   * ceiling.
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
  /** How many iterations of a loop have one, or 1. */
  readonly iterations: number;
  /** For guards of indices: how many positions there are, by turns where there are several. */
  readonly sizes?: readonly number[] | undefined;
}

/** Of a plan for any number of rows, which is given with each run; what else it says is about the most. */
export interface PlanRows {
  readonly most: number;
  /** The same for few rows: what it costs lies on the line between the two. */
  readonly few: {readonly rows: number; readonly instructions: readonly PlanInstruction[]};
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
  /** Undefined where the plan is for one number of rows alone. */
  readonly rows?: PlanRows | undefined;
}

/** Elements of a slot in a step of so many rows. */
function elementsOfStep({rows: own}: Plan, {shape, perRow}: IoSlot, rows: number): number {
  if (!own || !perRow) return sizeOf(shape);
  return shape.reduce(
    (size, axis, index) => size * (axis - (perRow[index] as number) * (own.most - rows)),
    1,
  );
}

/** Elements of a slot in a run, whose steps have the most rows by default. */
export function elementsOfSteps(plan: Plan, slot: IoSlot, steps: number, of?: StepRows): number {
  const own = elementsOfStep(plan, slot, of?.rows ?? plan.rows?.most ?? 0);
  if (!slot.perStep || !of?.short) return own * (slot.perStep ? steps : 1);
  const fewer = shortSteps(of.short, steps);
  return (steps - fewer) * own + fewer * elementsOfStep(plan, slot, of.short.rows);
}
