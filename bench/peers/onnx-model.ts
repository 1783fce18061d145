// A dense network as an ONNX file, so that onnxruntime predicts with the very weights. The format is
// protobuf: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 gives the numbers of the fields.

export interface DenseLayer {
  readonly inputs: number;
  readonly units: number;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly activation: 'Relu' | 'Softmax';
}

type Bytes = readonly number[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const block = (field: number, bytes: Uint8Array | Bytes): Uint8Array =>
  Buffer.concat([
    Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]),
    Uint8Array.from(bytes),
  ]);
const text = (field: number, value: string): Uint8Array => block(field, new TextEncoder().encode(value));
const message = (field: number, ...parts: readonly (Uint8Array | Bytes)[]): Uint8Array =>
  block(field, Buffer.concat(parts.map(part => Uint8Array.from(part))));

const float32 = 1;

function initializer(name: string, dims: readonly number[], data: Float32Array): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const sizes = dims.flatMap(size => number(1, size));
  return message(5, sizes, number(2, float32), text(8, name), block(9, raw));
}

function node(op: string, inputs: readonly string[], output: string): Uint8Array {
  return message(1, ...inputs.map(name => text(1, name)), text(2, output), text(4, op));
}

function tensorInfo(field: number, name: string, dims: readonly number[]): Uint8Array {
  const shape = message(2, ...dims.map(size => message(1, number(1, size))));
  return message(field, text(1, name), message(2, message(1, number(1, float32), shape)));
}

/** `x` [rows, inputs] in, `y` [rows, units] out. */
export function onnxModel(rows: number, layers: readonly DenseLayer[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let value = 'x';
  layers.forEach(({inputs, units, kernel, bias, activation}, index) => {
    const output = index === layers.length - 1 ? 'y' : `h${index}`;
    parts.push(node('Gemm', [value, `w${index}`, `b${index}`], `z${index}`));
    parts.push(node(activation, [`z${index}`], output));
    parts.push(initializer(`w${index}`, [inputs, units], kernel), initializer(`b${index}`, [units], bias));
    value = output;
  });
  const graph = message(
    7,
    ...parts,
    text(2, 'dense'),
    tensorInfo(11, 'x', [rows, layers[0]?.inputs ?? 0]),
    tensorInfo(12, 'y', [rows, layers.at(-1)?.units ?? 0]),
  );
  const [formatVersion, operatorVersion] = [8, 17];
  return Buffer.concat([
    Uint8Array.from(number(1, formatVersion)),
    graph,
    message(8, text(1, ''), number(2, operatorVersion)),
  ]);
}
