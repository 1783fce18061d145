// The namespace `activations`: every export is a member. Names and defaults are Keras's. Each is a formula of
// a few elementwise ops, which the compiler fuses into a product or into one pass over memory.
import {checkBoolean, checkNumber, checkOptions} from '../core/errors.ts';
import {type Named, named} from '../core/named.ts';
import {constant, failIn, type Tensor} from '../core/tensor.ts';
import {cumsum} from '../ops/cumulate.ts';
import * as map from '../ops/map.ts';
import {slice} from '../ops/pad.ts';
import {sum} from '../ops/reduce.ts';
import * as rows from '../ops/softmax.ts';
import {sort} from '../ops/sort.ts';

const {add, div, expm1, greater, mul, neg, select, sub} = map;

/** A function of a layer's pre-activations: elementwise, or over the last axis. */
export type Activation = ((x: Tensor) => Tensor) & Named;

type NoOptions = Readonly<Record<string, never>>;

function define(kind: string, formula: (x: Tensor) => Tensor): (options?: NoOptions) => Activation {
  return options => {
    checkOptions(`activations.${kind}`, options, []);
    return named(kind, {}, (x: Tensor) => formula(x));
  };
}

/** An activation with one numeric option. */
function defineWithOption<Name extends string>(
  kind: string,
  name: Name,
  defaultValue: number,
  range: Parameters<typeof checkNumber>[2],
  formula: (x: Tensor, value: number) => Tensor,
): (options?: {readonly [Key in Name]?: number}) => Activation {
  return options => {
    checkOptions(`activations.${kind}`, options, [name]);
    const given = options?.[name];
    const value = given ?? defaultValue;
    checkNumber(`activations.${kind}: ${name}`, value, range);
    return named(kind, {[name]: given}, (x: Tensor) => formula(x, value));
  };
}

/** x where x > 0, else negative(x). `negative` gets 0 for positive x, for which it might overflow. */
function whereNegative(x: Tensor, negative: (x: Tensor) => Tensor): Tensor {
  const positive = greater(x, 0);
  return select(positive, x, negative(select(positive, 0, x)));
}

/** x limited to low…high; the derivative at both limits is 0, as in PyTorch. */
function clip(x: Tensor, low: number, high: number): Tensor {
  return select(map.greaterEqual(x, high), high, select(map.lessEqual(x, low), low, x));
}

const clipTo6 = (x: Tensor): Tensor => clip(x, 0, 6);

/** x. */
export const linear = define('linear', x => x);
/** 1 / (1 + exp(−x)). */
export const sigmoid = define('sigmoid', map.sigmoid);
/** The hyperbolic tangent. */
export const tanh = define('tanh', map.tanh);
/** max(x, 0) (Nair and Hinton 2010). */
export const relu = define('relu', map.relu);
/** min(max(x, 0), 6) (Howard et al. 2017). */
export const relu6 = define('relu6', map.relu6);

/** x where x > 0, else negativeSlope · x; 0.2 by default (Maas et al. 2013). */
export const leakyRelu = defineWithOption('leakyRelu', 'negativeSlope', 0.2, {min: 0}, (x, negativeSlope) =>
  select(greater(x, 0), x, mul(x, negativeSlope)),
);

/** x where x > 0, else alpha · (exp(x) − 1); alpha is 1 by default (Clevert et al. 2016). */
export const elu = defineWithOption('elu', 'alpha', 1, {}, (x, alpha) =>
  whereNegative(x, negative => mul(expm1(negative), alpha)),
);

/** The constants of selu's fixed point, to float64. */
const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** 1.0507… · elu with alpha = 1.6732…, which keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export const selu = define('selu', x =>
  mul(
    whereNegative(x, negative => mul(expm1(negative), seluAlpha)),
    seluScale,
  ),
);

/** x where x > 0, else alpha · (exp(x / alpha) − 1); alpha is 1 by default (Barron 2017). */
export const celu = defineWithOption('celu', 'alpha', 1, {above: 0}, (x, alpha) =>
  whereNegative(x, negative => mul(expm1(mul(negative, 1 / alpha)), alpha)),
);

/**
 * x · Φ(x), Φ being the standard normal's distribution function; with `approximate` its form by tanh
 * (Hendrycks and Gimpel 2016).
 */
export function gelu(options: {approximate?: boolean} = {}): Activation {
  checkOptions('activations.gelu', options, ['approximate']);
  const {approximate = false} = options;
  checkBoolean('activations.gelu: approximate', approximate);
  return named('gelu', {approximate: options.approximate}, approximate ? map.geluTanh : map.gelu);
}

const swishOf = (x: Tensor): Tensor => mul(x, map.sigmoid(x));
/** x · sigmoid(x) (Ramachandran et al. 2017). */
export const swish = define('swish', swishOf);
/** `swish` under its other name (Elfwing et al. 2018). */
export const silu = define('silu', swishOf);
/** x · tanh(softplus(x)) (Misra 2019). */
export const mish = define('mish', x => mul(x, map.tanh(map.softplus(x))));
/** log(1 + exp(x)) (Dugas et al. 2001). */
export const softplus = define('softplus', map.softplus);
/** x / (1 + |x|) (Bergstra et al. 2009). */
export const softsign = define('softsign', x => div(x, add(map.abs(x), 1)));
const keras3Slope = 1 / 6;

