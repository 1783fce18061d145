// Masks: which positions of a layer's input count. They travel beside the values from layer to layer, as in
// Keras.
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {failIn, isTensor, type Tensor} from '../core/tensor.ts';
import {cast, logicalOr} from '../ops/map.ts';
import {reshape} from '../ops/move.ts';
import type {CallContext, ForwardAll} from './call-context.ts';

/**
 * The mask of each of several values: bool, of its first axes, the batch among them; true where it counts.
 */
export type Masks = readonly (Tensor | undefined)[];

/** What a layer says about masks. */
export interface MaskRules {
  readonly supportsMasking: boolean;
  computeMask(inputs: readonly Tensor[], masks: Masks): Tensor | undefined | Masks;
}

export interface Called {
  readonly outputs: readonly Tensor[];
  readonly masks: Masks;
}

/** What a layer gives for these inputs, with the masks of its outputs. */
export function callWithMasks(
  scope: string,
  layer: MaskRules,
  forward: ForwardAll,
  inputs: readonly Tensor[],
  masks: Masks,
  context: CallContext,
): Called {
  let inner: Masks | undefined;
  const passMasks = (given: Masks): void => {
    inner = given;
  };
  const outputs = forward(inputs, {...context, mask: masks[0], masks, passMasks});
  if (inner) return {outputs, masks: inner};
  if (!layer.supportsMasking) return {outputs, masks: []};
  const made = layer.computeMask(inputs, masks);
  const list: Masks = Array.isArray(made) ? made : [made as Tensor | undefined];
  for (const [index, mask] of list.entries()) checkMask(scope, mask, outputs[index]);
  return {outputs, masks: list};
}

function checkMask(scope: string, mask: unknown, output: Tensor | undefined): void {
  if (mask === undefined) return;
  const axes = isTensor(mask) && output ? output.shape.slice(0, mask.rank) : [];
  if (isTensor(mask) && mask.dtype === 'bool' && mask.rank > 0 && sameShape(mask.shape, axes)) return;
  const wanted = output ? `of the first axes of ${formatShape(output.shape)}` : 'for one of its outputs';
  fail('ERR_SHAPE', `${scope}: computeMask: expected a bool mask ${wanted}. Received ${show(mask)}.`);
}

/** A mask as numbers, 1 where a position counts, with axes of size 1 up to the rank of what it is about. */
export function maskWeights(mask: Tensor, rank: number): Tensor {
  return reshape(cast(mask, 'float32'), [...mask.shape, ...new Array<number>(rank - mask.rank).fill(1)]);
}

/** A mask of the steps of sequences, [batch, steps]. @throws ERR_SHAPE for one of anything else */
export function stepMask(layer: string, mask: Tensor | undefined, sequence: Tensor): Tensor | undefined {
  const steps = sequence.shape.slice(0, 2);
  if (mask === undefined || sameShape(mask.shape, steps)) return mask;
  return failIn(
    layer,
    'ERR_SHAPE',
    `expected a mask of the steps, bool${formatShape(steps)}. Received ${mask}`,
  );
}

/** Positions that count in any of several inputs; in all, where one has no mask. */
export function anyMask(_: readonly Tensor[], masks: Masks): Tensor | undefined {
  const known = masks.filter(mask => mask !== undefined);
  if (known.length === 0 || known.length < masks.length) return undefined;
  return known.reduce((joined, mask) => logicalOr(joined, mask));
}
