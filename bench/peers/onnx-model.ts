// Graphs of one input and one output as ONNX files, so that onnxruntime predicts with the very weights.
import {type Attribute, initializer, node, onnxFile} from './onnx-proto.ts';

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly (OnnxTensor & {readonly data: Float32Array})[];
  readonly input: OnnxTensor;
  readonly output: OnnxTensor;
}

export function onnxModel({nodes, weights, input, output}: OnnxGraph): Uint8Array {
  return onnxFile({
    inputs: [{name: input.name, dims: input.shape}],
    outputs: [{name: output.name, dims: output.shape}],
    parts: [
      ...nodes.map(({op, inputs, output: name, attributes = {}}) => node(op, inputs, [name], {attributes})),
      ...weights.map(({name, shape, data}) => initializer(name, shape, data)),
    ],
  });
}
