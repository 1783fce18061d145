// Losses of what targets and outputs have in common, as areas of images. Formulas and defaults are Keras's.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {add, broadcastTo, div, mul, select, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import {meanPerSample} from '../samples.ts';
import {epsilon, type Loss, valueLoss} from './loss.ts';

export interface OverlapOptions {
  /**
   * Axes over which areas are summed, the batch being axis 0; the loss is the mean over the others. All by
   * default, the batch among them: each of its samples then has the same loss, which depends on the batch's
   * size. [1, 2, 3] gives the loss of each image, [0, 1, 2] weighs classes along the last axis alike.
   */
  readonly axis?: number | readonly number[];
}

export interface TverskyOptions extends OverlapOptions {
  /** The weight of what is wrongly there. 0.5 by default. */
  readonly alpha?: number;
  /** The weight of what is wrongly missing. 0.5 by default. */
  readonly beta?: number;
}

function axesOf(where: string, {axis}: OverlapOptions): number[] | undefined {
  if (axis === undefined) return undefined;
  const axes: unknown[] = isList(axis) ? Array.from(axis) : [axis];
  if (axes.length === 0) fail('ERR_OPTION', `${where}: axis: expected at least one. Received ${show(axis)}.`);
  for (const each of axes) checkNumber(`${where}: axis`, each, {integer: true, min: -6, max: 5});
  return axes as number[];
}

/** Sums over axes, which are kept, so that what is left has a place for each of the others. */
function areaOf(kind: string, axes: readonly number[] | undefined): (x: Tensor) => Tensor {
  return x => {
    const odd = axes?.find(axis => axis < -x.rank || axis >= x.rank);
    if (odd !== undefined) failIn(kind, 'ERR_VALUE', `axis ${odd} is none of the axes of ${x}`);
    return sum(x, axes, true);
  };
}

/** The mean of what is left of each sample; where the batch was summed over, of all, the same for each. */
function lossOfEach(common: Tensor, all: Tensor, {shape}: Tensor): Tensor {
  return broadcastTo(meanPerSample(sub(1, div(common, all))), [shape[0] as number]);
}

/** The same loss, which also takes a mask: what that hides takes up no area. */
function ofCounted(loss: Loss): Loss {
  const ofMasked: Loss['ofMasked'] = (target, output, mask) => {
    if (!mask) return loss(target, output);
    const counts = reshape(mask, [...mask.shape, ...new Array<number>(output.rank - mask.rank).fill(1)]);
    return loss(select(counts, target, 0), select(counts, output, 0));
  };
  return Object.assign(loss, {ofMasked});
}

const plain = (axis: OverlapOptions['axis']): number | number[] | undefined =>
  axis === undefined || typeof axis === 'number' ? axis : [...axis];

/** 1 − 2·Σ t·y / (Σ t + Σ y + 1e-7), sums being over the whole batch or `axis` (Milletari et al. 2016). */
export function dice(options: OverlapOptions = {}): Loss {
  checkOptions('losses.dice', options, ['axis']);
  const area = areaOf('dice', axesOf('losses.dice', options));
  const loss = valueLoss('dice', {axis: plain(options.axis)}, (target, output) => {
    const common = mul(area(mul(target, output)), 2);
    const both = add(add(area(target), area(output)), epsilon);
    return lossOfEach(common, both, output);
  });
  return ofCounted(loss);
}

/**
 * 1 − c / (c + alpha · Σ (1 − t)·y + beta · Σ t·(1 − y) + 1e-7) with c = Σ t·y, sums being over the whole
 * batch or `axis` (Salehi et al. 2017); with alpha = beta = 0.5 it is nearly `dice`. Up to 3.15, Keras has
 * alpha and beta the other way round, against its own documentation.
 */
export function tversky(options: TverskyOptions = {}): Loss {
  const where = 'losses.tversky';
  checkOptions(where, options, ['alpha', 'beta', 'axis']);
  const {alpha = 0.5, beta = 0.5} = options;
  checkNumber(`${where}: alpha`, alpha, {min: 0, max: 1e6});
  checkNumber(`${where}: beta`, beta, {min: 0, max: 1e6});
  const area = areaOf('tversky', axesOf(where, options));
  const config = {alpha: options.alpha, beta: options.beta, axis: plain(options.axis)};
  const loss = valueLoss('tversky', config, (target, output) => {
    const common = area(mul(target, output));
    const added = mul(area(mul(sub(1, target), output)), alpha);
    const missed = mul(area(mul(target, sub(1, output))), beta);
    return lossOfEach(common, add(add(add(common, added), missed), epsilon), output);
  });
  return ofCounted(loss);
}
