// Recurrent cells by the formulas of their papers, in float64, one row at a time; and each layer as a case.
import {layers} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';

export const [features, units] = [3, 4];

export type Kind = 'simpleRNN' | 'lstm' | 'gru';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export interface Weights {
  readonly kernel: ArrayLike<number>;
  readonly recurrentKernel: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
}

/** v·W for a row vector and columns of a matrix with so many. */
const times = (v: readonly number[], w: ArrayLike<number>, columns: number, first: number): number[] =>
  Array.from({length: units}, (_, j) =>
    v.reduce((sum, value, k) => sum + value * (w[k * columns + first + j] as number), 0),
  );

/** One step of one row, by the formulas of the papers. */
function stepOf(
  kind: Kind,
  w: Weights,
  x: readonly number[],
  states: number[][],
  resetAfter: boolean,
): number[][] {
  const gates = {simpleRNN: 1, lstm: 4, gru: 3}[kind];
  const columns = gates * units;
  const h = states[0] as number[];
  const bias = (row: number, gate: number, j: number): number =>
    w.bias[row * columns + gate * units + j] ?? Number.NaN;
  const inputs = (gate: number): number[] =>
    times(x, w.kernel, columns, gate * units).map((value, j) => value + bias(0, gate, j));
  const recurrent = (gate: number, from = h): number[] =>
    times(from, w.recurrentKernel, columns, gate * units);
  const sum = (gate: number): number[] =>
    inputs(gate).map((value, j) => value + (recurrent(gate)[j] as number));
  if (kind === 'simpleRNN') return [sum(0).map(Math.tanh)];
  if (kind === 'lstm') {
    const [i, f, o] = [0, 1, 3].map(gate => sum(gate).map(sigmoid)) as [number[], number[], number[]];
    const c = sum(2).map(
      (g, j) => (f[j] as number) * (states[1]?.[j] as number) + (i[j] as number) * Math.tanh(g),
    );
    return [c.map((value, j) => (o[j] as number) * Math.tanh(value)), c];
  }
  const second = (gate: number): number[] =>
    recurrent(gate).map((value, j) => value + (resetAfter ? bias(1, gate, j) : 0));
  const [z, r] = [0, 1].map(gate =>
    inputs(gate).map((value, j) => sigmoid(value + (second(gate)[j] as number))),
  ) as [number[], number[]];
  const inner = resetAfter
    ? second(2).map((value, j) => (r[j] as number) * value)
    : recurrent(
        2,
        h.map((value, j) => (r[j] as number) * value),
      );
  const g = inputs(2).map((value, j) => Math.tanh(value + (inner[j] as number)));
  return [g.map((value, j) => (z[j] as number) * (h[j] as number) + (1 - (z[j] as number)) * value)];
}

interface Given {
  readonly resetAfter?: boolean;
  readonly goBackwards?: boolean;
  readonly mask?: (step: number) => boolean;
  readonly initial?: number[][];
}

/** Outputs of all steps of one row, as Keras orders them, and the last states. */
export function run(kind: Kind, w: Weights, x: number[][], {resetAfter = true, ...given}: Given) {
  const count = kind === 'lstm' ? 2 : 1;
  let states = given.initial ?? Array.from({length: count}, () => new Array<number>(units).fill(0));
  let output = new Array<number>(units).fill(0);
  const order = [...x.keys()];
  if (given.goBackwards) order.reverse();
  const outputs = order.map(step => {
    if (given.mask?.(step) ?? true) {
      states = stepOf(kind, w, x[step] as number[], states, resetAfter);
      output = states[0] as number[];
    }
    return output;
  });
  return {outputs, states, last: output};
}

const caseOf = (kind: Kind, steps: number, options: object, biases: number[]): LayerCase => {
  const columns = {simpleRNN: 1, lstm: 4, gru: 3}[kind] * units;
  return {
    make: () => layers[kind]({units, ...options}),
    inputs: [[steps, features]],
    output: 'returnSequences' in options ? [steps, units] : [units],
    weights: {kernel: [features, columns], recurrentKernel: [units, columns], bias: [...biases, columns]},
    formula: ([x], {kernel, recurrentKernel, bias}) => {
      const rows = Array.from({length: steps}, (_, step) =>
        (x as number[]).slice(step * features, (step + 1) * features),
      );
      const weights = {kernel, recurrentKernel, bias} as unknown as Weights;
      const {outputs, last} = run(kind, weights, rows, options);
      return 'returnSequences' in options ? outputs.flat() : last;
    },
  };
};

export const recurrentCases: Record<string, LayerCase> = {
  simpleRNN: caseOf('simpleRNN', 3, {goBackwards: true}, []),
  lstm: caseOf('lstm', 3, {returnSequences: true}, []),
  gru: caseOf('gru', 3, {returnSequences: true}, [2]),
  'gru with its reset before the product': caseOf('gru', 2, {resetAfter: false}, []),
};