/**
 * min(max(slope · x + 1/2, 0), 1). The slope is 1/6 by default, as in Keras 3 and PyTorch (Howard et al.
 * 2019); in TensorFlow.js and Keras 2 it is 0.2 (Courbariaux et al. 2015).
 */
export const hardSigmoid = defineWithOption('hardSigmoid', 'slope', keras3Slope, {above: 0}, (x, slope) =>
  slope === keras3Slope ? mul(clipTo6(add(x, 3)), slope) : clip(add(mul(x, slope), 0.5), 0, 1),
);

const hardSwishOf = (x: Tensor): Tensor => mul(x, mul(clipTo6(add(x, 3)), 1 / 6));
/** x · hardSigmoid(x) (Howard et al. 2019). */
export const hardSwish = define('hardSwish', hardSwishOf);
/** `hardSwish` under its other name. */
export const hardSilu = define('hardSilu', hardSwishOf);
/** x limited to −1…1. */
export const hardTanh = define('hardTanh', x => clip(x, -1, 1));
/** x where |x| > threshold, else 0; 0.5 by default (Keras 3, PyTorch). */
export const hardShrink = defineWithOption('hardShrink', 'threshold', 0.5, {min: 0}, (x, least) =>
  select(map.lessEqual(map.abs(x), least), 0, x),
);

/** x brought nearer to 0 by the threshold, 0 where |x| is no larger; 0.5 by default (Donoho 1995). */
export const softShrink = defineWithOption('softShrink', 'threshold', 0.5, {min: 0}, (x, least) =>
  select(map.lessEqual(map.abs(x), least), 0, sub(x, clip(x, -least, least))),
);

/** x − tanh(x). */
export const tanhShrink = define('tanhShrink', x => sub(x, map.tanh(x)));
/** log(sigmoid(x)), computed as −softplus(−x). */
export const logSigmoid = define('logSigmoid', x => neg(map.softplus(neg(x))));

/** 0 up to −1, x from 1 on, (x + 1)² / 4 between (Keras 3). */
export const sparsePlus = define('sparsePlus', x => {
  const between = mul(map.square(add(clip(x, -1, 1), 1)), 0.25);
  return select(map.greaterEqual(x, 1), x, between);
});

/** 0 up to −1, 1 from 1 on, (x + 1) / 2 between: the slope of `sparsePlus` (Keras 3). */
export const sparseSigmoid = define('sparseSigmoid', x => clip(mul(add(x, 1), 0.5), 0, 1));

/**
 * (x + √(x² + b)) / 2; b is 4 by default (Barron 2021). Computed as max(x, 0) + b / 2 / (√(x² + b) + |x|),
 * which loses no digits where x is far below 0.
 */
export const squareplus = defineWithOption('squareplus', 'b', 4, {above: 0}, (x, b) => {
  const positive = map.greaterEqual(x, 0);
  const root = map.sqrt(add(map.square(x), b));
  return add(select(positive, x, 0), div(b / 2, add(root, select(positive, x, neg(x)))));
});

export interface ThresholdOptions {
  /** 0 by default. */
  readonly threshold?: number;
  /** 0 by default. */
  readonly defaultValue?: number;
}

/** x where x > threshold, else defaultValue (Keras 3, PyTorch). */
export function threshold(options: ThresholdOptions = {}): Activation {
  const where = 'activations.threshold';
  checkOptions(where, options, ['threshold', 'defaultValue']);
  const {threshold: least = 0, defaultValue = 0} = options;
  checkNumber(`${where}: threshold`, least, {});
  checkNumber(`${where}: defaultValue`, defaultValue, {});
  const formula = (x: Tensor): Tensor => select(map.lessEqual(x, least), defaultValue, x);
  return named('threshold', {threshold: options.threshold, defaultValue: options.defaultValue}, formula);
}

/** exp(x). */
export const exponential = define('exponential', map.exp);
/** exp(x) / Σ exp(x) over the last axis. */
export const softmax = define('softmax', rows.softmax);
/** log(exp(x) / Σ exp(x)) over the last axis. */
export const logSoftmax = define('logSoftmax', rows.logSoftmax);

/** a · sigmoid(b), a being the first half of the last axis and b the second (Dauphin et al. 2017). */
export const glu = define('glu', x => {
  const size = x.shape.at(-1) as number;
  if (x.rank < 1 || size % 2 !== 0) {
    failIn('glu', 'ERR_SHAPE', `expected an even number of elements in the last axis. Received ${x}`);
  }
  const axis = x.rank - 1;
  return mul(slice(x, axis, 0, size / 2), map.sigmoid(slice(x, axis, size / 2, size / 2)));
});

/**
 * The point of the simplex that is nearest to each row of the last axis: a softmax with zeros (Martins and
 * Astudillo 2016, algorithm 1).
 */
export const sparsemax = define('sparsemax', x => {
  const size = x.shape.at(-1) as number;
  const sorted = sort(x, -1, true);
  const above = cumsum(sorted, x.rank - 1);
  const ranks = constant(
    Float32Array.from({length: size}, (_, at) => at + 1),
    [size],
  );
  // The k largest are in the support: what is subtracted makes them add up to 1.
  const inSupport = greater(add(mul(sorted, ranks), 1), above);
  const count = sum(map.cast(inSupport, 'float32'), -1, true);
  const shift = div(sub(sum(select(inSupport, sorted, 0), -1, true), 1), count);
  return map.relu(sub(x, shift));
});
