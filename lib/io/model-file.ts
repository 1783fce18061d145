// A model as one file: layers, training options and the number of steps as text, weights and moments as
// tensors.
import {type FileHandle, open} from 'node:fs/promises';
import {ChainruleError, fail} from '../core/errors.ts';
import {isError, isObject, isPlainObject} from '../core/kinds.ts';
import type {Json} from '../core/named.ts';
import {writeAtomically} from './atomic.ts';
import {
  bytesOf,
  checksumOf,
  decodeHeader,
  encodeHeader,
  type FileEntry,
  type FileTensor,
  lengthBytes,
  maxHeaderBytes,
} from './safetensors.ts';

const format = 'chainrule';
const version = '1';
/** Real descriptions are nested a few levels deep; deeper JSON is an attack on the stack. */
const maxDepth = 32;

export interface ModelContents {
  readonly topology: Json;
  readonly training: Json | undefined;
  readonly step: number;
  readonly tensors: readonly FileTensor[];
}

export interface ModelFile {
  readonly topology: Json;
  readonly training: Json | undefined;
  readonly step: number;
  readonly entries: readonly FileEntry[];
  /** One tensor, after checking its checksum and that its numbers are finite. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** `load: digits.chainrule: … (cause)` */
export function fileError(where: string, path: string, cause: unknown): ChainruleError {
  const what = (isError(cause) ? cause.message : String(cause)).replace(/\.$/, '');
  return new ChainruleError('ERR_FILE', `${where}: ${path}: ${what}.`, {cause});
}

/** @throws ERR_FILE if the file cannot be written; an old one is then unchanged. */
export async function writeModelFile(path: string, contents: ModelContents): Promise<void> {
  const {topology, training, step, tensors} = contents;
  const metadata = {
    format,
    version,
    topology: JSON.stringify(topology),
    ...(training !== undefined && {training: JSON.stringify(training)}),
    step: String(step),
  };
  try {
    const header = encodeHeader(tensors, metadata);
    await writeAtomically(path, [header, ...tensors.map(({data}) => bytesOf(data))]);
  } catch (error) {
    throw fileError('save', path, error);
  }
}

async function readExactly(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(2 ** 26, bytes.length - at);
    const {bytesRead} = await file.read(bytes, at, length, position + at);
    if (bytesRead === 0) fail('ERR_FILE', 'it is truncated');
    at += bytesRead;
  }
}

/** @throws ERR_FILE if the file is too short for the header that it announces. */
export async function readHeader(file: FileHandle): Promise<{header: Buffer; fileBytes: number}> {
  const {size: fileBytes} = await file.stat();
  if (fileBytes < lengthBytes) fail('ERR_FILE', `it is no model file: ${fileBytes} bytes`);
  const start = Buffer.alloc(lengthBytes);
  await readExactly(file, start, 0);
  const length = start.readBigUInt64LE(0);
  if (length > BigInt(maxHeaderBytes) || Number(length) > fileBytes - lengthBytes) {
    fail('ERR_FILE', `it is no model file, or truncated: it announces a header of ${length} bytes`);
  }
  const header = Buffer.alloc(lengthBytes + Number(length));
  await readExactly(file, header, 0);
  return {header, fileBytes};
}

function checkDepth(value: Json, depth = 0): void {
  if (depth > maxDepth) fail('ERR_FILE', `its description is nested more than ${maxDepth} deep`);
  if (isObject(value)) for (const inner of Object.values(value)) checkDepth(inner, depth + 1);
}

/** The JSON text under a key of the header, parsed. */
export function parseText(metadata: ReadonlyMap<string, string>, key: string): Json | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return fail('ERR_FILE', `its ${key} is no JSON`);
  }
  checkDepth(value);
  if (JSON.stringify(value) !== text) {
    fail('ERR_FILE', `its ${key} holds a key twice, or is not as chainrule writes it`);
  }
  return value;
}

/** Refuses a description that is no table of options. */
export function checkSavedConfig(value: Json | undefined, what: string): {readonly [key: string]: Json} {
  if (isPlainObject(value)) return value as {readonly [key: string]: Json};
  return fail('ERR_FILE', `its ${what} is no table of options`);
}

/** One tensor, after checking its checksum. */
export async function readTensor(file: FileHandle, entry: FileEntry, start: number): Promise<Float32Array> {
  const {name, begin, end, checksum} = entry;
  const data = new Float32Array((end - begin) / 4);
  const bytes = bytesOf(data);
  await readExactly(file, bytes, start + begin);
  if (checksumOf(bytes) !== checksum) fail('ERR_FILE', `${name} is damaged: the checksum does not match`);
  return data;
}

async function readFinite(file: FileHandle, entry: FileEntry, start: number): Promise<Float32Array> {
  const data = await readTensor(file, entry, start);
  const bad = data.findIndex(number => !Number.isFinite(number));
  if (bad >= 0) fail('ERR_FILE', `${entry.name} holds ${data[bad]}`);
  return data;
}

/** The number of steps in the header. */
export function stepOf(metadata: ReadonlyMap<string, string>): number {
  const text = metadata.get('step') ?? '';
  const step = Number(text);
  if (!/^\d{1,10}$/.test(text) || step >= 2 ** 31) return fail('ERR_FILE', 'its count of steps is no number');
  return step;
}

async function parse(file: FileHandle): Promise<Omit<ModelFile, 'close'>> {
  const {header, fileBytes} = await readHeader(file);
  const {metadata, entries} = decodeHeader(header, fileBytes);
  if (metadata.get('format') !== format) fail('ERR_FILE', 'it was not written by chainrule');
  if (metadata.get('version') !== version) {
    fail('ERR_FILE', `it has version ${metadata.get('version')}; this chainrule reads version ${version}`);
  }
  const topology = parseText(metadata, 'topology');
  if (topology === undefined) fail('ERR_FILE', 'it describes no layers');
  const byName = new Map(entries.map(entry => [entry.name, entry]));
  return {
    topology,
    training: parseText(metadata, 'training'),
    step: stepOf(metadata),
    entries,
    read(name) {
      const entry = byName.get(name);
      if (!entry) return fail('ERR_FILE', `it lacks ${name}`);
      return readFinite(file, entry, header.length);
    },
  };
}

/** Opens a model file and verifies all of it but the tensors, which are verified when they are read. */
export async function openModelFile(path: string): Promise<ModelFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const handle = file;
    return {...(await parse(handle)), close: () => handle.close()};
  } catch (error) {
    await file?.close();
    throw fileError('load', path, error);
  }
}
