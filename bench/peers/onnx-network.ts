// A chain of layers as an ONNX graph, as an export of PyTorch would have it: channels first, and weights in
// that order, so that nothing is turned around when it predicts.
import type {Layer, Model, Sequential} from '../../lib/index.ts';
import {type OnnxGraph, type OnnxNode, onnxModel} from './onnx-model.ts';

/** Elements in another order of their axes. */
export function permuted(
  data: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((size, each) => size * each, 1));
  const sizes = axes.map(axis => shape[axis] as number);
  return Float32Array.from(data, (_, at) => {
    let [rest, from] = [at, 0];
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] as number;
      from += (rest % size) * (strides[axes[axis] as number] as number);
      rest = Math.floor(rest / size);
    }
    return data[from] as number;
  });
}

const activations: Readonly<Record<string, string>> = {relu: 'Relu', softmax: 'Softmax'};

class Chain {
  readonly #nodes: OnnxNode[] = [];
  readonly #weights: OnnxGraph['weights'][number][] = [];
  #value = 'x';
  /** Of the image that was flattened, if one was: its pixels lie in another order there. */
  #flattened: readonly number[] = [];

  #add(op: string, inputs: readonly string[] = [], attributes?: OnnxNode['attributes']): void {
    const output = `${op}_${this.#nodes.length}`;
    this.#nodes.push({op, inputs: [this.#value, ...inputs], output, ...(attributes && {attributes})});
    this.#value = output;
  }

  #weight(data: Float32Array, shape: readonly number[]): string {
    const name = `weight_${this.#weights.length}`;
    this.#weights.push({name, shape, data});
    return name;
  }

  #convolution(layer: Layer, isDepthwise: boolean): void {
    const [kernel, bias] = layer.getWeights();
    if (!kernel) throw new Error(`onnx: ${layer.name} has no kernel`);
    const [height, width, channels, outputs] = kernel.shape as readonly [number, number, number, number];
    const filters = isDepthwise ? channels * outputs : outputs;
    const order = isDepthwise ? [2, 3, 0, 1] : [3, 2, 0, 1];
    const shape = [filters, isDepthwise ? 1 : channels, height, width];
    const names = [this.#weight(permuted(kernel.data, kernel.shape, order), shape)];
    if (bias) names.push(this.#weight(bias.data, [filters]));
    const {strides = 1, padding = 'valid'} = layer.config as {strides?: number | number[]; padding?: string};
    const steps = typeof strides === 'number' ? [strides, strides] : strides;
    const missing = [height, width].map((size, axis) => {
      const step = steps[axis] as number;
      const given = layer.input.shape[axis] as number;
      return padding === 'same' ? Math.max(0, (Math.ceil(given / step) - 1) * step + size - given) : 0;
    });
    // What does not divide into halves stands behind, as in Keras.
    const pads = [...missing.map(all => all >> 1), ...missing.map(all => all - (all >> 1))];
    const group = isDepthwise ? channels : 1;
    this.#add('Conv', names, {kernel_shape: [height, width], strides: steps, pads, group});
  }

  #dense(layer: Layer): void {
    const [kernel, bias] = layer.getWeights();
    const [inputs, units] = (kernel?.shape ?? []) as unknown as readonly [number, number];
    if (!kernel || !bias) throw new Error(`onnx: ${layer.name} has no kernel or no bias`);
    const image = this.#flattened;
    const own = image.length === 3 ? permuted(kernel.data, [...image, units], [2, 0, 1, 3]) : kernel.data;
    this.#add('Gemm', [this.#weight(own, [inputs, units]), this.#weight(bias.data, [units])]);
    this.#flattened = [];
  }

  #limit(layer: Layer): void {
    const {maxValue} = layer.config as {maxValue?: number};
    const limits = maxValue === undefined ? [] : [0, maxValue];
    const names = limits.map(limit => this.#weight(Float32Array.of(limit), []));
    this.#add(limits.length === 0 ? 'Relu' : 'Clip', names);
  }

  add(layer: Layer): void {
    const {kind} = layer;
    if (kind === 'conv2d' || kind === 'depthwiseConv2d') this.#convolution(layer, kind !== 'conv2d');
    else if (kind === 'dense') this.#dense(layer);
    else if (kind === 'reLU') this.#limit(layer);
    else if (kind === 'maxPooling2d') this.#add('MaxPool', [], {kernel_shape: [2, 2], strides: [2, 2]});
    else if (kind === 'globalAveragePooling2d') this.#add('GlobalAveragePool');
    else if (kind === 'flatten') this.#flattened = layer.input.shape as readonly number[];
    else if (kind !== 'inputLayer') throw new Error(`onnx: no layer ${kind}`);
    if (kind === 'flatten' || kind === 'globalAveragePooling2d') this.#add('Flatten', [], {axis: 1});
    const {activation} = layer.config as {activation?: string};
    if (activation === undefined) return;
    const op = activations[activation];
    if (op === undefined) throw new Error(`onnx: no activation ${activation}`);
    this.#add(op);
  }

  file(input: readonly number[], output: readonly number[]): Uint8Array {
    const [last, ...before] = this.#nodes.toReversed() as [OnnxNode, ...OnnxNode[]];
    return onnxModel({
      nodes: [...before.toReversed(), {...last, output: 'y'}],
      weights: this.#weights,
      input: {name: 'x', shape: input},
      output: {name: 'y', shape: output},
    });
  }
}

/** Channels first, of images; other samples as they are. */
const channelsFirst = (shape: readonly number[]): readonly number[] =>
  shape.length === 3 ? [shape[2] as number, ...shape.slice(0, 2)] : shape;

/** `x` in, images channels first, and `y` out; for the kinds of layers that the bench has. */
export function onnxNetwork(net: Model | Sequential, rows: number): Uint8Array {
  const chain = new Chain();
  for (const layer of net.layers) chain.add(layer);
  const [input, output] = [net.inputShape, net.outputShape] as unknown as (readonly number[])[];
  return chain.file(
    [rows, ...channelsFirst(input as readonly number[])],
    [rows, ...(output as readonly number[])],
  );
}
