// Scaled dot-product attention as one op: no scores are kept, so its memory grows with the length, not with
// its square.
import {defineOp} from '../core/define.ts';
import {checkOptions, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {zip} from '../core/lists.ts';
import {openBody} from '../core/open-body.ts';
import {formatShape, type Shape, sameShape} from '../core/shape.ts';
import {
  apply,
  apply1,
  checkTensor,
  constant,
  failIn,
  isTensor,
  type RandomSource,
  type Tensor,
  type TensorLike,
  type TensorSpec,
} from '../core/tensor.ts';
import {matmul} from './gemm.ts';
import {abs, add, cast, exp, greaterEqual, mul, neg, select, sub, zeros} from './map.ts';
import {reshape, transpose} from './move.ts';
import {slice} from './pad.ts';
import {bernoulliOp} from './random.ts';
import {sum} from './reduce.ts';

interface AttentionAttributes {
  readonly scale: number;
  readonly causal: boolean;
  /** Which further operands there are, in this order; and seed and step, where a part is kept. */
  readonly placed: boolean;
  readonly keyed: boolean;
  readonly masked: boolean;
  readonly sloped: boolean;
  readonly keep: number;
  readonly stream: number;
}

interface Operands {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly more: readonly Tensor[];
}

type Four = readonly [number, number, number, number];

function checkOperands({q, k, v}: Operands): void {
  const received = `Received ${[q, k, v].map(({shape}) => formatShape(shape)).join(', ')}`;
  if ([q, k, v].some(({rank}) => rank !== 4)) {
    failIn('attention', 'ERR_SHAPE', `expected [batch, steps, heads, size] three times. ${received}`);
  }
  const [batch, , heads, size] = q.shape as Four;
  const [ofKeys, keys, keyHeads, keySize] = k.shape as Four;
  const [ofValues, values, valueHeads] = v.shape as Four;
  if (batch !== ofKeys || batch !== ofValues || keys !== values || keyHeads !== valueHeads) {
    failIn('attention', 'ERR_SHAPE', `batches, and steps and heads of keys and values, differ. ${received}`);
  }
  if (size !== keySize) failIn('attention', 'ERR_SHAPE', `queries and keys differ in size. ${received}`);
  if (keyHeads === 0 || heads % keyHeads !== 0) {
    const wanted = `the heads of queries must be a multiple of the ${keyHeads} of keys`;
    failIn('attention', 'ERR_SHAPE', `${wanted}. ${received}`);
  }
}

const flopsOf = (
  {q, k, v}: Record<'q' | 'k' | 'v', TensorSpec>,
  products: number,
  causal: boolean,
): number => {
  const [batch, queries, heads, size] = q.shape as Four;
  const pairs = batch * queries * heads * (k.shape[1] as number) * (causal ? 0.5 : 1);
  return 2 * pairs * (products * 0.5 * (size + (v.shape[3] as number)));
};

const flags = 'causal: bool, placed: bool, keyed: bool, masked: bool, sloped: bool';
const listed = `scale: f32, ${flags}, keep: f32, stream: i32` as const;

const attentionOp = defineOp({
  signature: `attention(q: f32, k: f32, v: f32, ...more: any) -> y: f32, logs: f32 {${listed}}`,
  shape({q, k, v, more}) {
    checkOperands({q, k, v, more});
    const [batch, queries, heads] = q.shape as Four;
    return {y: [...q.shape.slice(0, 3), v.shape[3] as number], logs: [batch, heads, queries]};
  },
  flops: (operands, {causal}) => flopsOf(operands, 2, causal),
  grad({dy, dLogs}, {q, k, v, more, y, logs}, given) {
    const dMore = more.map(() => null);
    const [dq, dk, dv] = dy ? apply(attentionGradOp, [q, k, v, y, logs, dy, ...more], given) : [];
    if (!dLogs) return {dq: dq ?? null, dk: dk ?? null, dv: dv ?? null, dMore};
    const sums = gradientsOfSums({q, k, v, more}, logs, dLogs, given);
    return {
      dq: dq ? add(dq, sums.dq) : sums.dq,
      dk: dk ? add(dk, sums.dk) : sums.dk,
      dv: dv ?? null,
      dMore,
    };
  },
});

const gradOperands = 'q: f32, k: f32, v: f32, y: f32, logs: f32, dy: f32, ...more: any';

export const attentionGradOp = defineOp({
  signature: `attentionGrad(${gradOperands}) -> dq: f32, dk: f32, dv: f32 {${listed}}`,
  shape: ({q, k, v}) => ({dq: q.shape, dk: k.shape, dv: v.shape}),
  flops: (operands, {causal}) => flopsOf(operands, 5, causal),
  grad: ({dDq, dDk, dDv}, {q, k, v, y, logs, dy, more}, given) => ({
    ...secondGradients({q, k, v, more}, {y, logs, dy}, [dDq, dDk, dDv], given),
    dMore: more.map(() => null),
  }),
});

/** [batch, steps, heads, size] as [batch, heads of keys, heads that share one, steps, size]. */
function byHead(x: Tensor, keyHeads: number): Tensor {
  const [batch, steps, heads, size] = x.shape as Four;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, keyHeads, heads / keyHeads, steps, size]);
}

