// The tape of TensorFlow.js in shorter forms. tfjs notes each tensor that an op saves as an op of its own,
// walks twice over the tape, by dictionaries, to find what lies between x and y, and copies that. The
// gradients here are the same, made in the same order.
import type {GradConfig, Tensor} from '@tensorflow/tfjs-core';
import {type Engine, type InputGradients, type Inputs, isTensor, type TapeNode} from './engine-members.ts';
import {Entry, isNumeric} from './entry.ts';
import {tf} from './packages.ts';

/** What an op saves of its operands and results, in tfjs's order. */
function toSave(config: GradConfig, {inputs, outputs, engine}: Noted): readonly Tensor[] {
  const {saveAllInputs, inputsToSave = [], outputsToSave = [], kernelName} = config;
  if (saveAllInputs) return engine.getTensorsForGradient(kernelName, inputs, outputs);
  let count = inputsToSave.length;
  for (let at = 0; at < outputs.length; at++) if (outputsToSave[at]) count++;
  // Of its size at once: the first growth of an empty list has room for 17.
  const tensors = new Array<Tensor>(count);
  let next = 0;
  for (const name of inputsToSave) tensors[next++] = inputs[name] as Tensor;
  for (let at = 0; at < outputs.length; at++) if (outputsToSave[at]) tensors[next++] = outputs[at] as Tensor;
  return tensors;
}

/** Numbers of this backend under the type that they have. */
function isOwn({dataId, dtype}: Tensor, {backend}: Engine): boolean {
  return Entry.is(dataId) && dataId.owner === backend && dataId.dtype === dtype && isNumeric(dtype);
}

/** A second name of the same data, of which the tape knows nothing. */
function copyOf({dataId, dtype, shape}: Tensor, engine: Engine): Tensor {
  (dataId as Entry).refCount++;
  return engine.keep(engine.makeTensorFromTensorInfo({dataId, dtype, shape}));
}

/** Zeros in the place of gradients that there are none of. */
function withZeros(dys: readonly (Tensor | null)[], {outputs, engine}: Noted): Tensor | Tensor[] {
  const all = dys.map((dy, at): Tensor => {
    if (dy) return dy;
    const {shape, dtype, size} = outputs[at] as Tensor;
    return engine.makeTensor(tf.util.makeZerosTypedArray(size, dtype as 'float32'), shape, dtype);
  });
  return all.length > 1 ? all : (all[0] as Tensor);
}

interface Noted {
  readonly inputs: Inputs;
  readonly outputs: readonly Tensor[];
  readonly engine: Engine;
}

const none: readonly Tensor[] = [];

/** An op on the tape. */
class NotedOp implements TapeNode {
  readonly id: number;
  readonly kernelName: string;
  readonly inputs: Inputs;
  readonly outputs: readonly Tensor[];
  readonly saved: readonly Tensor[] = none;
  readonly gradient: TapeNode['gradient'];
  /** What `saved` are copies of that the tape does not know of. */
  #copied: readonly Tensor[] = none;

  get copied(): readonly Tensor[] {
    return this.#copied;
  }

  static is(node: TapeNode): node is NotedOp {
    return #copied in node;
  }

  constructor(kernelName: string, noted: Noted, attributes: object | undefined) {
    const {inputs, outputs, engine} = noted;
    const config = tf.getGradient(kernelName);
    this.id = engine.state.nextTapeNodeId++;
    this.kernelName = kernelName;
    this.inputs = inputs;
    this.outputs = outputs;
    if (!config) return;
    const tensors = toSave(config, noted);
    const areOwn = tensors.every(tensor => isOwn(tensor, engine));
    if (areOwn) this.#copied = tensors;
    const saved = tensors.map(tensor =>
      areOwn ? copyOf(tensor, engine) : engine.keep(engine.clone(tensor)),
    );
    this.saved = saved;
    // A property of its own: tfjs copies those alone.
    this.gradient = dys =>
      config.gradFunc(withZeros(dys, noted), saved, attributes as never) as InputGradients;
  }
}

/**
 * Notes ops. What they save are copies. Only a gradient that is itself on a tape has to find there what they
 * are copies of: one that begins while another is open. tfjs has copies of results in front of the op that
 * makes these, and so finds no second gradient of exp.
 */
