// What is used of TensorFlow.js's engine, of which its types have some as private.
import type {DataId, Environment, KernelBackend, Tensor, TensorInfo} from '@tensorflow/tfjs-core';

export type Inputs = Readonly<Record<string, Tensor>>;
export type Tensors = Tensor | Tensor[];
export type InputGradients = Readonly<Record<string, () => Tensors>>;

/** An op on the tape. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Inputs;
  readonly outputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
  readonly gradient?: (dys: readonly (Tensor | null)[]) => InputGradients;
}

export type Tracked = Omit<Tensor, 'scopeId'> & {kept: boolean; scopeId: number};

export interface Scope {
  readonly id: number;
  track: Tracked[];
}

/** What the engine knows of data: the backend, type, shape and bytes. */
export interface DataInfos {
  has(id: DataId): boolean;
  get(id: DataId): unknown;
  set(id: DataId, info: object): unknown;
  delete(id: DataId): boolean;
}

export interface EngineState {
  readonly gradientDepth: number;
  kernelDepth: number;
  activeTape: TapeNode[] | null;
  nextTapeNodeId: number;
  numTensors: number;
  numBytes: number;
  numDataBuffers: number;
  readonly profiling: boolean;
  readonly scopeStack: Scope[];
  activeScope: Scope | null | undefined;
  tensorInfo: DataInfos;
}

export interface Engine {
  readonly ENV: Environment;
  readonly backendName: string | null;
  readonly backend: KernelBackend;
  /** Another after a reset. */
  readonly state: EngineState;
  runKernel(name: string, inputs: Inputs, attributes?: object): Tensors;
  makeTensorFromTensorInfo(info: TensorInfo): Tensor;
  makeTensor(values: unknown, shape: readonly number[], dtype: string): Tensor;
  trackTensor(tensor: Tensor, backend?: KernelBackend): void;
  disposeTensor(tensor: Tensor): void;
  track(tensor: Tensor | Tracked): unknown;
  keep(tensor: Tensor): Tensor;
  clone(x: Tensor): Tensor;
  startScope(name?: string): void;
  endScope(result?: unknown): void;
  tidy<Result>(name: string, body: () => Result): Result;
  startTape(): void;
  endTape(): void;
  getTensorsForGradient(name: string, inputs: Inputs, outputs: readonly Tensor[]): Tensor[];
  addTapeNode(
    ...node: [
      name: string,
      inputs: Inputs,
      outputs: readonly Tensor[],
      grad: ((dy: Tensor) => InputGradients) | null,
      saved: readonly Tensor[],
      attributes?: object,
    ]
  ): void;
  gradients(
    f: () => Tensor,
    xs: readonly Tensor[],
    dy?: Tensor | null,
    allowNoGradients?: boolean,
  ): {value: Tensor; grads: (Tensor | undefined)[]};
}

/** An engine without one of these is left as it is. */
export const used = [
  'runKernel',
  'makeTensorFromTensorInfo',
  'makeTensor',
  'trackTensor',
  'disposeTensor',
  'track',
  'keep',
  'clone',
  'startScope',
  'endScope',
  'tidy',
  'startTape',
  'endTape',
  'getTensorsForGradient',
  'addTapeNode',
  'gradients',
] as const satisfies (keyof Engine)[];

/** As tfjs tells tensors, which may be those of another copy of it. */
export function isTensor(value: unknown): value is Tracked {
  const {dataId, shape, dtype} = (value ?? {}) as Partial<Tracked>;
  return dataId != null && shape != null && dtype != null;
}
