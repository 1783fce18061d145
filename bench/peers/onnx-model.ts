// ONNX files, so that onnxruntime predicts with the very weights. The format is protobuf:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 gives the numbers of the fields.

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Whole numbers from 0, or lists of them. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
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
const [integer, integers] = [2, 7];

function initializer({name, shape, data}: OnnxGraph['weights'][number]): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const sizes = shape.flatMap(size => number(1, size));
  return message(5, sizes, number(2, float32), text(8, name), block(9, raw));
}

function attribute([name, value]: readonly [string, number | readonly number[]]): Uint8Array {
  const own =
    typeof value === 'number'
      ? [number(3, value), number(20, integer)]
      : [value.flatMap(each => number(8, each)), number(20, integers)];
  return message(5, text(1, name), ...own);
}

function node({op, inputs, output, attributes = {}}: OnnxNode): Uint8Array {
  const names = inputs.map(name => text(1, name));
  return message(1, ...names, text(2, output), text(4, op), ...Object.entries(attributes).map(attribute));
}

function tensorInfo(field: number, {name, shape}: OnnxTensor): Uint8Array {
  const sizes = message(2, ...shape.map(size => message(1, number(1, size))));
  return message(field, text(1, name), message(2, message(1, number(1, float32), sizes)));
}

/** A file of a graph of one input and one output. */
export function onnxModel({nodes, weights, input, output}: OnnxGraph): Uint8Array {
  const graph = message(
    7,
    ...nodes.map(node),
    ...weights.map(initializer),
    text(2, 'network'),
    tensorInfo(11, input),
    tensorInfo(12, output),
  );
  const [formatVersion, operatorVersion] = [8, 17];
  return Buffer.concat([
    Uint8Array.from(number(1, formatVersion)),
    graph,
    message(8, text(1, ''), number(2, operatorVersion)),
  ]);
}
