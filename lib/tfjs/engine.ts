// The engine of TensorFlow.js in shorter forms of what each op goes through. Half of a small step is spent
// there: closures for checks and profiles that few programs ask for, sets for scopes that give one tensor, a
// weak map with an entry for each datum. What the program sees is the same.
import type {DataId, Environment, KernelBackend, Tensor, TensorInfo} from '@tensorflow/tfjs-core';
import {Entry} from './entry.ts';
import {backendName, tf} from './packages.ts';

type Inputs = Readonly<Record<string, Tensor>>;
type Tensors = Tensor | Tensor[];

/** Types of TensorFlow.js have the scope as private. */
type Tracked = Omit<Tensor, 'scopeId'> & {readonly kept: boolean; readonly scopeId: number};

interface Scope {
  readonly id: number;
  readonly track: readonly Tracked[];
}

/** What the engine knows of data: the backend, type, shape and bytes. */
interface DataInfos {
  has(id: DataId): boolean;
  get(id: DataId): unknown;
  set(id: DataId, info: object): unknown;
  delete(id: DataId): boolean;
}

interface State {
  readonly gradientDepth: number;
  kernelDepth: number;
  readonly profiling: boolean;
  readonly scopeStack: Scope[];
  activeScope: Scope | null | undefined;
  tensorInfo: DataInfos;
}

/** What is used of the engine. Types of TensorFlow.js have some of it as private. */
interface Engine {
  readonly ENV: Environment;
  readonly backendName: string | null;
  readonly backend: KernelBackend;
  readonly state: State;
  runKernel(name: string, inputs: Inputs, attributes?: object): Tensors;
  endScope(result?: unknown): void;
  makeTensorFromTensorInfo(info: TensorInfo): Tensor;
  getTensorsForGradient(name: string, inputs: Inputs, outputs: readonly Tensor[]): Tensor[];
  saveTensorsForBackwardMode(tensors: readonly Tensor[]): Tensor[];
  addTapeNode(
    ...node: [
      name: string,
      inputs: Inputs,
      outputs: Tensor[],
      grad: null,
      saved: Tensor[],
      attributes?: object,
    ]
  ): void;
  track(tensor: Tracked): unknown;
}

const used = [
  'runKernel',
  'endScope',
  'makeTensorFromTensorInfo',
  'getTensorsForGradient',
  'saveTensorsForBackwardMode',
  'addTapeNode',
  'track',
] as const;

/** Entries have what the engine knows of them: a weak map of thousands costs each collection. */
class InfosOfEntries implements DataInfos {
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

/** Whether the program asks for what only the whole form does: checks of results, profiles. */
function isWatched({ENV, state}: Engine): boolean {
  return state.profiling || ENV.getBool('DEBUG') || ENV.getBool('IS_TEST');
}

/** A kernel may give tensors, too. */
function tensorOf(info: TensorInfo, engine: Engine): Tensor {
  return (info as Tensor).rank == null ? engine.makeTensorFromTensorInfo(info) : (info as Tensor);
}

function shortenKernels(engine: Engine): void {
  const whole = engine.runKernel;
  engine.runKernel = (name, inputs, attributes) => {
    // By name each time: a program may put a kernel of its own in the place of one.
    const isOwn = engine.backendName === backendName && !isWatched(engine);
    const kernel = isOwn ? tf.getKernel(name, backendName) : undefined;
    if (!kernel) return whole.call(engine, name, inputs, attributes);
    const {state} = engine;
    const isTaped = state.gradientDepth > 0 && state.kernelDepth === 0;
    let infos: TensorInfo | TensorInfo[];
    let outputs: Tensor[];
    let saved: Tensor[] = [];
    // Nothing that a kernel does goes on the tape.
    state.kernelDepth++;
    try {
      infos = kernel.kernelFunc({inputs, attrs: attributes as never, backend: engine.backend});
      outputs = Array.isArray(infos) ? infos.map(info => tensorOf(info, engine)) : [tensorOf(infos, engine)];
      if (isTaped) {
        saved = engine.saveTensorsForBackwardMode(engine.getTensorsForGradient(name, inputs, outputs));
      }
    } finally {
      state.kernelDepth--;
    }
    if (isTaped) engine.addTapeNode(name, inputs, outputs, null, saved, attributes);
    return Array.isArray(infos) ? outputs : (outputs[0] as Tensor);
  };
}

/** As tfjs tells tensors, which may be those of another copy of it. */
function isTensor(value: unknown): value is Tracked {
  const {dataId, shape, dtype} = (value ?? {}) as Partial<Tracked>;
  return dataId != null && shape != null && dtype != null;
}

/** Of a scope that gives one tensor, or nothing. */
function shortenScopes(engine: Engine): void {
  const whole = engine.endScope;
  engine.endScope = result => {
    const given = isTensor(result) ? result : undefined;
    const {state} = engine;
    const {activeScope, scopeStack} = state;
    if ((result != null && !given) || !activeScope) return whole.call(engine, result);
    const {track} = activeScope;
    for (let at = 0; at < track.length; at++) {
      const tensor = track[at] as Tracked;
      if (!tensor.kept && tensor.id !== given?.id) tensor.dispose();
    }
    scopeStack.pop();
    state.activeScope = scopeStack.length === 0 ? null : (scopeStack[scopeStack.length - 1] as Scope);
    if (given && !given.kept && given.scopeId === activeScope.id) engine.track(given);
  };
}

const shortened = new WeakSet<object>();

/** For each backend that is made: an engine that was reset has another state. Leaves one it does not know. */
export function shortenEngine(): void {
  const engine = tf.engine() as unknown as Engine;
  if (!used.every(name => typeof engine[name] === 'function')) return;
  const {state} = engine;
  if (!InfosOfEntries.is(state.tensorInfo)) state.tensorInfo = new InfosOfEntries(state.tensorInfo);
  if (shortened.has(engine)) return;
  shortened.add(engine);
  shortenKernels(engine);
  shortenScopes(engine);
}
