// Inputs of which some sizes may be any: the model is built for one, and made anew for each that comes.
import {fail} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';

/** Shape of a sample; null where any size will do. */
export type InputShape = readonly (number | null)[];

/** The size that stands for any while a model is built: pooled by 2, 3 and 4 it stays whole. */
export const standIn = 96;

export const withStandIns = (shape: InputShape): Shape => shape.map(size => size ?? standIn);

/** Whether a sample has the sizes that are said. */
export const fitsInput = (shape: Shape, wanted: InputShape): boolean =>
  shape.length === wanted.length && wanted.every((size, axis) => size === null || size === shape[axis]);

/** `[any,3]` */
export const formatInput = (shape: InputShape): string => `[${shape.map(size => size ?? 'any').join()}]`;

/** Refuses a first input that a layer says it does not take. @throws ERR_SHAPE */
export function checkFits(scope: string, wanted: InputShape | undefined, first: Shape | undefined): void {
  if (!wanted || (first && fitsInput(first, wanted))) return;
  const gets = first ? formatShape(first) : 'nothing';
  fail('ERR_SHAPE', `${scope} says inputShape ${formatInput(wanted)}, but gets ${gets}.`);
}

/** The option of a layer that says them. */
export const inputOptions = (
  inputShape: InputShape,
  batchSize: number | undefined,
): {readonly [name: string]: InputShape} =>
  batchSize === undefined ? {inputShape} : {batchInputShape: [batchSize, ...inputShape]};
