// A small classifier trained by hand: the graph of one step, its data, and a run of many steps in calls of
// any length. What a whole training run must not depend on is tested with it.
import {createHash} from 'node:crypto';
import type {TypedArray} from '../../lib/core/dtype.ts';
import {input, type Op, type Tensor, type Variable, variable} from '../../lib/core/tensor.ts';
import {gradients} from '../../lib/graph/autodiff.ts';
import * as ops from '../../lib/ops/index.ts';
import {adamOp, momentumOp, nesterovOp, sgdOp, type UpdateAttributes} from '../../lib/ops/optimizer.ts';
import {generator} from './random.ts';

export interface Sizes {
  readonly samples: number;
  readonly features: number;
  readonly hidden: number;
  readonly classes: number;
  readonly batch: number;
}

export const small: Sizes = {samples: 500, features: 20, hidden: 32, classes: 10, batch: 25};
/** Large enough for the products and the update to be shared among threads. */
export const broad: Sizes = {samples: 600, features: 100, hidden: 257, classes: 10, batch: 64};

export interface Step {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates: readonly (readonly [Variable, Tensor])[];
  readonly guards: readonly Tensor[];
  readonly variables: readonly Variable[];
}

interface Rule {
  readonly op: Op<UpdateAttributes>;
  /** Names of the values kept for each parameter besides itself. */
  readonly moments: readonly string[];
  /** Row of `hyper` for step t, counted from 1. */
  hyper(t: number): number[];
}

export const rules = {
  sgd: {op: sgdOp, moments: [], hyper: () => [0.1]},
  momentum: {op: momentumOp, moments: ['v'], hyper: () => [0.02, 0.9]},
  nesterov: {op: nesterovOp, moments: ['v'], hyper: () => [0.02, 0.9]},
  adam: {
    op: adamOp,
    moments: ['m', 'v'],
    hyper(t) {
      return [1e-2 / (1 - 0.9 ** t), 0.9, 1 - 0.9, 0.999, 1 - 0.999, 1 / Math.sqrt(1 - 0.999 ** t), 1e-7];
    },
  },
} satisfies Record<string, Rule>;
export type RuleName = keyof typeof rules;

/** relu, dropout, softmax; cross-entropy; an optimizer's update. */
export function trainingStep({features, hidden, classes, batch}: Sizes, name: RuleName = 'adam'): Step {
  const rule: Rule = rules[name];
  const int32 = (name: string, shape: number[], perStep: boolean): Tensor =>
    input({name, shape, dtype: 'int32', perStep});
  const rows = int32('rows', [batch], true);
  const source = {seed: int32('seed', [2], false), step: int32('step', [1], true)};
  const hyper = input({name: 'hyper', shape: [1, rule.hyper(1).length], perStep: true});
  const weight = (name: string, shape: number[]): Variable =>
    variable({name, shape, initial: random => ops.randomNormal(random, shape, 0, 0.1)});
  const parameters = [
    weight('w1', [features, hidden]),
    weight('b1', [hidden]),
    weight('w2', [hidden, classes]),
    weight('b2', [classes]),
  ];
  const [w1, b1, w2, b2] = parameters.map(({tensor}) => tensor) as [Tensor, Tensor, Tensor, Tensor];
  const x = ops.gatherRows(input({name: 'x', shape: [-1, features]}), rows);
  const y = ops.gatherLabels(input({name: 'y', shape: [-1], dtype: 'uint8'}), rows);
  const layer = ops.dropout(ops.relu(ops.add(ops.matmul(x, w1), b1)), 0.2, {...source, stream: 7});
  const {loss} = ops.softmaxCrossentropy(ops.add(ops.matmul(layer, w2), b2), y);
  const mean = ops.mean(loss);
  const derivatives = gradients(mean, [w1, b1, w2, b2]);
  const moments = parameters.map(({name, shape}) =>
    rule.moments.map(kind => variable({name: `${kind}/${name}`, shape})),
  );
  const segments = parameters.map(({tensor}, index) => [
    tensor,
    derivatives[index] as Tensor,
    ...(moments[index] as Variable[]).map(moment => moment.tensor),
  ]);
  const updated = ops.applyUpdate(rule.op, hyper, segments).flat();
  const kept = parameters.flatMap((parameter, index) => [parameter, ...(moments[index] as Variable[])]);
  return {
    outputs: {lossTotal: ops.total(loss)},
    updates: kept.map((owner, index) => [owner, updated[index] as Tensor] as const),
    guards: [mean, ...derivatives].map(ops.finite),
    variables: kept,
  };
}

/** Inputs of `steps` steps: data, shuffled rows, Adam's numbers for each step. */
export function trainingInputs(
  {samples, features, classes, batch}: Sizes,
  steps: number,
  name: RuleName = 'adam',
): Record<string, TypedArray> {
  const next = generator(99);
  const y = Uint8Array.from({length: samples}, () => Math.floor(classes * next()));
  const x = Float32Array.from({length: samples * features}, (_, i) => {
    const label = y[Math.floor(i / features)] as number;
    return (i % features) % classes === label ? 1 + next() : next() - 0.5;
  });
  const hyper = Array.from({length: steps}, (_, index) => rules[name].hyper(index + 1));
  return {
    x,
    y,
    rows: Int32Array.from({length: steps * batch}, () => Math.floor(samples * next())),
    hyper: Float32Array.from(hyper.flat()),
    seed: Int32Array.of(7, 11),
    step: Int32Array.from({length: steps}, (_, t) => t),
  };
}

/** The part of the inputs that steps `first` to `last` read. */
export function inputsOf(
  all: Record<string, TypedArray>,
  sizes: Sizes,
  first: number,
  last: number,
  name: RuleName = 'adam',
): Record<string, TypedArray> {
  const part = (name: string, width: number): TypedArray =>
    (all[name] as TypedArray).subarray(first * width, last * width);
  return {
    ...all,
    rows: part('rows', sizes.batch),
    hyper: part('hyper', rules[name].hyper(1).length),
    step: part('step', 1),
  };
}

/** A fingerprint of bytes, short enough for a message. */
export function fingerprint(arrays: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const {buffer, byteOffset, byteLength} of arrays) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength).slice());
  }
  return hash.digest('hex').slice(0, 16);
}
