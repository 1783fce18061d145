// The safetensors format: 8 bytes with the header's length, a JSON header, then the tensors, one after
// another. Ours are a subset of it, which other readers accept: float32 only, canonical JSON, checksums in
// `__metadata__`.
import {crc32} from 'node:zlib';
import {fail} from '../core/errors.ts';
import {isPlainObject} from '../core/kinds.ts';
import {maxRank, type Shape, sizeOf} from '../core/shape.ts';

export interface FileTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

export interface FileEntry {
  readonly name: string;
  readonly shape: Shape;
  /** In bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
  /** CRC-32 of the bytes, eight hexadecimal digits. */
  readonly checksum: string;
}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: readonly FileEntry[];
}

export const lengthBytes = 8;
/** Far more than our headers need: some 100 bytes for each tensor, and vocabularies of text layers. */
export const maxHeaderBytes = 2 ** 27;
/** The header is padded so that the tensors start at this alignment. */
const alignment = 64;
/** In place of the header's own checksum while that is computed. */
const noChecksum = '00000000';

export const bytesOf = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export function checksumOf(bytes: Uint8Array): string {
  let value = 0;
  // In blocks shorter than the limit of zlib.
  for (let at = 0; at < bytes.length; at += 2 ** 28) value = crc32(bytes.subarray(at, at + 2 ** 28), value);
  return value.toString(16).padStart(8, '0');
}

/** The length and the header, whose first field is its own checksum. */
export function encodeHeader(
  tensors: readonly FileTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let at = 0;
  const table: Record<string, {dtype: 'F32'; shape: Shape; data_offsets: [number, number]}> = {};
  const checksums: Record<string, string> = {};
  for (const {name, shape, data} of tensors) {
    table[name] = {dtype: 'F32', shape, data_offsets: [at, at + data.byteLength]};
    checksums[name] = checksumOf(bytesOf(data));
    at += data.byteLength;
  }
  const all = {headerChecksum: noChecksum, ...metadata, checksums: JSON.stringify(checksums)};
  const json = Buffer.from(JSON.stringify({__metadata__: all, ...table}));
  const padded = Math.ceil((lengthBytes + json.length) / alignment) * alignment - lengthBytes;
  if (padded > maxHeaderBytes) {
    const most = `a file takes at most ${maxHeaderBytes}`;
    fail('ERR_FILE', `the model's description, vocabularies included, has ${padded} bytes; ${most}`);
  }
  const bytes = Buffer.alloc(lengthBytes + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, lengthBytes);
  const checksum = checksumOf(bytes);
  bytes.write(checksum, bytes.indexOf(checksumKey) + checksumKey.length, 'latin1');
  return bytes;
}

const checksumKey = '"headerChecksum":"';

/** The contents of the header, after checking its checksum, its JSON and every number in it. */
export function decodeHeader(bytes: Buffer, fileBytes: number): Header {
  checkHeaderBytes(bytes);
  const text = bytes.toString('utf8', lengthBytes);
  const parsed = parseCanonical(text.trimEnd(), 'the header');
  const {__metadata__: metadata, ...table} = parsed;
  const strings = new Map(Object.entries(checkRecord(metadata, '__metadata__')));
  for (const [key, value] of strings) {
    if (typeof value !== 'string') fail('ERR_FILE', `its metadata ${JSON.stringify(key)} is no text`);
  }
  const checksums = parseCanonical((strings.get('checksums') as string) ?? '', 'its list of checksums');
  const entries = Object.entries(table).map(([name, entry]) => toEntry(name, entry, checksums));
  checkOffsets(entries, fileBytes - bytes.length);
  return {metadata: strings as Map<string, string>, entries};
}

function checkHeaderBytes(bytes: Buffer): void {
  const at = bytes.indexOf(checksumKey) + checksumKey.length;
  const stored = bytes.toString('latin1', at, at + noChecksum.length);
  if (at < checksumKey.length || !/^[0-9a-f]{8}$/.test(stored)) {
    fail('ERR_FILE', 'its header has no checksum: it was not written by chainrule, or is damaged');
  }
  const blank = Buffer.from(bytes);
  blank.write(noChecksum, at, 'latin1');
  if (checksumOf(blank) !== stored) fail('ERR_FILE', 'its header is damaged: the checksum does not match');
}

type Parsed = {[key: string]: unknown};

function checkRecord(value: unknown, what: string): Parsed {
  if (isPlainObject(value)) return value as Parsed;
  return fail('ERR_FILE', `${what} is no table`);
}

/**
 * Parses JSON that is written as we write it. So a key that occurs twice is refused, one of whose values
 * parsing would drop.
 */
function parseCanonical(text: string, what: string): Parsed {
  let same = false;
  let value: unknown;
  try {
    value = JSON.parse(text);
    same = JSON.stringify(value) === text;
  } catch {
    fail('ERR_FILE', `${what} is no JSON`);
  }
  if (!same) fail('ERR_FILE', `${what} holds a key twice, or is not as chainrule writes it`);
  return checkRecord(value, what);
}

function toEntry(name: string, value: unknown, checksums: Parsed): FileEntry {
  const label = JSON.stringify(name);
  const {dtype, shape, data_offsets: offsets, ...others} = checkRecord(value, label);
  if (dtype !== 'F32') fail('ERR_FILE', `${label} has the type ${JSON.stringify(dtype)}, not F32`);
  if (Object.keys(others).length > 0)
    fail('ERR_FILE', `${label} has the unknown field ${Object.keys(others)[0]}`);
  const isCount = (number: unknown): number is number =>
    Number.isSafeInteger(number) && (number as number) >= 0;
  if (!Array.isArray(shape) || shape.length > maxRank || !shape.every(isCount)) {
    return fail('ERR_FILE', `${label} has no valid shape`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail('ERR_FILE', `${label} has no valid offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (sizeOf(shape) * 4 !== end - begin)
    fail('ERR_FILE', `${label} [${shape}] is not ${end - begin} bytes long`);
  const checksum = Object.hasOwn(checksums, name) ? checksums[name] : undefined;
  if (typeof checksum !== 'string') return fail('ERR_FILE', `${label} has no checksum`);
  return {name, shape, begin, end, checksum};
}

/** Refuses tensors that overlap, leave gaps or do not fill the file. */
function checkOffsets(entries: readonly FileEntry[], dataBytes: number): void {
  let at = 0;
  for (const {name, begin, end} of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) fail('ERR_FILE', `${JSON.stringify(name)} overlaps another tensor or leaves a gap`);
    at = end;
  }
  if (at === dataBytes) return;
  const what = at > dataBytes ? 'is truncated' : 'is too long';
  fail('ERR_FILE', `it ${what}: ${dataBytes} bytes of tensors where ${at} are expected`);
}
