// The backend: where tensors of TensorFlow.js keep their numbers. Arrays are copied when they come and when
// they are read, so what a program does with its own afterwards changes no tensor.
import type {BackendTimingInfo, DataId, DataType, KernelBackend, TensorInfo} from '@tensorflow/tfjs-core';
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {shortenEngine} from './engine.ts';
import {Entry, type EntryType, isNumeric, type NumericType, over, takeFor} from './entry.ts';
import {tf} from './packages.ts';
import {Recorder} from './recorder.ts';

export type Values =
  | TypedArray
  | readonly number[]
  | readonly Uint8Array[]
  | readonly string[]
  | null
  | undefined;

/** A number as an element of this type holds it. */
function numberAs(dtype: NumericType, value: number): number {
  if (dtype === 'bool') return value ? 1 : 0;
  return dtype === 'int32' ? value | 0 : Math.fround(value);
}

/** Bools are 0 or 1, whatever the program wrote. */
function copyInto(target: TypedArray, values: ArrayLike<number>, dtype: NumericType): void {
  if (dtype !== 'bool') target.set(values);
  else for (let at = 0; at < values.length; at++) target[at] = values[at] ? 1 : 0;
}

const encoded = (strings: readonly (Uint8Array | string)[]): Uint8Array[] =>
  strings.map(text => (typeof text === 'string' ? tf.util.encodeString(text) : text));

export class ChainruleBackend extends tf.KernelBackend {
  /** The blocks of tfjs's own products. */
  readonly blockSize = 48;
  /** Entries of data ids that another backend has made. */
  readonly #foreign = new WeakMap<object, Entry>();
  #count = 0;
  readonly recorder = new Recorder();
  #bytes = 0;

  constructor() {
    super();
    shortenEngine();
  }

  /** What tfjs's cpu kernels know of a backend's storage. */
  readonly data = {
    get: (id: DataId): Entry => this.entryOf(id),
    has: (id: DataId): boolean => this.#find(id) !== undefined,
    numDataIds: (): number => this.numDataIds(),
  };

  /** The entry of a data id; fetches it from the backend that has it, where it is not here. */
  entryOf(id: DataId): Entry {
    const here = this.#find(id);
    if (here) return here;
    tf.engine().moveData(this as unknown as KernelBackend, id);
    return this.#find(id) ?? fail('ERR_DISPOSED', 'chainrule/tfjs: this tensor has no data.');
  }

  /** Takes in an entry that has one reference. */
  enter(entry: Entry): Entry {
    entry.owner = this;
    this.#count++;
    this.#bytes += entry.bytes;
    return entry;
  }

