// How TensorFlow.js's engine counts tensors and their data, in shorter forms: what it knows of data lies in
// the entries. A weak map of thousands costs each collection, and five looks into it each tensor.
import type {DataId, KernelBackend, Tensor} from '@tensorflow/tfjs-core';
import type {DataInfos, Engine, Tracked} from './engine-members.ts';
import {Entry} from './entry.ts';

/** In the place of the engine's weak map. */
export class InfosOfEntries implements DataInfos {
  readonly #others: DataInfos;

  constructor(others: DataInfos) {
    this.#others = others;
  }

  static is(infos: DataInfos): infos is InfosOfEntries {
    return #others in infos;
  }

  has(id: DataId): boolean {
    return (Entry.is(id) && id.engineInfo !== undefined) || this.#others.has(id);
  }

  get(id: DataId): unknown {
    return (Entry.is(id) ? id.engineInfo : undefined) ?? this.#others.get(id);
  }

  set(id: DataId, info: object): unknown {
    if (!Entry.is(id) || this.#others.has(id)) return this.#others.set(id, info);
    id.engineInfo = info;
    return this;
  }

  delete(id: DataId): boolean {
    if (!Entry.is(id) || id.engineInfo === undefined) return this.#others.delete(id);
    id.engineInfo = undefined;
    return true;
  }
}

/** What the engine knows of the data of an entry. A class and no literal: see `Node`. */
class EntryInfo {
  readonly #isInfo = true;
  backend: KernelBackend;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;

  static is(info: object): info is EntryInfo {
    return #isInfo in info && info.#isInfo;
  }

  constructor(backend: KernelBackend, {dtype, shape}: Tensor, bytes: number) {
    this.backend = backend;
    this.dtype = dtype;
    this.shape = shape;
    this.bytes = bytes;
  }
}

/** Undefined where bytes are counted otherwise: of strings, and of the parts of complex numbers. */
function bytesOf({dtype, size}: Tensor): number | undefined {
  if (dtype === 'float32' || dtype === 'int32') return 4 * size;
  return dtype === 'bool' ? size : undefined;
}

const isVariable = (tensor: Tensor): boolean => 'assign' in tensor;

export function shortenTracking(engine: Engine): void {
  const {trackTensor, disposeTensor} = engine;
  engine.trackTensor = (tensor, backend) => {
    const {dataId} = tensor;
    const bytes = bytesOf(tensor);
    if (bytes === undefined || !Entry.is(dataId)) return trackTensor.call(engine, tensor, backend);
    const {state} = engine;
    state.numTensors++;
    state.numBytes += bytes;
    if (dataId.engineInfo === undefined) {
      state.numDataBuffers++;
      dataId.engineInfo = new EntryInfo(backend ?? engine.backend, tensor, bytes);
    }
    if (!isVariable(tensor)) engine.track(tensor);
  };
  engine.disposeTensor = tensor => {
    const {dataId} = tensor;
    const bytes = bytesOf(tensor);
    const info = Entry.is(dataId) ? dataId.engineInfo : undefined;
    if (bytes === undefined || !info || !EntryInfo.is(info)) return disposeTensor.call(engine, tensor);
    const {state} = engine;
    state.numTensors--;
    state.numBytes -= bytes;
    if (!info.backend.disposeData(dataId)) return;
    (dataId as Entry).engineInfo = undefined;
    state.numDataBuffers--;
  };
  engine.track = tensor => {
    const {activeScope: scope} = engine.state;
    if (!scope) return tensor;
    const tracked = tensor as Tracked;
    tracked.scopeId = scope.id;
    // Most scopes have one tensor, for which the first growth of an empty list has room for 17.
    if (scope.track.length === 0) scope.track = [tracked];
    else scope.track.push(tracked);
    return tensor;
  };
}
