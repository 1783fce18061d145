// The engine of TensorFlow.js in shorter forms of what each op goes through. Half of a small step is spent
// there: closures for checks and profiles that few programs ask for, sets for scopes that give one tensor, a
// weak map with an entry for each datum. What the program sees is the same.
import type {KernelConfig, Tensor, TensorInfo} from '@tensorflow/tfjs-core';
import {type Engine, isTensor, type Scope, type TapeNode, type Tracked, used} from './engine-members.ts';
import {backendName, tf} from './packages.ts';
import {shortenTape, Tape} from './tape.ts';
import {InfosOfEntries, shortenTracking} from './tracking.ts';

/** Whether the program asks for what only the whole form does: checks of results, profiles. */
function isWatched({ENV, state}: Engine): boolean {
  return state.profiling || ENV.getBool('DEBUG') || ENV.getBool('IS_TEST');
}

/** Whether ops go the shorter way at the moment. */
const isShort = (engine: Engine): boolean => engine.backendName === backendName && !isWatched(engine);

/** A kernel may give tensors, too. */
function tensorOf(info: TensorInfo, engine: Engine): Tensor {
  return (info as Tensor).rank == null ? engine.makeTensorFromTensorInfo(info) : (info as Tensor);
}

/** What tfjs keeps among the global variables, where all copies of it find it. */
interface Registry<Value> {
  get?(key: string): Value | undefined;
}

/** tfjs puts the key of a kernel together anew for each op. */
class Kernels {
  readonly #keys = new Map<string, string>();
  readonly #all: Registry<KernelConfig> | undefined;

  constructor() {
    const {_tfGlobals: globals} = globalThis as {_tfGlobals?: Registry<Registry<KernelConfig>>};
    const all = globals?.get?.('kernelRegistry');
    const isIts = all?.get?.(this.#keyOf('Identity')) === this.#wanted('Identity');
    this.#all = isIts ? all : undefined;
  }

  /** Looked up each time: a program may put a kernel of its own in the place of one. */
  find(name: string): KernelConfig | undefined {
    return this.#all?.get ? this.#all.get(this.#keyOf(name)) : this.#wanted(name);
  }

  #wanted(name: string): KernelConfig | undefined {
    return tf.getKernel(name, backendName);
  }

  #keyOf(name: string): string {
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = `${backendName}_${name}`;
      this.#keys.set(name, key);
    }
    return key;
  }
}

function shortenKernels(engine: Engine, tape: Tape): void {
  const whole = engine.runKernel;
  const kernels = new Kernels();
  engine.runKernel = (name, inputs, attributes) => {
    const kernel = isShort(engine) ? kernels.find(name) : undefined;
    if (!kernel) return whole.call(engine, name, inputs, attributes);
    const {state} = engine;
    const isTaped = state.gradientDepth > 0 && state.kernelDepth === 0;
    let infos: TensorInfo | TensorInfo[];
    let outputs: Tensor[];
    let node: TapeNode | undefined;
    // Nothing that a kernel does goes on the tape.
    state.kernelDepth++;
    try {
      infos = kernel.kernelFunc({inputs, attrs: attributes as never, backend: engine.backend});
      if (!Array.isArray(infos) && !isTaped) return tensorOf(infos, engine);
      outputs = Array.isArray(infos) ? infos.map(info => tensorOf(info, engine)) : [tensorOf(infos, engine)];
      if (isTaped) node = tape.nodeOf(name, inputs, outputs, attributes);
    } finally {
      state.kernelDepth--;
    }
    if (node) tape.push(node);
    return Array.isArray(infos) ? outputs : (outputs[0] as Tensor);
  };
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
  const tape = new Tape(engine);
  shortenKernels(engine, tape);
  shortenScopes(engine);
  shortenTracking(engine);
  shortenTape(engine, tape, () => isShort(engine));
}
