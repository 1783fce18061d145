// A dense network as an ONNX file, so that onnxruntime predicts with the very weights.
import {initializer, node, onnxFile} from './onnx-proto.ts';

export interface DenseLayer {
  readonly inputs: number;
  readonly units: number;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly activation: 'Relu' | 'Softmax';
}

/** `x` [rows, inputs] in, `y` [rows, units] out. */
export function onnxModel(rows: number, layers: readonly DenseLayer[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let value = 'x';
  layers.forEach(({inputs, units, kernel, bias, activation}, index) => {
    const output = index === layers.length - 1 ? 'y' : `h${index}`;
    parts.push(node('Gemm', [value, `w${index}`, `b${index}`], [`z${index}`]));
    parts.push(node(activation, [`z${index}`], [output]));
    parts.push(initializer(`w${index}`, [inputs, units], kernel), initializer(`b${index}`, [units], bias));
    value = output;
  });
  return onnxFile({
    inputs: [{name: 'x', dims: [rows, layers[0]?.inputs ?? 0]}],
    outputs: [{name: 'y', dims: [rows, layers.at(-1)?.units ?? 0]}],
    parts,
  });
}
