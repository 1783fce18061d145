// Events as TensorBoard reads them: messages of protocol buffers (TensorFlow's event.proto and
// summary.proto), written by hand, as there are only two kinds of them here.

/** Types of fields on the wire. */
const wire = {varint: 0, double: 1, bytes: 2, float: 5} as const;

const tag = (field: number, type: number): number[] => [(field << 3) | type];

/** Seven bits a byte, the lowest first; negative numbers as 64 bits. */
function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function number(bytes: 4 | 8, value: number): number[] {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatLE(value);
  else buffer.writeDoubleLE(value);
  return [...buffer];
}

const message = (field: number, bytes: readonly number[]): number[] => [
  ...tag(field, wire.bytes),
  ...varint(bytes.length),
  ...bytes,
];

const text = (field: number, value: string): number[] => message(field, [...Buffer.from(value, 'utf8')]);

const event = (seconds: number, rest: readonly number[]): Uint8Array =>
  Uint8Array.from([...tag(1, wire.double), ...number(8, seconds), ...rest]);

/** The first of a file. `seconds` since 1970. */
export const versionEvent = (seconds: number): Uint8Array => event(seconds, text(3, 'brain.Event:2'));

/** A number at a step. */
export function scalarEvent(seconds: number, step: number, name: string, value: number): Uint8Array {
  const entry = [...text(1, name), ...tag(2, wire.float), ...number(4, value)];
  return event(seconds, [...tag(2, wire.varint), ...varint(step), ...message(5, message(1, entry))]);
}