  #find(id: DataId): Entry | undefined {
    if (Entry.is(id) && id.owner === this) return id;
    const entry = this.#foreign.get(id);
    return entry?.owner === this ? entry : undefined;
  }

  override write(values: Values, shape: number[], dtype: DataType): DataId {
    return this.enter(this.#written(values, shape, dtype));
  }

  #written(values: Values, shape: readonly number[], dtype: DataType): Entry {
    const size = tf.util.sizeFromShape(shape as number[]);
    if (dtype === 'string') return Entry.ofStrings(encoded((values ?? []) as readonly string[]), 1);
    if (!isNumeric(dtype)) return new Entry(dtype as EntryType, size, 1);
    const numbers = (values ?? []) as ArrayLike<number>;
    if (size === 1) return Entry.ofNumber(dtype, numberAs(dtype, numbers[0] ?? 0));
    const block = takeFor(dtype, size);
    const array = over(block, dtype, size);
    if (numbers.length < size) array.fill(0, numbers.length);
    copyInto(array, numbers, dtype);
    return Entry.ofBlock(dtype, size, block);
  }

  /**
   * What a kernel of tfjs has made, which nobody changes afterwards: numbers of the right type are not
   * copied.
   */
  makeTensorInfo(shape: number[], dtype: DataType, values?: Values): TensorInfo {
    const isAdoptable = isNumeric(dtype) && dtype !== 'bool' && dtypes[dtype].isArray(values);
    const isFull = isAdoptable && values.length === tf.util.sizeFromShape(shape);
    const entry = isFull ? Entry.ofArray(dtype, values) : this.#written(values, shape, dtype);
    return {dataId: this.enter(entry), shape, dtype};
  }

  makeOutput(values: Values, shape: number[], dtype: DataType): unknown {
    const info = this.makeTensorInfo(shape, dtype, values);
    return tf.engine().makeTensorFromTensorInfo(info, this as unknown as KernelBackend);
  }

  override move(id: DataId, values: Values, shape: number[], dtype: DataType, refCount: number): void {
    const entry = this.enter(this.#written(values, shape, dtype));
    entry.refCount = refCount;
    if (dtype === 'complex64') {
      const {real, imag} = tf.backend_util.splitRealAndImagArrays(values as Float32Array) as {
        real: Float32Array;
        imag: Float32Array;
      };
      entry.complexTensorInfos = {
        real: this.makeTensorInfo(shape, 'float32', real),
        imag: this.makeTensorInfo(shape, 'float32', imag),
      };
    }
    this.#foreign.set(id, entry);
  }

  override numDataIds(): number {
    return this.#count;
  }

  override refCount(id: DataId): number {
    return this.#find(id)?.refCount ?? 0;
  }

  /** A variable, or a kernel of tfjs, takes the data. */
  override incRef(id: DataId): void {
    this.recorder.assigned();
    const entry = this.entryOf(id);
    entry.refCount++;
    entry.isTrained = true;
  }

  decRef(id: DataId): void {
    const entry = this.#find(id);
    if (entry) entry.refCount--;
  }

  /** Whether the data is gone, or was never here. */
  override disposeData(id: DataId, force = false): boolean {
    const entry = this.#find(id);
    if (!entry) return true;
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    const parts = entry.complexTensorInfos;
    if (parts) {
      this.disposeData(parts.real.dataId, true);
      this.disposeData(parts.imag.dataId, true);
    }
    entry.owner = undefined;
    this.#count--;
    this.#bytes -= entry.bytes;
    entry.release();
    return true;
  }

  disposeIntermediateTensorInfo({dataId}: TensorInfo): void {
    this.disposeData(dataId);
  }

  /** As it is when this is called: what becomes of the tensor before it settles does not matter. */
  override async read(id: DataId): Promise<never> {
    const entry = this.entryOf(id);
    if (entry.complexTensorInfos) return this.readSync(id);
    return ((await entry.readLater()) ?? []) as never;
  }

  override readSync(id: DataId): never {
    const entry = this.entryOf(id);
    const parts = entry.complexTensorInfos;
    if (!parts) return (entry.read() ?? []) as never;
    const real = this.readSync(parts.real.dataId) as Float32Array;
    const imag = this.readSync(parts.imag.dataId) as Float32Array;
    return tf.backend_util.mergeRealAndImagArrays(real, imag) as never;
  }

  bufferSync({dataId, shape, dtype}: TensorInfo): unknown {
    const data = this.readSync(dataId) as Float32Array | Uint8Array[];
    const values = dtype === 'string' ? (data as Uint8Array[]).map(decoded) : data;
    return tf.buffer(shape as [number], dtype as 'float32', values as Float32Array);
  }

  override async time(f: () => void): Promise<BackendTimingInfo> {
    this.recorder.finish();
    const start = performance.now();
    f();
    this.recorder.finish();
    return {kernelMs: performance.now() - start};
  }

  override memory(): {unreliable: boolean; numBytesNative: number} {
    return {unreliable: false, numBytesNative: this.#bytes};
  }

  /** For `tf.whereAsync`. */
  where({dataId, shape}: TensorInfo): unknown {
    return tf.kernel_impls.whereImpl(shape, this.readSync(dataId));
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  /** What tensors still have is left to the collector. */
  override dispose(): void {
    this.recorder.drop();
    this.#count = 0;
    this.#bytes = 0;
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return tf.util.decodeString(bytes);
  } catch {
    throw new Error('Failed to decode encoded string bytes into utf-8');
  }
}
