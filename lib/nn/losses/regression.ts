// Distances between values. Formulas and defaults are Keras's.
import {checkNumber, checkOptions} from '../../core/errors.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {
  abs,
  add,
  div,
  lessEqual,
  log,
  maximum,
  mul,
  neg,
  select,
  softplus,
  sqrt,
  square,
  sub,
} from '../../ops/map.ts';
import {sum} from '../../ops/reduce.ts';
import {meanPerSample} from '../samples.ts';
import {epsilon, type Loss, type NoOptions, valueLoss} from './loss.ts';

/** A loss without options: the mean of an elementwise formula. */
function elementwise(kind: string, formula: (target: Tensor, output: Tensor) => Tensor) {
  return (options?: NoOptions): Loss => {
    checkOptions(`losses.${kind}`, options, []);
    return valueLoss(kind, {}, (target, output) => meanPerSample(formula(target, output)));
  };
}

const difference = (target: Tensor, output: Tensor): Tensor => sub(output, target);

/** Mean of (output − target)² over each sample. */
export const meanSquaredError = elementwise('meanSquaredError', (target, output) =>
  square(difference(target, output)),
);

/** Mean of |output − target|. */
export const meanAbsoluteError = elementwise('meanAbsoluteError', (target, output) =>
  abs(difference(target, output)),
);

/** 100 · mean of |output − target| / |target|, with |target| at least 1e-7. */
export const meanAbsolutePercentageError = elementwise('meanAbsolutePercentageError', (target, output) =>
  mul(div(abs(difference(target, output)), maximum(abs(target), epsilon)), 100),
);

const logOfOneMore = (x: Tensor): Tensor => log(add(maximum(x, epsilon), 1));

/** Mean of (log(1 + output) − log(1 + target))²; values below 1e-7 count as that. */
export const meanSquaredLogarithmicError = elementwise('meanSquaredLogarithmicError', (target, output) =>
  square(sub(logOfOneMore(output), logOfOneMore(target))),
);

/** Mean of log(cosh(output − target)), computed as d + softplus(−2d) − log 2: it does not overflow. */
export const logcosh = elementwise('logcosh', (target, output) => {
  const d = abs(difference(target, output));
  return sub(add(d, softplus(mul(d, -2))), Math.LN2);
});

/** Mean of output − target · log(output), for targets that are counts and outputs that are their rates. */
export const poisson = elementwise('poisson', (target, output) =>
  sub(output, mul(target, log(add(output, epsilon)))),
);

/**
 * Mean of d²/2 where d = |output − target| is at most delta, of delta · d − delta²/2 elsewhere; delta is 1 by
 * default (Huber 1964).
 */
export function huber(options: {delta?: number} = {}): Loss {
  checkOptions('losses.huber', options, ['delta']);
  const {delta = 1} = options;
  checkNumber('losses.huber: delta', delta, {above: 0, max: 1e15});
  return valueLoss('huber', {delta: options.delta}, (target, output) => {
    const d = abs(difference(target, output));
    const beyond = sub(mul(d, delta), 0.5 * delta * delta);
    return meanPerSample(select(lessEqual(d, delta), mul(square(d), 0.5), beyond));
  });
}

/** `x` scaled to length 1 along `axis`; vectors shorter than 1e-7 are divided by 1e-7. */
export function unitVectors(x: Tensor, axis: number): Tensor {
  return div(x, sqrt(maximum(sum(square(x), axis, true), epsilon * epsilon)));
}

/** Cosine of the angle between target and output along `axis`, which the result lacks. */
export function cosines(kind: string, target: Tensor, output: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + output.rank : axis;
  if (at < 1 || at >= output.rank) {
    failIn(kind, 'ERR_VALUE', `axis ${axis} is none of a sample's axes. Received ${output}`);
  }
  return sum(mul(unitVectors(target, at), unitVectors(output, at)), at);
}

/** −cos of the angle between target and output along `axis`, the last by default; the batch is axis 0. */
export function cosineSimilarity(options: {axis?: number} = {}): Loss {
  checkOptions('losses.cosineSimilarity', options, ['axis']);
  const {axis = -1} = options;
  checkNumber('losses.cosineSimilarity: axis', axis, {integer: true, min: -6, max: 5});
  return valueLoss('cosineSimilarity', {axis: options.axis}, (target, output) =>
    meanPerSample(neg(cosines('cosineSimilarity', target, output, axis))),
  );
}
