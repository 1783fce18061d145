// The namespace `activations`: every export is a member.
import {checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import type {Tensor} from '../core/tensor.ts';
import * as map from '../ops/map.ts';
import {softmax as softmaxOp} from '../ops/softmax.ts';

/** An elementwise function of a layer's sums, or a function of its last axis. */
export type Activation = ((x: Tensor) => Tensor) & Named;

type NoOptions = Readonly<Record<string, never>>;

function define(kind: string, formula: (x: Tensor) => Tensor): (options?: NoOptions) => Activation {
  return options => {
    checkOptions(`activations.${kind}`, options, []);
    return named(kind, {}, (x: Tensor) => formula(x));
  };
}

/** x. */
export const linear = define('linear', x => x);
/** max(x, 0). */
export const relu = define('relu', map.relu);
/** 1 / (1 + exp(−x)). */
export const sigmoid = define('sigmoid', map.sigmoid);
/** The hyperbolic tangent. */
export const tanh = define('tanh', map.tanh);
/** exp(x) / Σ exp(x) over the last axis. */
export const softmax = define('softmax', softmaxOp);
