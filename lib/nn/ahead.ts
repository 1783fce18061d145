// Layers that run in JavaScript, ahead of the plan: they make numbers of text and of categories, which the
// plan then reads as its data. So they stand directly behind an input, or in a model that does.
import type {DType} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isOwn, show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import type {AnyRows} from '../data/text.ts';
import type {ForwardAll} from './call-context.ts';

/** What the data of an input are: numbers of some type, or text. */
export type ValueType = DType | 'string';

/** Shape and type of a value for one sample. */
export interface SampleType {
  readonly shape: Shape;
  readonly dtype: ValueType;
}

/** What such a layer is. */
export interface AheadOfPlan {
  /** What it reads as the first layer of a sequential model; without a shape that must be given. */
  readonly firstInput: {readonly shape?: Shape; readonly dtype: ValueType};
  /** Whether it only says what an input is: it is computed in the plan where nothing ahead reads it. */
  readonly isInput?: boolean;
  /** What it gives for a sample. @throws ERR_SHAPE, ERR_DTYPE or ERR_OPTION */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType;
  /** What it gives for rows of its inputs. @throws ERR_OUT_OF_RANGE, ERR_VALUE, … naming the row. */
  rowsOf(where: string, inputs: readonly AnyRows[]): AnyRows;
}

/** Rows of values, as far as there are any ahead of the plan. */
export type RowsAhead = readonly (AnyRows | undefined)[];

/** A call of a model in which such layers stand: what the plan reads of it, in place of its inputs. */
export interface Fed<Value> {
  /** Inputs of the model, or what its layers make of them. */
  readonly feeds: readonly Value[];
  /** By output: which of the feeds it is, where it is there ahead of the plan. */
  readonly feedOf: readonly (number | undefined)[];
  /** By input: whether rows of the feeds are made of its rows. */
  readonly readsAhead: readonly boolean[];
  /** From feeds to outputs. */
  readonly forward: ForwardAll;
  /** Rows of the feeds, of those of the inputs. */
  rowsOf(where: string, inputs: RowsAhead): RowsAhead;
}

interface Placed extends SampleType {
  readonly isAhead: boolean;
  readonly call: {readonly layer: {readonly name: string}} | undefined;
}

/** Refuses what only a plan gives. `what` needs its rows ahead of it. @throws ERR_GRAPH */
export function checkAhead(scope: string, what: string, {isAhead, call}: Placed): void {
  if (isAhead) return;
  const wanted = `${what} in JavaScript ahead of the plan, so it stands directly behind an input`;
  fail(
    'ERR_GRAPH',
    `${scope}: ${wanted}, or behind another such layer. Received what ${call?.layer.name} gives.`,
  );
}

/** Refuses samples of another kind. @throws ERR_DTYPE */
export function checkSampleType(scope: string, {dtype}: SampleType, wanted: 'text' | 'numbers'): void {
  if ((dtype === 'string') === (wanted === 'text')) return;
  const instead =
    wanted === 'text' ? "input({…, dtype: 'string'})" : 'layers.stringLookup or hashing for text';
  fail('ERR_DTYPE', `${scope}: expected ${wanted}. Received ${dtype}; ${instead}.`);
}

/** What a layer, or what is within it, is ahead of the plan. Refuses either behind what only a plan gives. */
export function checkPlace<Value extends Placed>(
  scope: string,
  layer: {
    aheadOfPlan(): AheadOfPlan | undefined;
    fedBy(inputs: readonly Value[], scope: string): Fed<Value> | undefined;
  },
  inputs: readonly Value[],
): {readonly ahead: AheadOfPlan | undefined; readonly fed: Fed<Value> | undefined} {
  for (const given of inputs) {
    if (isOwn(given, 'symbolic tensor')) continue;
    fail('ERR_OPTION', `${scope}: apply: expected what input() or apply() gave. Received ${show(given)}.`);
  }
  const ahead = layer.aheadOfPlan();
  if (ahead) for (const given of inputs) checkAhead(scope, 'it runs', given);
  const fed = layer.fedBy(inputs, scope);
  if (!ahead && !fed && inputs.some(({dtype}) => dtype === 'string')) {
    const instead = 'layers.textVectorization, stringLookup and hashing make numbers of text';
    fail('ERR_DTYPE', `${scope}: it computes with numbers and gets text. ${instead}.`);
  }
  return {ahead, fed};
}

/** In place of the forward pass of such a layer, which a plan does not compute. */
export const notInPlan = (): never =>
  fail('ERR_GRAPH', 'internal: a layer that runs ahead of the plan is computed in it.');

/** The type of numbers that a plan reads. @throws ERR_DTYPE for text */
export function numericType({dtype}: {readonly dtype: ValueType}): DType {
  if (dtype !== 'string') return dtype;
  return fail('ERR_DTYPE', 'text is read by no plan: a layer such as textVectorization makes numbers of it.');
}
