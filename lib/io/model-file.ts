// A model as one file: layers, training options and the number of steps as text, weights and moments as
// tensors.
import {ChainruleError, fail} from '../core/errors.ts';
import {isBytes, isError, isObject, isPlainObject} from '../core/kinds.ts';
import type {Json} from '../core/named.ts';
import {toPath} from '../core/path.ts';
import {writeAtomically} from './atomic.ts';
import {recognize} from './foreign.ts';
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
import {type ByteSource, bytesSource, openFile} from './source.ts';

const format = 'chainrule';
const weightsFormat = 'chainrule-weights';
const version = '1';
/** Real descriptions are nested a few levels deep; deeper JSON is an attack on the stack. */
const maxDepth = 32;

export interface ModelContents {
  /** Missing in a file of weights alone. */
  readonly topology: Json | undefined;
  readonly training: Json | undefined;
  readonly step: number;
  readonly epochs: number;
  readonly tensors: readonly FileTensor[];
}

export interface ModelFile {
  /** Missing in a file of weights alone. */
  readonly topology: Json | undefined;
  /** Its path, or `bytes`. */
  readonly from: string;
  readonly training: Json | undefined;
  readonly step: number;
  /** Epochs trained; 0 in a file that does not say. */
  readonly epochs: number;
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

/** The file's bytes, in parts. */
export function encodeModel(contents: ModelContents): Uint8Array[] {
  const {topology, training, step, epochs, tensors} = contents;
  const metadata = {
    format: topology === undefined ? weightsFormat : format,
    version,
    ...(topology !== undefined && {topology: JSON.stringify(topology)}),
    ...(training !== undefined && {training: JSON.stringify(training)}),
    step: String(step),
    ...(epochs > 0 && {epochs: String(epochs)}),
  };
  return [encodeHeader(tensors, metadata), ...tensors.map(({data}) => bytesOf(data))];
}

/** @throws ERR_FILE if the file cannot be written; an old one is then unchanged. */
export async function writeModelFile(where: string, path: string, contents: ModelContents): Promise<void> {
  try {
    await writeAtomically(path, encodeModel(contents));
  } catch (error) {
    throw fileError(where, path, error);
  }
}

/** @throws ERR_FILE if the file is too short for the header that it announces, or known to be something else. */
export async function readHeader(source: ByteSource): Promise<{header: Buffer; fileBytes: number}> {
  const {size: fileBytes} = source;
  const start = Buffer.alloc(lengthBytes);
  if (fileBytes >= lengthBytes) await source.read(start, 0);
  const length = start.readBigUInt64LE(0);
  const isShort = fileBytes < lengthBytes;
  if (isShort || length > BigInt(maxHeaderBytes) || Number(length) > fileBytes - lengthBytes) {
    const other = await recognize(source);
    if (other !== undefined) fail('ERR_FILE', `it is no model of chainrule, but ${other}`);
    if (isShort) fail('ERR_FILE', `it is no model file: ${fileBytes} bytes`);
    fail('ERR_FILE', `it is no model file, or truncated: it announces a header of ${length} bytes`);
  }
  const header = Buffer.alloc(lengthBytes + Number(length));
  await source.read(header, 0);
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
export async function readTensor(file: ByteSource, entry: FileEntry, start: number): Promise<Float32Array> {
  const {name, begin, end, checksum} = entry;
  const data = new Float32Array((end - begin) / 4);
  const bytes = bytesOf(data);
  await file.read(bytes, start + begin);
  if (checksumOf(bytes) !== checksum) fail('ERR_FILE', `${name} is damaged: the checksum does not match`);
  return data;
}

async function readFinite(file: ByteSource, entry: FileEntry, start: number): Promise<Float32Array> {
  const data = await readTensor(file, entry, start);
  const bad = data.findIndex(number => !Number.isFinite(number));
  if (bad >= 0) fail('ERR_FILE', `${entry.name} holds ${data[bad]}`);
  return data;
}

/** A count in the header. */
function countOf(metadata: ReadonlyMap<string, string>, key: string, what: string, absent = ''): number {
  const text = metadata.get(key) ?? absent;
  const count = Number(text);
  if (/^\d{1,10}$/.test(text) && count < 2 ** 31) return count;
  return fail('ERR_FILE', `its count of ${what} is no number`);
}

/** The number of steps in the header. */
export function stepOf(metadata: ReadonlyMap<string, string>): number {
  return countOf(metadata, 'step', 'steps');
}

async function parse(file: ByteSource): Promise<Omit<ModelFile, 'close' | 'from'>> {
  const {header, fileBytes} = await readHeader(file);
  const {metadata, entries} = decodeHeader(header, fileBytes);
  const written = metadata.get('format');
  if (written === 'chainrule-checkpoint') {
    fail('ERR_FILE', 'it is a checkpoint of callbacks.backupAndRestore, which goes on from it, and no model');
  }
  if (written !== format && written !== weightsFormat) fail('ERR_FILE', 'it was not written by chainrule');
  if (metadata.get('version') !== version) {
    fail('ERR_FILE', `it has version ${metadata.get('version')}; this chainrule reads version ${version}`);
  }
  const topology = parseText(metadata, 'topology');
  if ((topology === undefined) !== (written === weightsFormat)) fail('ERR_FILE', 'it describes no layers');
  const byName = new Map(entries.map(entry => [entry.name, entry]));
  return {
    topology,
    training: parseText(metadata, 'training'),
    step: stepOf(metadata),
    epochs: countOf(metadata, 'epochs', 'epochs', '0'),
    entries,
    read(name) {
      const entry = byName.get(name);
      if (!entry) return fail('ERR_FILE', `it lacks ${name}`);
      return readFinite(file, entry, header.length);
    },
  };
}

/** A file of a model or of weights, or its bytes. */
export type ModelSource = string | URL | Uint8Array;

/** Opens a model file and verifies all of it but the tensors, which are verified when they are read. */
export async function openModelFile(where: string, given: ModelSource): Promise<ModelFile> {
  const inMemory = isBytes(given);
  const from = inMemory ? 'bytes' : toPath(where, given);
  let file: ByteSource | undefined;
  try {
    file = inMemory ? bytesSource(given) : await openFile(from);
    const source = file;
    return {...(await parse(source)), from, close: () => source.close()};
  } catch (error) {
    await file?.close();
    throw fileError(where, from, error);
  }
}