function byStep(x: Tensor, shape: Shape): Tensor {
  const [batch, steps, heads, size] = shape as Four;
  return transpose(reshape(x, [batch, heads, steps, size]), [0, 2, 1, 3]);
}

const positions = (count: number, shape: Shape): Tensor =>
  constant(
    Float32Array.from({length: count}, (_, index) => index),
    shape,
  );

/** Of [batch, key heads, shared, queries, keys]: what is seen, what distances take, what dropout leaves. */
function furtherParts({q, k, more}: Operands, given: AttentionAttributes) {
  const [batch, queries, heads] = q.shape as Four;
  const [, keys, keyHeads] = k.shape as Four;
  const rest = [...more];
  const next = (): Tensor => rest.shift() ?? fail('ERR_GRAPH', 'attention: an operand is missing.');
  const seen: Tensor[] = [];
  const offset = given.placed ? cast(next(), 'float32') : 0;
  const [ownPlaces, keyPlaces] = [
    add(positions(queries, [queries, 1]), offset),
    positions(keys, [1, keys]),
  ] as const;
  if (given.causal) seen.push(greaterEqual(ownPlaces, keyPlaces));
  if (given.keyed) seen.push(reshape(next(), [batch, 1, 1, 1, keys]));
  if (given.masked) {
    const mask = next();
    const [ofBatch, ofHeads, ofQueries] = mask.shape as Four;
    const split = ofHeads === 1 ? [1, 1] : [keyHeads, heads / keyHeads];
    seen.push(reshape(mask, [ofBatch, ...split, ofQueries, keys]));
  }
  const slopes = given.sloped && reshape(next(), [1, keyHeads, heads / keyHeads, 1, 1]);
  const lost = slopes ? mul(abs(sub(ownPlaces, keyPlaces)), slopes) : undefined;
  if (given.keep === 1) return {seen, lost, kept: undefined};
  const {keep, stream} = given;
  const shape = [batch, heads, queries, keyBlock * Math.ceil(keys / keyBlock)];
  const [seed, step] = [next(), next()];
  const [iteration] = rest;
  const source = iteration ? ([seed, step, iteration] as const) : ([seed, step] as const);
  const drawn = apply1(bernoulliOp, source, {shape, stream, probability: keep});
  const grown = select(slice(drawn, 3, 0, keys), Math.fround(1 / Math.fround(keep)), 0);
  return {seen, lost, kept: reshape(grown, [batch, keyHeads, heads / keyHeads, queries, keys])};
}

type Three = readonly [Tensor, Tensor, Tensor];

const times = (a: Tensor, b: Tensor): Tensor => matmul(a, b);
const byKeys = (a: Tensor, b: Tensor): Tensor => matmul(a, b, {transposeB: true});
/** For each key, summed over the heads that share it. */
const ofKeys = (a: Tensor, b: Tensor): Tensor => sum(matmul(a, b, {transposeA: true}), 2, true);
const rowSum = (x: Tensor): Tensor => sum(x, -1, true);

