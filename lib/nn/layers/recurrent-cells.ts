// The cells of recurrent layers: from what the inputs of a step add to the gates, and the states, to the next
// states, of which the first is the output.
import type {Tensor} from '../../core/tensor.ts';
import {matmul} from '../../ops/gemm.ts';
import {add, mul, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import * as cells from '../../ops/recurrent.ts';
import type {Activation} from '../activations.ts';

/** The weights of a cell: kernels [inputs, gates · units] and [units, gates · units], and the bias. */
export interface CellWeights {
  readonly kernel: Tensor;
  readonly recurrentKernel: Tensor;
  readonly bias: Tensor | undefined;
}

export interface CellOptions {
  readonly units: number;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  /** Of a GRU. */
  readonly resetAfter: boolean;
}

/** One step: `inputs` are those of each group of gates, [batch, gates · units]. */
export type CellStep = (inputs: readonly Tensor[], states: readonly Tensor[]) => readonly Tensor[];

export interface Cell {
  readonly gates: number;
  /** How many gates each of its products makes. */
  readonly groups: readonly number[];
  readonly states: number;
  /** Rows of the bias. */
  readonly biases: number;
  /** `dropped` is what recurrent dropout leaves of a state. */
  step(weights: CellWeights, dropped: (h: Tensor) => Tensor): CellStep;
}

/** The part of a weight, or of sums, that belongs to some gates: so many of its last axis. */
function gatesOf(weight: Tensor, first: number, count: number, units: number): Tensor {
  return slice(weight, weight.rank - 1, first * units, count * units);
}

/** What inputs [rows, features] add to each group of gates of a cell. */
export function inputSums(
  {groups}: Cell,
  {kernel, bias}: CellWeights,
  inputs: Tensor,
  units: number,
): readonly Tensor[] {
  const own = bias && biasRow(bias, 0);
  return groups.map((count, index) => {
    const first = groups.slice(0, index).reduce((sum, before) => sum + before, 0);
    const product = matmul(inputs, gatesOf(kernel, first, count, units));
    return own ? add(product, gatesOf(own, first, count, units)) : product;
  });
}

/** Whether these are the activations that have a kernel with all gates. */
const isUsual = ({activation, recurrentActivation}: CellOptions): boolean =>
  activation.kind === 'tanh' && recurrentActivation.kind === 'sigmoid';

/** A row of a bias that has several, as a vector. */
export function biasRow(bias: Tensor, row: number): Tensor {
  if (bias.rank === 1) return bias;
  const columns = bias.shape[1] as number;
  return reshape(slice(bias, [row, 0], [1, columns]), [columns]);
}

/** h ← activation(inputs + h · U) (Elman 1990). */
export const simpleCell = ({activation}: CellOptions): Cell => ({
  gates: 1,
  groups: [1],
  states: 1,
  biases: 1,
  step: ({recurrentKernel}, dropped) => {
    return ([x], [h]) => [activation(add(x as Tensor, matmul(dropped(h as Tensor), recurrentKernel)))];
  },
});

/**
 * Gates i, f, g, o: c ← σ(f)·c + σ(i)·activation(g); h ← σ(o)·activation(c) (Hochreiter and Schmidhuber 1997,
 * with the forget gate of Gers et al. 2000).
 */
export const lstmCell = (options: CellOptions): Cell => ({
  gates: 4,
  groups: [4],
  states: 2,
  biases: 1,
  step: ({recurrentKernel}, dropped) => {
    const {units, activation, recurrentActivation: sigma} = options;
    return ([x], [h, c]) => {
      const sums = add(matmul(dropped(h as Tensor), recurrentKernel), x as Tensor);
      if (isUsual(options)) {
        const next = cells.lstmCell(sums, c as Tensor);
        return [next.h, next.c];
      }
      const [i, f, g, o] = [0, 1, 2, 3].map(gate => gatesOf(sums, gate, 1, units)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const next = add(mul(sigma(f), c as Tensor), mul(sigma(i), activation(g)));
      return [mul(sigma(o), activation(next)), next];
    };
  },
});

/**
 * Gates z, r, g: h ← σ(z)·h + (1 − σ(z))·activation(g), where g = x + σ(r)·(h·U + b) with `resetAfter`, as in
 * cuDNN, and x + (σ(r)·h)·U without (Cho et al. 2014).
 */
export const gruCell = (options: CellOptions): Cell =>
  options.resetAfter && isUsual(options) ? wholeGru : gruByGates(options);

const wholeGru: Cell = {
  gates: 3,
  groups: [3],
  states: 1,
  biases: 2,
  step: ({recurrentKernel, bias}, dropped) => {
    const own = bias && biasRow(bias, 1);
    return ([x], [h]) => {
      const product = matmul(dropped(h as Tensor), recurrentKernel);
      return [cells.gruCell(x as Tensor, own ? add(product, own) : product, h as Tensor)];
    };
  },
};

/** Each gate with a product of its own. */
const gruByGates = (options: CellOptions): Cell => ({
  gates: 3,
  groups: [1, 1, 1],
  states: 1,
  biases: options.resetAfter ? 2 : 1,
  step: ({recurrentKernel, bias}, dropped) => {
    const {units, activation, recurrentActivation: sigma, resetAfter} = options;
    const [kz, kr, kg] = [0, 1, 2].map(gate => gatesOf(recurrentKernel, gate, 1, units)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const own = resetAfter && bias ? biasRow(bias, 1) : undefined;
    const biased = (sum: Tensor, gate: number): Tensor =>
      own ? add(sum, gatesOf(own, gate, 1, units)) : sum;
    return ([xz, xr, xg], [state]) => {
      const h = state as Tensor;
      const before = dropped(h);
      const z = sigma(add(xz as Tensor, biased(matmul(before, kz), 0)));
      const r = sigma(add(xr as Tensor, biased(matmul(before, kr), 1)));
      const recurrent = resetAfter ? mul(r, biased(matmul(before, kg), 2)) : matmul(mul(r, before), kg);
      return [add(mul(z, h), mul(sub(1, z), activation(add(xg as Tensor, recurrent))))];
    };
  },
});
