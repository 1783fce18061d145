// Reads files of events by the format's own rules: records with checksums, messages of protocol buffers.
import fs from 'node:fs';
import path from 'node:path';
import {expect} from 'vitest';
import {crc32c} from '../../lib/tfjs-node/summary/record.ts';

export interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

export interface Histogram {
  readonly tag: string;
  readonly step: number;
  readonly plugin: string;
  readonly description: string;
  /** Rows of left edge, right edge, count. */
  readonly buckets: readonly (readonly number[])[];
}

type Fields = ReadonlyMap<number, readonly (number | Buffer)[]>;

/** Fields of a message: numbers of 64 or 32 bits, varints, or bytes; a field may come several times. */
function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    for (let [value, factor] = [0, 1]; ; factor *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key & 7;
    const size = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? varint() : 0;
    const own = bytes.subarray(at, at + size);
    const value =
      type === 0 ? varint() : type === 1 ? own.readDoubleLE() : type === 5 ? own.readFloatLE() : own;
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
    at += size;
  }
  return fields;
}

const numberIn = (fields: Fields, field: number): number => fields.get(field)?.[0] as number;
const bytesIn = (fields: Fields, field: number): Buffer => (fields.get(field)?.[0] as Buffer) ?? Buffer.of();
const messageIn = (fields: Fields, field: number): Fields => fieldsOf(bytesIn(fields, field));
const textIn = (fields: Fields, field: number): string => String(bytesIn(fields, field));

/** As TensorFlow's readers do: lengths and data are checked by their sums. */
function eventsIn(file: string): Buffer[] {
  const all = fs.readFileSync(file);
  const events: Buffer[] = [];
  const unmasked = (place: number): number => {
    const sum = (all.readUInt32LE(place) - 0xa282ead8) >>> 0;
    return ((sum >>> 17) | (sum << 15)) >>> 0;
  };
  for (let at = 0; at < all.length; ) {
    const length = Number(all.readBigUInt64LE(at));
    expect(unmasked(at + 8)).toBe(crc32c(all.subarray(at, at + 8)));
    const event = all.subarray(at + 12, at + 12 + length);
    expect(unmasked(at + 12 + length)).toBe(crc32c(event));
    events.push(event);
    at += 16 + length;
  }
  return events;
}

/** A tensor of float64 and two axes. */
function matrixOf(tensor: Fields): number[][] {
  const double = 2;
  expect(numberIn(tensor, 1)).toBe(double);
  const sizes = messageIn(tensor, 2).get(2) ?? [];
  const [rows = 0, columns = 0] = sizes.map(size => numberIn(fieldsOf(size as Buffer), 1));
  const content = bytesIn(tensor, 4);
  expect(content.length).toBe(8 * rows * columns);
  const at = (row: number, column: number) => content.readDoubleLE(8 * (row * columns + column));
  return Array.from({length: rows}, (_, row) =>
    Array.from({length: columns}, (__, column) => at(row, column)),
  );
}

/** All that the only file of a run holds, in its order. */
export function summariesIn(run: string): {readonly scalars: Scalar[]; readonly histograms: Histogram[]} {
  const [name = '', ...others] = fs.readdirSync(run);
  expect(others).toEqual([]);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\..*\.v2$/);
  const [first, ...rest] = eventsIn(path.join(run, name)).map(fieldsOf);
  expect(textIn(first as Fields, 3)).toBe('brain.Event:2');
  const [scalars, histograms]: [Scalar[], Histogram[]] = [[], []];
  for (const event of rest) {
    expect(Math.abs(numberIn(event, 1) - Date.now() / 1000)).toBeLessThan(600);
    const value = messageIn(messageIn(event, 5), 1);
    const place = {tag: textIn(value, 1), step: numberIn(event, 2)};
    if (value.has(2)) scalars.push({...place, value: numberIn(value, 2)});
    else {
      const metadata = messageIn(value, 9);
      const about = {plugin: textIn(messageIn(metadata, 1), 1), description: textIn(metadata, 3)};
      histograms.push({...place, ...about, buckets: matrixOf(messageIn(value, 8))});
    }
  }
  return {scalars, histograms};
}

export const scalarsIn = (run: string): Scalar[] => summariesIn(run).scalars;
