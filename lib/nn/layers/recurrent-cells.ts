// The cells of recurrent layers: from what the inputs of a step add to the gates, and the states, to the next
// states, of which the first is the output. Each gate has a product of its own, so that nothing is cut out of
// a larger one in every step.
import type {Tensor} from '../../core/tensor.ts';
import {matmul} from '../../ops/gemm.ts';
import {add, mul, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
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

/** One step: `inputs` are those of each gate, [batch, units]. */
export type CellStep = (inputs: readonly Tensor[], states: readonly Tensor[]) => readonly Tensor[];

export interface Cell {
  readonly gates: number;
  readonly states: number;
  /** Rows of the bias. */
  readonly biases: number;
  /** `dropped` is what recurrent dropout leaves of a state. */
  step(weights: CellWeights, dropped: (h: Tensor) => Tensor): CellStep;
}

/** The part of a weight that belongs to a gate: so many of its last axis. */
export function gateOf(weight: Tensor, gate: number, units: number): Tensor {
  if (weight.rank === 1) return slice(weight, [gate * units], [units]);
  return slice(weight, [0, gate * units], [weight.shape[0] as number, units]);
}

/** A row of a bias that has several, as a vector. */
export function biasRow(bias: Tensor, row: number): Tensor {
  if (bias.rank === 1) return bias;
  const columns = bias.shape[1] as number;
  return reshape(slice(bias, [row, 0], [1, columns]), [columns]);
}

/** h ← activation(inputs + h · U) (Elman 1990). */
export const simpleCell = ({activation}: CellOptions): Cell => ({
  gates: 1,
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
export const lstmCell = ({units, activation, recurrentActivation: sigma}: CellOptions): Cell => ({
  gates: 4,
  states: 2,
  biases: 1,
  step: ({recurrentKernel}, dropped) => {
    const kernels = [0, 1, 2, 3].map(gate => gateOf(recurrentKernel, gate, units));
    return (inputs, [h, c]) => {
      const before = dropped(h as Tensor);
      const [i, f, g, o] = kernels.map((kernel, gate) =>
        add(inputs[gate] as Tensor, matmul(before, kernel)),
      ) as [Tensor, Tensor, Tensor, Tensor];
      const next = add(mul(sigma(f), c as Tensor), mul(sigma(i), activation(g)));
      return [mul(sigma(o), activation(next)), next];
    };
  },
});

/**
 * Gates z, r, g: h ← σ(z)·h + (1 − σ(z))·activation(g), where g = x + σ(r)·(h·U + b) with `resetAfter`, as in
 * cuDNN, and x + (σ(r)·h)·U without (Cho et al. 2014).
 */
export const gruCell = ({units, activation, recurrentActivation: sigma, resetAfter}: CellOptions): Cell => ({
  gates: 3,
  states: 1,
  biases: resetAfter ? 2 : 1,
  step: ({recurrentKernel, bias}, dropped) => {
    const [kz, kr, kg] = [0, 1, 2].map(gate => gateOf(recurrentKernel, gate, units)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const own = resetAfter && bias ? biasRow(bias, 1) : undefined;
    const biased = (sum: Tensor, gate: number): Tensor => (own ? add(sum, gateOf(own, gate, units)) : sum);
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
