// Layers that run in JavaScript, ahead of the plan: they make numbers of text and of categories, which the
// plan then reads as its data. So they stand directly behind an input.
import type {DType} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isOwn, show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import type {AnyRows} from '../data/text.ts';

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

interface Placed {
  readonly dtype: ValueType;
  readonly call: {readonly layer: {readonly name: string; aheadOfPlan(): unknown}} | undefined;
}

/** What a layer is ahead of the plan; refuses it behind one that is not, and text for any other layer. */
export function checkPlace(
  scope: string,
  layer: {aheadOfPlan(): AheadOfPlan | undefined},
  inputs: readonly Placed[],
): AheadOfPlan | undefined {
  const ahead = layer.aheadOfPlan();
  for (const given of inputs) {
    if (!isOwn(given, 'symbolic tensor')) {
      fail('ERR_OPTION', `${scope}: apply: expected what input() or apply() gave. Received ${show(given)}.`);
    }
    const {dtype, call} = given;
    if (ahead && call && !call.layer.aheadOfPlan()) {
      const what = 'it runs in JavaScript ahead of the plan, so it stands directly behind an input';
      const received = `Received what ${call.layer.name} gives`;
      fail('ERR_GRAPH', `${scope}: ${what}, or behind another such layer. ${received}.`);
    }
    if (!ahead && dtype === 'string') {
      const instead = 'layers.textVectorization, stringLookup and hashing make numbers of text';
      fail('ERR_DTYPE', `${scope}: it computes with numbers and gets text. ${instead}.`);
    }
  }
  return ahead;
}

/** In place of the forward pass of such a layer, which a plan does not compute. */
export const notInPlan = (): never =>
  fail('ERR_GRAPH', 'internal: a layer that runs ahead of the plan is computed in it.');

/** The type of numbers that a plan reads. @throws ERR_DTYPE for text */
export function numericType({dtype}: {readonly dtype: ValueType}): DType {
  if (dtype !== 'string') return dtype;
  return fail('ERR_DTYPE', 'text is read by no plan: a layer such as textVectorization makes numbers of it.');
}