export class Tape {
  readonly #engine: Engine;
  /** How much of the engine's tape has all copies on it. */
  #known = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  nodeOf(name: string, inputs: Inputs, outputs: readonly Tensor[], attributes: object | undefined): TapeNode {
    return new NotedOp(name, {inputs, outputs, engine: this.#engine}, attributes);
  }

  push(node: TapeNode): void {
    const {activeTape, gradientDepth} = this.#engine.state;
    activeTape?.push(node);
    if (gradientDepth > 1) this.#noteCopies();
  }

  /** Before a tape is opened. */
  begin(): void {
    if (this.#engine.state.gradientDepth > 0) this.#noteCopies();
    else this.#known = 0;
  }

  #noteCopies(): void {
    const engine = this.#engine;
    const nodes = engine.state.activeTape?.slice(this.#known) ?? [];
    for (const node of nodes) {
      if (!NotedOp.is(node)) continue;
      for (const [at, x] of node.copied.entries()) {
        const cast = (dy: Tensor) => () => engine.runKernel('Cast', {x: dy}, {dtype: 'float32'});
        engine.addTapeNode('copy', {x}, [node.saved[at] as Tensor], dy => ({x: cast(dy)}), [], {});
      }
    }
    this.#known = engine.state.activeTape?.length ?? 0;
  }
}

/** The nodes that depend on `xs`, and the tensors that do. */
function dependents(tape: readonly TapeNode[], xs: readonly Tensor[]) {
  const ids = new Set<number>();
  for (const {id} of xs) ids.add(id);
  const nodes: TapeNode[] = [];
  for (const node of tape) {
    const {inputs, outputs} = node;
    for (const name in inputs) {
      if (!ids.has((inputs[name] as Tensor).id)) continue;
      for (const {id} of outputs) ids.add(id);
      nodes.push(node);
      break;
    }
  }
  return {nodes, ids};
}

/** The gradient of one input of a node. */
function gradientOf({kernelName, inputs}: TapeNode, name: string, made: InputGradients, engine: Engine) {
  const make = made[name];
  if (!make) {
    const known = `Available gradients found: ${Object.keys(made)}.`;
    throw new Error(`Cannot backprop through input ${name}. ${known}`);
  }
  let dx: Tensor | undefined;
  engine.startScope();
  try {
    dx = make() as Tensor;
  } finally {
    engine.endScope(dx);
  }
  const what = `Error in gradient for op ${kernelName}. The gradient of input`;
  if (dx.dtype !== 'float32')
    throw new Error(`${what} ${name} must have 'float32' dtype, but has '${dx.dtype}'`);
  const {shape} = inputs[name] as Tensor;
  if (!tf.util.arraysEqual(dx.shape, shape)) {
    const wanted = `which does not match the shape of the input '${shape}'`;
    throw new Error(`${what} '${name}' has shape '${dx.shape}', ${wanted}`);
  }
  return dx;
}

/**
 * Adds the gradients of what a tensor depends on, by its id, to those that there are. A node whose results
 * have none does not lead to the tensor.
 */
function backpropagate(
  {nodes, ids}: ReturnType<typeof dependents>,
  gradients: Map<number, Tensor>,
  engine: Engine,
): void {
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at] as TapeNode;
    const {inputs, outputs, gradient, kernelName} = node;
    const dys = outputs.map(({id}) => gradients.get(id) ?? null);
    if (!dys.some(dy => dy !== null)) continue;
    if (!gradient) throw new Error(`Cannot compute gradient: gradient function not found for ${kernelName}.`);
    const made = gradient(dys);
    for (const name in inputs) {
      const {id} = inputs[name] as Tensor;
      if (!ids.has(id)) continue;
      const dx = gradientOf(node, name, made, engine);
      const before = gradients.get(id);
      gradients.set(id, before ? (engine.runKernel('Add', {a: before, b: dx}) as Tensor) : dx);
      before?.dispose();
    }
  }
}

/** As the engine's own, of whose checks it has the words. */
function gradientsBy(engine: Engine): Engine['gradients'] {
  return (f, xs, dy, allowNoGradients = false) => {
    tf.util.assert(xs.length > 0, () => 'gradients() received an empty list of xs.');
    if (dy != null && dy.dtype !== 'float32')
      throw new Error(`dy must have 'float32' dtype, but has '${dy.dtype}'`);
    let value: Tensor;
    engine.startTape();
    try {
      value = engine.tidy('forward', f);
    } finally {
      engine.endTape();
    }
    tf.util.assert(isTensor(value), () => 'The result y returned by f() must be a tensor.');
    // An engine that was reset has another.
    const {state} = engine;
    const found = dependents(state.activeTape ?? [], xs);
    if (!allowNoGradients && !found.nodes.some(({outputs}) => outputs.includes(value))) {
      const both = 'Make sure that the f you passed encloses all operations that lead from x to y.';
      throw new Error(`Cannot compute gradient of y=f(x) with respect to x. ${both}`);
    }
    return engine.tidy('backward', () => {
      const gradients = new Map([[value.id, dy ?? (tf.ones(value.shape) as Tensor)]]);
      backpropagate(found, gradients, engine);
      const grads = xs.map(({id}) => gradients.get(id));
      if (state.gradientDepth === 0) {
        for (const {saved} of state.activeTape ?? []) for (const tensor of saved) tensor.dispose();
        state.activeTape = null;
      }
      return {value, grads};
    });
  };
}

/** `isShort` tells whether an engine may go the shorter way at the moment. */
export function shortenTape(engine: Engine, tape: Tape, isShort: () => boolean): void {
  const {gradients, startTape} = engine;
  const short = gradientsBy(engine);
  engine.gradients = (...given) => (isShort() ? short(...given) : gradients.apply(engine, given));
  engine.startTape = () => {
    tape.begin();
    startTape.call(engine);
  };
}
