// The namespace `regularizers`: every export is a member. Each computes a scalar that is added to the loss.
import {checkChoice, checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {formatShape} from '../core/shape.ts';
import {failIn, type Tensor} from '../core/tensor.ts';
import {matmul} from '../ops/gemm.ts';
import {abs, add, div, maximum, mul, sqrt, square, sub} from '../ops/map.ts';
import {sum} from '../ops/reduce.ts';
import {identityMatrix} from './matrices.ts';
import {sumPerSample} from './samples.ts';

/** A penalty on a weight, or on the output of a layer. */
export type Regularizer = ((weight: Tensor) => Tensor) &
  Named & {
    /** The penalty of each sample, [batch], if that of a batch is their sum. */
    readonly perSample?: (activity: Tensor) => Tensor;
  };

/** l1 · Σ|w| + l2 · Σw², with sums by `total`. */
function elementwise(l1: number, l2: number, total: (x: Tensor) => Tensor): (weight: Tensor) => Tensor {
  return weight => {
    const absolute = l1 === 0 ? undefined : mul(total(abs(weight)), l1);
    if (absolute && l2 === 0) return absolute;
    const squared = mul(total(square(weight)), l2);
    return absolute ? add(absolute, squared) : squared;
  };
}

function define(kind: string, given: Readonly<Record<string, number | undefined>>, l1: number, l2: number) {
  checkNumber(`regularizers.${kind}: l1`, l1, {min: 0});
  checkNumber(`regularizers.${kind}: l2`, l2, {min: 0});
  const ofBatch = elementwise(l1, l2, x => sum(x));
  return named(kind, given, Object.assign(ofBatch, {perSample: elementwise(l1, l2, sumPerSample)}));
}

/** l1 · Σ|w|. */
export function l1(options: {l1?: number} = {}): Regularizer {
  checkOptions('regularizers.l1', options, ['l1']);
  return define('l1', {l1: options.l1}, options.l1 ?? 0.01, 0);
}

/** l2 · Σw². */
export function l2(options: {l2?: number} = {}): Regularizer {
  checkOptions('regularizers.l2', options, ['l2']);
  return define('l2', {l2: options.l2}, 0, options.l2 ?? 0.01);
}

/** l1 · Σ|w| + l2 · Σw²; both are 0.01 by default, as in TensorFlow.js. In Keras they are 0: give both. */
export function l1l2(options: {l1?: number; l2?: number} = {}): Regularizer {
  checkOptions('regularizers.l1l2', options, ['l1', 'l2']);
  const given = {l1: options.l1, l2: options.l2};
  return define('l1l2', given, options.l1 ?? 0.01, options.l2 ?? 0.01);
}

export interface OrthogonalOptions {
  /** 0.01 by default. */
  readonly factor?: number;
  /** What should become orthogonal: `rows` by default. */
  readonly mode?: 'rows' | 'columns';
}

/**
 * factor · the mean of |cos| over all pairs of rows, or of columns, of a matrix: 0 if they are orthogonal, as
 * Keras's OrthogonalRegularizer. The rows of a layer's output are the samples that are computed together.
 */
export function orthogonalRegularizer(options: OrthogonalOptions = {}): Regularizer {
  const where = 'regularizers.orthogonalRegularizer';
  checkOptions(where, options, ['factor', 'mode']);
  const {factor = 0.01, mode = 'rows'} = options;
  checkNumber(`${where}: factor`, factor, {min: 0});
  checkChoice(`${where}: mode`, mode, ['rows', 'columns']);
  return named('orthogonalRegularizer', {...options}, (weight: Tensor) => {
    if (weight.rank !== 2) {
      failIn(
        'orthogonalRegularizer',
        'ERR_SHAPE',
        `expected a matrix. Received ${formatShape(weight.shape)}`,
      );
    }
    const along = mode === 'rows' ? 1 : 0;
    const lengths = sqrt(maximum(sum(square(weight), along, true), 1e-24));
    const unit = div(weight, lengths);
    const cosines = matmul(unit, unit, {transposeA: along === 0, transposeB: along === 1});
    const size = weight.shape[1 - along] as number;
    const others = mul(abs(cosines), sub(1, identityMatrix(size, size)));
    return mul(sum(others), factor / Math.max(1, size * (size - 1)));
  });
}