/** All probabilities at once, and what they are made of, by head; with what dropout leaves of them. */
function probabilities(operands: Operands, logs: Tensor, given: AttentionAttributes) {
  const {q, k, v} = operands;
  const [batch, queries, heads] = q.shape as Four;
  const keyHeads = k.shape[2] as number;
  const [Q, K, V] = [q, k, v].map(x => byHead(x, keyHeads)) as unknown as Three;
  const {seen, lost, kept} = furtherParts(operands, given);
  const perRow = (x: Tensor): Tensor => reshape(x, [batch, keyHeads, heads / keyHeads, queries, 1]);
  const scaled = mul(byKeys(Q, K), given.scale);
  const scores = lost ? sub(scaled, lost) : scaled;
  const P = seen.reduce((p, own) => select(own, p, 0), exp(sub(scores, perRow(logs))));
  return {Q, K, V, P, drop: (x: Tensor): Tensor => (kept ? mul(x, kept) : x), perRow};
}

/** Of the logarithms of the sums: the derivative by a score is its probability. */
function gradientsOfSums(operands: Operands, logs: Tensor, dLogs: Tensor, given: AttentionAttributes) {
  const {Q, K, P, perRow} = probabilities(operands, logs, given);
  const dScores = mul(mul(P, perRow(dLogs)), given.scale);
  return {
    dq: byStep(times(dScores, K), operands.q.shape),
    dk: byStep(ofKeys(dScores, Q), operands.k.shape),
  };
}

interface Arrived {
  readonly y: Tensor;
  readonly logs: Tensor;
  readonly dy: Tensor;
}

/** Gradients of the gradients, from their formulas, with scores for all pairs at once. */
function secondGradients(
  operands: Operands,
  {y, logs, dy}: Arrived,
  arriving: readonly (Tensor | null)[],
  given: AttentionAttributes,
) {
  const {q, k, v} = operands;
  const keyHeads = k.shape[2] as number;
  const {Q, K, V, P, drop} = probabilities(operands, logs, given);
  const [Y, dY] = [byHead(y, keyHeads), byHead(dy, keyHeads)];
  const [gQ, gK, gV] = zip([q, k, v], arriving).map(([x, gradient]) =>
    byHead(gradient ?? zeros(x.shape), keyHeads),
  ) as unknown as Three;
  const scaled = (x: Tensor): Tensor => mul(x, given.scale);
  const change = sub(drop(byKeys(dY, V)), rowSum(mul(dY, Y)));
  const dScores = mul(P, change);
  // What arrives at the gradients of the scores; through them at those of P, and at P, and at the scores.
  const arrived = scaled(add(byKeys(gQ, K), byKeys(Q, gK)));
  const atGradient = mul(P, arrived);
  const atScores = mul(P, add(mul(arrived, change), drop(byKeys(dY, gV))));
  const past = neg(rowSum(atGradient));
  const dropped = drop(atGradient);
  return {
    dq: byStep(scaled(add(times(atScores, K), times(dScores, gK))), q.shape),
    dk: byStep(scaled(add(ofKeys(atScores, Q), ofKeys(dScores, gQ))), k.shape),
    dv: byStep(ofKeys(dropped, dY), v.shape),
    dy: byStep(mul(past, dY), y.shape),
    dLogs: neg(reshape(rowSum(atScores), logs.shape)),
    dDy: byStep(add(add(times(drop(P), gV), times(dropped, V)), mul(past, Y)), dy.shape),
  };
}

/** Twin of kKeyBlock in native/kernels/attention_shape.h. */
const keyBlock = 64;

export interface AttentionOptions {
  /** What scores are multiplied with: 1/√size by default. */
  readonly scale?: number;
  /** Query i sees keys up to its own position. False by default. */
  readonly causal?: boolean;
  /** With `causal` or `slopes`, the position of the first query, int32[]: 0 by default. */
  readonly offset?: TensorLike;
  /**
   * For each head, what a score loses by each step between query and key (ALiBi, Press et al. 2022). Nothing
   * by default.
   */
  readonly slopes?: readonly number[];
  /** Keys that are seen, bool [batch, keys]. */
  readonly keyMask?: Tensor;
  /** Pairs that are seen, bool [batch or 1, heads or 1, queries or 1, keys]. */
  readonly mask?: Tensor;
  /** Zeroes each probability at this rate, below 1, and scales the rest by 1/(1 − rate). */
  readonly dropout?: {readonly rate: number; readonly source: RandomSource};
}

