// Attention along some axes of images or volumes: what is no sequence becomes one for as long as it takes.
import {checkNumber, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {at} from '../../core/lists.ts';
import {formatShape, type Shape, sameShape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {broadcastTo} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';

/** How inputs become sequences, and outputs what the query was. */
export interface Folding {
  /** Of samples: [steps, features] of query, value and key, and of the attention mask, where there is one. */
  readonly shapes: readonly Shape[];
  /** Several axes are one for the attention. */
  readonly isJoined: boolean;
  fold(inputs: readonly Tensor[]): readonly Tensor[];
  unfold(outputs: readonly Tensor[]): readonly Tensor[];
}

/** @throws ERR_OPTION for what are no axes behind the batch. */
export function axesToAttend(where: string, axes: unknown): readonly number[] | undefined {
  if (axes === undefined) return undefined;
  const all: readonly unknown[] = Array.isArray(axes) ? axes : [axes];
  if (all.length === 0 || new Set(all).size < all.length) {
    fail('ERR_OPTION', `${where}: expected axes such as [1, 2], each once. Received ${show(axes)}.`);
  }
  for (const axis of all) checkNumber(where, axis, {integer: true, min: -5, max: 5});
  return all as number[];
}

/** Axes of values with the batch, from 1 on; the last axis are features. */
const placesOf = (rank: number): readonly number[] => Array.from({length: rank - 2}, (_, place) => place + 1);

/** Those that are attended to. */
function attended(name: string, axes: readonly number[] | undefined, rank: number): readonly number[] {
  const places = placesOf(rank);
  const own = axes?.map(axis => (axis < 0 ? axis + rank : axis)) ?? places;
  if (own.every(axis => places.includes(axis)) && new Set(own).size === own.length) return own;
  const wanted = `expected axes from 1 to ${rank - 2}, between the batch and the features`;
  return fail('ERR_SHAPE', `${name}: attentionAxes: ${wanted}. Received [${axes}].`);
}

const sizesAt = (sample: Shape, axes: readonly number[]): Shape => axes.map(axis => at(sample, axis - 1));

/**
 * Of samples [...places, features], three at most, and an attention mask behind them; undefined where they
 * are sequences as they stand, or go together in no way, which the layer says itself.
 */
export function foldingOf(
  name: string,
  axes: readonly number[] | undefined,
  samples: readonly Shape[],
): Folding | undefined {
  const [query, value = query, key = value, mask] = samples;
  const rank = (query?.length ?? 0) + 1;
  if (!query || !value || !key || rank < 3) return undefined;
  if ([value, key].some(sample => sample.length !== rank - 1)) return undefined;
  const own = attended(name, axes, rank);
  if (rank === 3) return undefined;
  const rest = placesOf(rank).filter(axis => !own.includes(axis));
  const apart = sizesAt(query, rest);
  const other = [value, key].find(sample => !sameShape(sizesAt(sample, rest), apart));
  if (other) {
    const received = `Received ${formatShape(query)} and ${formatShape(other)}`;
    fail('ERR_SHAPE', `${name}: samples must agree along the axes that are not attended to. ${received}.`);
  }
  const [queries, keys] = [sizesAt(query, own), sizesAt(value, own)];
  const order = [0, ...rest, ...own, rank - 1];
  const back = order.map((_, axis) => order.indexOf(axis));
  const heads = mask ? mask.slice(0, -2 * own.length) : [];
  if (mask && !(heads.length < 2 && sameShape(mask.slice(heads.length), [...queries, ...keys]))) {
    const wanted = `expected an attention mask ${formatShape([...queries, ...keys])} of a sample`;
    fail('ERR_SHAPE', `${name}: ${wanted}, or one for each head. Received ${formatShape(mask)}.`);
  }
  const pairs = [...heads, sizeOf(queries), sizeOf(keys)];
  const together = (x: Tensor): Tensor => {
    const whole = transpose(x, order);
    const [batch, ...sizes] = whole.shape as [number, ...number[]];
    const steps = sizeOf(sizes.slice(rest.length, -1));
    return reshape(whole, [batch * sizeOf(apart), steps, at(sizes, sizes.length - 1)]);
  };
  /** The same for all that is apart. */
  const spread = (given: Tensor): Tensor => {
    const batch = at(given.shape, 0);
    const alone = reshape(given, [batch, 1, ...pairs]);
    const each = broadcastTo(alone, [batch, sizeOf(apart), ...pairs]);
    return reshape(each, [batch * sizeOf(apart), ...pairs]);
  };
  return {
    shapes: [
      ...samples.slice(0, 3).map(sample => [sizeOf(sizesAt(sample, own)), at(sample, rank - 2)]),
      ...(mask ? [pairs] : []),
    ],
    isJoined: own.length > 1,
    fold: inputs => inputs.map((input, index) => (index < 3 ? together(input) : spread(input))),
    unfold([output, scores]) {
      const {shape} = output as Tensor;
      const lead = [at(shape, 0) / sizeOf(apart), ...apart];
      const y = transpose(reshape(output as Tensor, [...lead, ...queries, at(shape, 2)]), back);
      return scores ? [y, reshape(scores, [...lead, at(scores.shape, 1), ...queries, ...keys])] : [y];
    },
  };
}
