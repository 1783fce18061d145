// Events as TensorBoard reads them: messages of protocol buffers (TensorFlow's event.proto and
// summary.proto), written by hand, as there are only three kinds of them here.
import type {Bucket} from './histogram.ts';

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

/** Something named at a step: `value` is the fields of what it is. */
function summaryEvent(seconds: number, step: number, name: string, value: readonly number[]): Uint8Array {
  const summary = message(1, [...text(1, name), ...value]);
  return event(seconds, [...tag(2, wire.varint), ...varint(step), ...message(5, summary)]);
}

/** A number at a step. */
export function scalarEvent(seconds: number, step: number, name: string, value: number): Uint8Array {
  return summaryEvent(seconds, step, name, [...tag(2, wire.float), ...number(4, value)]);
}

/** DT_DOUBLE of types.proto. */
const doubleType = 2;

/** A tensor of doubles of two axes (tensor.proto). */
function matrix(rows: readonly Bucket[], columns: number): number[] {
  const sizes = [rows.length, columns].flatMap(size => message(2, [...tag(1, wire.varint), ...varint(size)]));
  const content = rows.flatMap(row => row.flatMap(value => number(8, value)));
  return [...tag(1, wire.varint), doubleType, ...message(2, sizes), ...message(4, content)];
}

/** Buckets at a step. Metadata say which part of TensorBoard reads them, and what they are. */
export function histogramEvent(
  seconds: number,
  step: number,
  name: string,
  buckets: readonly Bucket[],
  description = '',
): Uint8Array {
  const metadata = [
    ...message(1, text(1, 'histograms')),
    ...(description === '' ? [] : text(3, description)),
  ];
  return summaryEvent(seconds, step, name, [...message(8, matrix(buckets, 3)), ...message(9, metadata)]);
}