const known = ['scale', 'causal', 'offset', 'slopes', 'keyMask', 'mask', 'dropout'] as const;

const isBroadcast = (sizes: Shape, wanted: Shape): boolean =>
  sizes.length === wanted.length && sizes.every((size, axis) => size === 1 || size === wanted[axis]);

function checkMore({q, k}: Operands, {keyMask, mask, offset, slopes}: AttentionOptions): void {
  const [batch, queries, heads] = q.shape as Four;
  const keys = k.shape[1] as number;
  const refuse = (name: string, wanted: string, given: unknown): never =>
    failIn('attention', 'ERR_SHAPE', `${name} must be ${wanted}. Received ${show(given)}`);
  if (keyMask !== undefined) {
    const fits = isTensor(keyMask) && keyMask.dtype === 'bool' && sameShape(keyMask.shape, [batch, keys]);
    if (!fits) refuse('keyMask', `bool[${batch},${keys}]`, keyMask);
  }
  if (mask !== undefined) {
    const whole = [batch, heads, queries, keys];
    const fits = isTensor(mask) && mask.dtype === 'bool' && mask.shape[3] === keys;
    if (!fits || !isBroadcast(mask.shape, whole))
      refuse('mask', `bool[${whole}], or 1 but for the last`, mask);
  }
  const isRight = (list: readonly number[]): boolean =>
    Array.isArray(list) && list.length === heads && list.every(Number.isFinite);
  if (slopes !== undefined && !isRight(slopes)) {
    refuse('slopes', `one finite number for each of the ${heads} heads`, slopes);
  }
  if (isTensor(offset) && (offset.dtype !== 'int32' || offset.size !== 1)) {
    refuse('offset', 'one int32', offset);
  }
}

/**
 * softmax(scale · q·kᵀ)·v for each head (Vaswani et al. 2017): q [batch, queries, heads, size], k [batch,
 * keys, key heads, size], v [batch, keys, key heads, value size] to [batch, queries, heads, value size].
 * Where there are fewer key heads, neighbouring heads share one (Ainslie et al. 2023). A query that sees no
 * key gives zeros. Neither scores nor probabilities are kept, here or for the gradients, whatever the lengths
 * are; and a row has the same bits beside other rows as alone, with a cache of keys as without.
 *
 * @throws ERR_SHAPE where sizes, heads or masks do not fit; ERR_VALUE for a rate of dropout that is not in
 * [0, 1).
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  for (const [name, tensor] of Object.entries({q, k, v})) checkTensor('attention', name, tensor);
  checkOptions('ops.attention', options, [...known]);
  checkOperands({q, k, v, more: []});
  checkMore({q, k, v, more: []}, options);
  const {scale = 1 / Math.sqrt(q.shape[3] as number), causal = false, offset, slopes} = options;
  const {keyMask, mask} = options;
  const rate = options.dropout?.rate ?? 0;
  if (!(rate >= 0 && rate < 1)) {
    failIn('attention', 'ERR_VALUE', `the rate of dropout must be in [0, 1). Received ${show(rate)}`);
  }
  const {seed, step, stream} = options.dropout?.source ?? {};
  const iteration = rate > 0 ? openBody()?.iteration : undefined;
  const placed = (causal || slopes !== undefined) && offset !== undefined;
  const place = typeof offset === 'number' ? constant(offset, [], 'int32') : offset;
  const lost = slopes && constant(Float32Array.from(slopes), [slopes.length]);
  const drawn = rate > 0 ? [seed, step, iteration] : [];
  const more = [placed ? place : undefined, keyMask, mask, lost, ...drawn];
  const given = {
    scale,
    causal,
    placed,
    keyed: keyMask !== undefined,
    masked: mask !== undefined,
    sloped: slopes !== undefined,
    keep: 1 - rate,
    stream: stream ?? 0,
  };
  return apply(attentionOp, [q, k, v, ...more.filter(isTensor)], given)[0];
}
