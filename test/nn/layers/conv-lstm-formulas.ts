// The convolutional LSTM by its formula in float64, one sample at a time, and the layer as cases.
import {layers} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';

type Image = {readonly data: readonly number[]; readonly height: number; readonly width: number};

interface Geometry {
  readonly kernel: readonly [number, number];
  readonly strides?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly same?: boolean;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Σ over taps and channels of an image [height, width, channels] by a kernel [taps…, channels, outputs]. */
function convolve(
  {data, height, width}: Image,
  w: readonly number[],
  channels: number,
  outputs: number,
  {kernel, strides = [1, 1], dilation = [1, 1], same = false}: Geometry,
): Image {
  const along = (size: number, axis: 0 | 1) => {
    const reach = (kernel[axis] - 1) * dilation[axis] + 1;
    const count = Math.ceil((same ? size : size - reach + 1) / strides[axis]);
    const missing = same ? Math.max(0, (count - 1) * strides[axis] + reach - size) : 0;
    return {count, before: Math.floor(missing / 2)};
  };
  const [rows, columns] = [along(height, 0), along(width, 1)];
  const result: number[] = [];
  for (let row = 0; row < rows.count; row++) {
    for (let column = 0; column < columns.count; column++) {
      for (let output = 0; output < outputs; output++) {
        let sum = 0;
        for (let i = 0; i < kernel[0]; i++) {
          for (let j = 0; j < kernel[1]; j++) {
            const y = row * strides[0] - rows.before + i * dilation[0];
            const x = column * strides[1] - columns.before + j * dilation[1];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let channel = 0; channel < channels; channel++) {
              const tap = ((i * kernel[1] + j) * channels + channel) * outputs + output;
              sum += (data[(y * width + x) * channels + channel] as number) * (w[tap] as number);
            }
          }
        }
        result.push(sum);
      }
    }
  }
  return {data: result, height: rows.count, width: columns.count};
}

export interface ConvLstmGiven extends Geometry {
  readonly sample: readonly [steps: number, height: number, width: number, channels: number];
  readonly filters: number;
  readonly goBackwards?: boolean;
  readonly mask?: (step: number) => boolean;
  /** Other activations than tanh and sigmoid. */
  readonly activation?: (x: number) => number;
  readonly recurrentActivation?: (x: number) => number;
}

/** h of all steps in the order in which they were made, and what h was last. */
export function runConvLstm(
  x: readonly number[],
  weights: Readonly<Record<string, readonly number[]>>,
  given: ConvLstmGiven,
): {outputs: number[][]; last: number[]} {
  const {sample, filters, activation = Math.tanh, recurrentActivation = sigmoid, mask} = given;
  const [steps, height, width, channels] = sample;
  const {kernel = [], recurrentKernel = [], bias} = weights;
  const size = height * width * channels;
  const order = Array.from({length: steps}, (_, step) => step);
  if (given.goBackwards) order.reverse();
  let h: number[] | undefined;
  let c: number[] = [];
  const outputs = order.map(step => {
    const image = {data: x.slice(step * size, (step + 1) * size), height, width};
    const sums = convolve(image, kernel, channels, 4 * filters, given);
    const pixels = sums.height * sums.width;
    const before = h ?? new Array<number>(pixels * filters).fill(0);
    if (!h) c = [...before];
    h = before;
    if (mask && !mask(step)) return before;
    const own = {data: before, height: sums.height, width: sums.width};
    const added = convolve(own, recurrentKernel, filters, 4 * filters, {kernel: given.kernel, same: true});
    const gate = (pixel: number, index: number, filter: number): number => {
      const place = index * filters + filter;
      const at = pixel * 4 * filters + place;
      return (sums.data[at] as number) + (added.data[at] as number) + (bias?.[place] ?? 0);
    };
    h = before.map((_, at) => {
      const [pixel, filter] = [Math.floor(at / filters), at % filters];
      const [i, f, o] = [0, 1, 3].map(index => recurrentActivation(gate(pixel, index, filter))) as [
        number,
        number,
        number,
      ];
      c[at] = f * (c[at] as number) + i * activation(gate(pixel, 2, filter));
      return o * activation(c[at] as number);
    });
    return h;
  });
  return {outputs, last: outputs.at(-1) as number[]};
}

export const convLstmCases: Record<string, LayerCase> = {
  convLstm2d: {
    make: () =>
      layers.convLstm2d({
        filters: 2,
        kernelSize: [3, 2],
        strides: [2, 1],
        padding: 'same',
        returnSequences: true,
      }),
    inputs: [[3, 4, 3, 2]],
    output: [3, 2, 3, 2],
    weights: {kernel: [3, 2, 2, 8], recurrentKernel: [3, 2, 2, 8], bias: [8]},
    formula: ([x], weights) =>
      runConvLstm(x as number[], weights, {
        sample: [3, 4, 3, 2],
        filters: 2,
        kernel: [3, 2],
        strides: [2, 1],
        same: true,
      }).outputs.flat(),
  },
  'convLstm2d that reads backwards, with windows that have gaps': {
    make: () =>
      layers.convLstm2d({
        ...{filters: 1, kernelSize: 2, dilationRate: 2, useBias: false, goBackwards: true},
        ...{activation: 'softsign', recurrentActivation: 'tanh'},
      }),
    inputs: [[2, 4, 5, 1]],
    output: [2, 3, 1],
    weights: {kernel: [2, 2, 1, 4], recurrentKernel: [2, 2, 1, 4]},
    formula: ([x], weights) =>
      runConvLstm(x as number[], weights, {
        ...{sample: [2, 4, 5, 1], filters: 1, kernel: [2, 2], dilation: [2, 2], goBackwards: true},
        activation: value => value / (1 + Math.abs(value)),
        recurrentActivation: Math.tanh,
      }).last,
  },
  // Lines are images of one row, and volumes of one slice are images.
  convLstm1d: {
    make: () => layers.convLstm1d({filters: 2, kernelSize: 3, strides: 2, padding: 'same'}),
    inputs: [[3, 5, 2]],
    output: [3, 2],
    weights: {kernel: [3, 2, 8], recurrentKernel: [3, 2, 8], bias: [8]},
    formula: ([x], weights) =>
      runConvLstm(x as number[], weights, {
        ...{sample: [3, 1, 5, 2], filters: 2, kernel: [1, 3], strides: [1, 2], same: true},
      }).last,
  },
  convLstm3d: {
    make: () => layers.convLstm3d({filters: 1, kernelSize: [1, 2, 2], returnSequences: true}),
    inputs: [[2, 1, 3, 4, 1]],
    output: [2, 1, 2, 3, 1],
    weights: {kernel: [1, 2, 2, 1, 4], recurrentKernel: [1, 2, 2, 1, 4], bias: [4]},
    formula: ([x], weights) =>
      runConvLstm(x as number[], weights, {sample: [2, 3, 4, 1], filters: 1, kernel: [2, 2]}).outputs.flat(),
  },
};
