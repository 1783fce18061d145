// Just enough of ONNX to write networks as files. The format is protobuf:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 gives the numbers of the fields.

type Bytes = Uint8Array | readonly number[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const message = (field: number, ...parts: readonly Bytes[]): Uint8Array => {
  const bytes = Buffer.concat(parts.map(part => Uint8Array.from(part)));
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
};
const text = (field: number, value: string): Uint8Array => message(field, new TextEncoder().encode(value));

const [float32, int64] = [1, 7];

/** Constants: float32, or int64 where they say places and sizes. */
export function initializer(
  name: string,
  dims: readonly number[],
  data: Float32Array | BigInt64Array,
): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const sizes = dims.flatMap(size => number(1, size));
  return message(
    5,
    sizes,
    number(2, data instanceof Float32Array ? float32 : int64),
    text(8, name),
    message(9, raw),
  );
}

/** Its numbers; Float32Array.of(x) is one float. */
export type Attribute = number | readonly number[] | Float32Array;

function attribute([name, value]: readonly [string, Attribute]): Uint8Array {
  const [kindFloat, kindInt, kindInts] = [1, 2, 7];
  if (value instanceof Float32Array) {
    const bits = [2 * 8 + 5, ...new Uint8Array(value.buffer, value.byteOffset, 4)];
    return message(5, text(1, name), bits, number(20, kindFloat));
  }
  if (typeof value === 'number') return message(5, text(1, name), number(3, value), number(20, kindInt));
  return message(5, text(1, name), ...value.map(each => number(8, each)), number(20, kindInts));
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Whose operator it is; that of ONNX itself by default. */
  readonly domain?: string;
}

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  {attributes = {}, domain}: NodeOptions = {},
): Uint8Array {
  return message(
    1,
    ...inputs.map(name => text(1, name)),
    ...outputs.map(name => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(attribute),
    ...(domain === undefined ? [] : [text(7, domain)]),
  );
}

export interface Port {
  readonly name: string;
  /** A name for what differs from run to run. */
  readonly dims: readonly (number | string)[];
  readonly dtype?: 'float32' | 'int64';
}

function portInfo(field: number, {name, dims, dtype = 'float32'}: Port): Uint8Array {
  const axes = dims.map(size => message(1, typeof size === 'number' ? number(1, size) : text(2, size)));
  const type = message(1, number(1, dtype === 'float32' ? float32 : int64), message(2, ...axes));
  return message(field, text(1, name), message(2, type));
}

export interface Graph {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Nodes and initializers, nodes in the order in which they run. */
  readonly parts: readonly Uint8Array[];
  /** Domains of operators beside ONNX's own. */
  readonly domains?: readonly string[];
}

export function onnxFile({inputs, outputs, parts, domains = []}: Graph): Uint8Array {
  const graph = message(
    7,
    ...parts,
    text(2, 'network'),
    ...inputs.map(port => portInfo(11, port)),
    ...outputs.map(port => portInfo(12, port)),
  );
  const [formatVersion, operatorVersion] = [8, 17];
  return Buffer.concat([
    Uint8Array.from(number(1, formatVersion)),
    graph,
    ...domains.map(domain => message(8, text(1, domain), number(2, 1))),
    message(8, text(1, ''), number(2, operatorVersion)),
  ]);
}
