// How the next token is chosen from logits [rows, classes], inside the plan: the likeliest, drawn, or by beam
// search.
import {at} from '../../../core/lists.ts';
import {constant, type Tensor, type TensorSpec} from '../../../core/tensor.ts';
import {cumsum} from '../../../ops/cumulate.ts';
import {gather, takeAlongAxis} from '../../../ops/indexing.ts';
import {
  add,
  div,
  equal,
  greaterEqual,
  less,
  log,
  logicalOr,
  mul,
  neg,
  select,
  sub,
} from '../../../ops/map.ts';
import {reshape} from '../../../ops/move.ts';
import {randomUniformOf} from '../../../ops/random.ts';
import {argMax} from '../../../ops/reduce.ts';
import {logSoftmax, softmax} from '../../../ops/softmax.ts';
import {argsort, sort, topK} from '../../../ops/sort.ts';
import type {GenerateRequest} from './options.ts';

/** What a choice may depend on. */
export interface Choice {
  /** The token that is known already, int32[rows]; below 0 where one is to be chosen. */
  readonly forced: Tensor;
  /** Of the token in the text, int32[1]: what is drawn follows from it. */
  readonly number: Tensor;
  readonly seed: Tensor;
  /** By name, [1] each. */
  readonly settings: Readonly<Record<string, Tensor>>;
}

export interface Chosen {
  /** int32[rows]. */
  readonly tokens: Tensor;
  /** The row whose text each row goes on with, int32[rows]; its own where there are none. */
  readonly parents?: Tensor;
  readonly kept: readonly Tensor[];
}

export interface Sampler {
  /** All that the plan depends on. */
  readonly key: string;
  readonly rows: number;
  /** Numbers of the run, float32[1] each. */
  readonly settings: Readonly<Record<string, number>>;
  readonly usesSeed: boolean;
  /** What is kept from token to token, [rows] each, with its first values. */
  readonly kept: readonly {readonly spec: TensorSpec; readonly initial: readonly number[]}[];
  choose(logits: Tensor, kept: readonly Tensor[], choice: Choice): Chosen;
}

/** Beside others, what has such a logit is never chosen. */
const never = -1e9;

/** The token that is known, or the one that was chosen. */
const unlessForced = (forced: Tensor, chosen: Tensor): Tensor =>
  select(greaterEqual(forced, 0), forced, chosen);

const greedy: Sampler = {
  key: 'greedy',
  rows: 1,
  settings: {},
  usesSeed: false,
  kept: [],
  choose: (logits, _, {forced}) => ({tokens: unlessForced(forced, argMax(logits, -1)), kept: []}),
};

/** Logits of the likeliest tokens in descending order, and which they are; else all in their own order. */
function candidates(logits: Tensor, k: number | undefined, sorted: boolean) {
  const classes = logits.shape[1] as number;
  if (k !== undefined && k < classes) return topK(logits, k);
  if (!sorted) return {values: logits, indices: undefined};
  return {values: sort(logits, -1, true), indices: argsort(logits, -1, true)};
}

/** Drawn from the softmax of logits / temperature, of the likeliest tokens. */
function drawing({temperature, topK: k, topP}: GenerateRequest): Sampler {
  const cuts = topP < 1;
  return {
    key: `drawing ${k ?? 'all'} ${cuts}`,
    rows: 1,
    settings: {temperature, ...(cuts && {topP})},
    usesSeed: true,
    kept: [],
    choose(logits, _, {forced, number, seed, settings}) {
      const {values, indices} = candidates(logits, k, cuts);
      const scaled = div(values, settings.temperature as Tensor);
      const before = cuts ? cumsum(softmax(scaled), -1, true) : undefined;
      const left = before ? select(less(before, settings.topP as Tensor), scaled, never) : scaled;
      // The largest of logits plus Gumbel numbers (Gumbel 1954).
      const uniform = randomUniformOf({seed, stream: 0}, number, left.shape, [2 ** -126, 1]);
      const place = argMax(add(left, neg(log(neg(log(uniform))))), -1);
      const chosen = indices ? reshape(takeAlongAxis(indices, reshape(place, [1, 1])), place.shape) : place;
      return {tokens: unlessForced(forced, chosen), kept: []};
    },
  };
}

/** Whether each token ends its text: bool[rows]. */
const endsText = (tokens: Tensor, stops: readonly number[]): Tensor =>
  stops.map(stop => equal(tokens, stop)).reduce((a, b) => logicalOr(a, b));

/** Log-probabilities by which a text that has ended goes on with one token, for nothing: [1, classes]. */
function afterEnd(classes: number, stop: number): Tensor {
  const data = new Float32Array(classes).fill(never);
  data[Math.min(stop, classes - 1)] = 0;
  return constant(data, [1, classes]);
}

/**
 * The rows of largest log-probability as a whole, the best first. They are equal before a token is chosen,
 * so all but one begin far below.
 */
function beams({numBeams: rows, stopTokens: stops}: GenerateRequest): Sampler {
  const ends = stops.length > 0;
  const counted = Int32Array.from({length: rows}, (_, row) => row);
  const scores = {
    spec: {shape: [rows], dtype: 'float32'} as const,
    initial: Array.from(counted, row => (row === 0 ? 0 : never)),
  };
  const ended = {spec: {shape: [rows], dtype: 'bool'} as const, initial: new Array<number>(rows).fill(0)};
  return {
    key: `beams ${rows} ${stops.join()}`,
    rows,
    settings: {},
    usesSeed: false,
    kept: ends ? [scores, ended] : [scores],
    choose(logits, [before, over], {forced}) {
      const classes = logits.shape[1] as number;
      const own = logSoftmax(logits);
      const next = over ? select(reshape(over, [rows, 1]), afterEnd(classes, at(stops, 0)), own) : own;
      const sums = add(reshape(before as Tensor, [rows, 1]), next);
      const {values, indices} = topK(reshape(sums, [rows * classes]), rows);
      const from = div(indices, classes);
      const isForced = greaterEqual(forced, 0);
      const parents = select(isForced, constant(counted, [rows], 'int32'), from);
      const tokens = unlessForced(forced, sub(indices, mul(from, classes)));
      const now = select(isForced, before as Tensor, values);
      if (!over) return {tokens, parents, kept: [now]};
      const ending = logicalOr(gather(over, parents), endsText(tokens, stops));
      return {tokens, parents, kept: [now, select(isForced, over, ending)]};
    },
  };
}

export function samplerOf(request: GenerateRequest): Sampler {
  if (request.numBeams > 1) return beams(request);
  return request.temperature === 0 ? greedy : drawing(request);
}
