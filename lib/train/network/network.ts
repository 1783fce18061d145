// A graph of layer calls with their weights: the forward pass as a graph of ops, and what follows from the
// weights alone. A sequential model is the special case of a chain.

import {fail, unknownName} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {at, zip} from '../../core/lists.ts';
import {leaveLoops, type State, stateHere} from '../../core/open-body.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import {type RandomSource, renamed, type Tensor, type Variable, withScope} from '../../core/tensor.ts';
import {commonBatchSize} from '../../nn/batch-size.ts';
import type {Constraint} from '../../nn/constraints.ts';
import type {CallContext, ForwardAll, Layer} from '../../nn/layer.ts';
import {type Called, callWithMasks, type Masks} from '../../nn/masking.ts';
import {penaltyOf} from '../../nn/own-results.ts';
import type {Regularizer} from '../../nn/regularizers.ts';
import {whyNotInParts} from '../../nn/streaming.ts';
import {callLayer, isSymbolicTensor, type LayerCall, SymbolicTensor} from '../../nn/symbolic.ts';
import {add} from '../../ops/map.ts';
import {sum} from '../../ops/reduce.ts';
import {Chain, type LayerLike} from './chain.ts';
import {operandsOf, type Preparation, preparationOf} from './feeds.ts';
import {nameLayers, nameTensors} from './names.ts';

export interface Weight {
  /** Under the name that it has in this network. */
  readonly variable: Variable;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
}

export interface NetworkLayer {
  readonly name: string;
  readonly layer: Layer;
  /** Of its first call. */
  readonly output: SymbolicTensor;
  readonly weights: readonly Weight[];
}

/** An input or an output. */
export interface Port {
  readonly name: string;
  /** Of one sample. */
  readonly shape: Shape;
  readonly tensor: SymbolicTensor;
}

/** How inputs or outputs were given, and so are data and results: one, a list, or by name. */
export type Structure = 'one' | 'list' | 'names';

export type SymbolicTensors =
  | SymbolicTensor
  | readonly SymbolicTensor[]
  | Readonly<Record<string, SymbolicTensor>>;

export interface NetworkOptions {
  readonly inputs: SymbolicTensors;
  readonly outputs: SymbolicTensors;
}

export interface ApplyOptions {
  readonly training: boolean;
  readonly random: {seed: Tensor; step: Tensor};
  /** Number of the part of a batch. */
  readonly shard?: number;
  /** Told of what layers compute, in whose scope it is called. */
  readonly observe?: CallContext['observe'] | undefined;
}

export interface Applied extends Called {
  /** New values of weights that are not trained, by the tensor of their variable. */
  readonly updates: ReadonlyMap<Tensor, Tensor>;
  /** Losses of each sample, [batch] each, that layers add to the model's. */
  readonly losses: readonly Tensor[];
  /** What the step leaves of the states of layers, by the tensor of their variable. */
  readonly states: ReadonlyMap<Tensor, Tensor>;
}

/**
 * Streams of random numbers from here on are those of layers in training; initial weights use the lower ones.
 */
const firstLayerStream = 1 << 20;
/** Each part of a batch has streams of its own, or all would drop the same units. */
const streamsOfShard = 1 << 12;

/** Kept for each model that reads inputs of any length. */
const mostLengths = 64;

export class Network {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Made from layers in a row. */
  readonly isChain: boolean;
  readonly inputStructure: Structure;
  readonly outputStructure: Structure;
  readonly layers: readonly NetworkLayer[];
  /** In an order in which they can be computed. */
  readonly calls: readonly LayerCall[];
  readonly weights: readonly Weight[];
  /** What runs in JavaScript ahead of the plan. */
  readonly preparation: Preparation;
  /** What stateful layers keep from batch to batch. */
  readonly states: readonly Variable[];
  /** Samples of every batch, where that is fixed, as it is with states. */
  readonly batchSize: number | undefined;
  readonly #names: ReadonlyMap<Layer, string>;
  /** Over inputs of other shapes; those used last. */
  readonly #others = new Map<string, Network>();

  /** A chain of layers, or all that lies between inputs and outputs. */
  constructor(given: readonly LayerLike[] | Chain | NetworkOptions) {
    const ends = Array.isArray(given) ? new Chain(given) : (given as Chain | NetworkOptions);
    this.isChain = Chain.is(ends);
    const {inputs, outputs} = ends;
    if (Chain.is(ends) && ends.length === 0) {
      fail('ERR_OPTION', 'sequential: expected an array of layers, at least one.');
    }
    const where = this.isChain ? 'sequential' : 'model';
    this.inputStructure = structureOf(inputs);
    this.outputStructure = structureOf(outputs);
    const inputList = tensorsOf(`${where}: inputs`, inputs);
    const outputList = tensorsOf(`${where}: outputs`, outputs);
    this.calls = callsBetween(
      inputList.map(([, tensor]) => tensor),
      outputList.map(([, tensor]) => tensor),
    );
    const layers = [...new Set(this.calls.map(({layer}) => layer))];
    this.#names = nameLayers(where, layers);
    this.inputs = nameTensors(inputList, ({name}) => name);
    this.outputs = nameTensors(outputList, tensor => this.#nameOf(tensor));
    this.preparation = preparationOf(this, ({layer}) => this.#names.get(layer) as string);
    const seen = new Set<Tensor>();
    this.layers = layers.map(layer => {
      const name = this.#names.get(layer) as string;
      const first = this.calls.find(call => call.layer === layer) as LayerCall;
      return {name, layer, output: at(first.outputs, 0), weights: weightsOf(name, layer, seen)};
    });
    this.weights = this.layers.flatMap(({weights}) => weights);
    this.states = this.layers.flatMap(({name, layer}) => statesOf(name, layer, seen));
    const sizes = inputList.map(([, {batchSize}]) => ({batchSize}));
    const ofStates = this.states.map(({shape: [batchSize]}) => ({batchSize}));
    this.batchSize = commonBatchSize(where, [...sizes, ...ofStates]);
    for (const {name, layer} of this.layers) layer.isNamed(name);
  }

  /** Whether sizes of its inputs may be any. */
  get isOfAnyLength(): boolean {
    return this.inputs.some(({tensor}) => tensor.pattern !== undefined);
  }

  /**
   * The same layers over inputs of these shapes, with the same weights; itself where they are its own.
   *
   * @throws ERR_SHAPE where a layer cannot take them.
   */
  at(shapes: readonly Shape[]): Network {
    if (shapes.every((shape, index) => sameShape(shape, at(this.inputs, index).shape))) return this;
    const key = shapes.map(formatShape).join();
    const known = this.#others.get(key) ?? this.#over(shapes);
    this.#others.delete(key);
    this.#others.set(key, known);
    const [oldest] = this.#others.keys();
    if (this.#others.size > mostLengths) this.#others.delete(oldest as string);
    return known;
  }

  #over(shapes: readonly Shape[]): Network {
    const tensors = new Map<SymbolicTensor, SymbolicTensor>();
    this.inputs.forEach(({tensor}, index) => {
      const {givenName, dtype, batchSize} = tensor;
      tensors.set(tensor, new SymbolicTensor(at(shapes, index), {givenName, dtype, batchSize}));
    });
    const other = (tensor: SymbolicTensor): SymbolicTensor => tensors.get(tensor) as SymbolicTensor;
    for (const {layer, inputs, outputs, options} of this.calls) {
      const call = callLayer(layer, inputs.map(other), this.#names.get(layer) as string, options);
      // It is none of the user's.
      layer.forget(call);
      for (const [own, made] of zip(outputs, call.outputs)) tensors.set(own, made);
    }
    const named = (ports: readonly Port[]) =>
      Object.fromEntries(ports.map(({name, tensor}) => [name, other(tensor)]));
    const made = new Network({inputs: named(this.inputs), outputs: named(this.outputs)});
    return Object.assign(made, {inputStructure: this.inputStructure, outputStructure: this.outputStructure});
  }

  get isStateful(): boolean {
    return this.states.length > 0;
  }

  #nameOf({call, name}: SymbolicTensor): string {
    return (call && this.#names.get(call.layer)) ?? name;
  }

  /** Weights that training changes; which they are may change between fits. */
  get trainable(): readonly Weight[] {
    return this.weights.filter(weight => weight.variable.trainable);
  }

  /** Shape of one sample, of a network with one input; else of the first. */
  get inputShape(): Shape {
    return (this.inputs[0] as Port).shape;
  }

  get outputShape(): Shape {
    return (this.outputs[0] as Port).shape;
  }

  /** What a plan reads: the inputs, or what layers ahead of the plan make of them. */
  get feeds(): readonly Port[] {
    return this.preparation.feeds;
  }

  /** Whether layers run ahead of the plan. */
  get runsAhead(): boolean {
    return this.feeds !== this.inputs;
  }

  /**
   * Outputs for feeds [batch, …] with their masks, in a graph whose state and random numbers `context` knows.
   */
  compute(inputs: readonly Tensor[], context: CallContext, given: Masks = []): Called {
    const values = new Map(zip(this.feeds, inputs).map(([{tensor}, input]) => [tensor, input]));
    const masks = new Map(this.feeds.map(({tensor}, index) => [tensor, given[index]]));
    const computed = (tensor: SymbolicTensor): Tensor =>
      values.get(tensor) ?? fail('ERR_GRAPH', `internal: a tensor of ${tensor.shape} is not computed yet.`);
    for (const call of this.preparation.planned) {
      const name = this.#names.get(call.layer) as string;
      const reads = operandsOf(call);
      const operands = reads.map(computed);
      const own = reads.map(tensor => masks.get(tensor));
      const forward = context.stream ? forwardInParts(name, call, operands) : call.forward;
      const results = withScope(name, () => {
        const all = callWithMasks(name, call.layer, forward, operands, own, context);
        context.observe?.('activation', at(all.outputs, 0));
        return all;
      });
      for (const [tensor, result] of zip(call.outputs, results.outputs)) values.set(tensor, result);
      for (const [index, tensor] of call.outputs.entries()) masks.set(tensor, results.masks[index]);
    }
    return {
      outputs: this.outputs.map(({tensor}) => computed(tensor)),
      masks: this.outputs.map(({tensor}) => masks.get(tensor)),
    };
  }

  /** The same, with random numbers from the sources of `random`, and what layers change and add. */
  apply(inputs: readonly Tensor[], {training, random, shard = 0, observe}: ApplyOptions): Applied {
    let stream = firstLayerStream + shard * streamsOfShard;
    const updates = new Map<Tensor, Tensor>();
    const states = new Map<Tensor, Tensor>();
    // In a loop's body it is a carry.
    const stateIn = (values: Map<Tensor, Tensor>, weight: Tensor): State =>
      stateHere(weight, {
        now: () => values.get(weight) ?? weight,
        replace: value => values.set(weight, value),
      });
    const losses: Tensor[] = [];
    const context: CallContext = {
      training,
      random: (): RandomSource => ({...random, stream: stream++}),
      update(weight, next) {
        const state = stateIn(updates, weight);
        state.replace(next(state.now()));
      },
      stateOf: state => stateIn(states, state),
      addLoss(perSample) {
        leaveLoops(perSample, value => losses.push(overIterations(value)));
      },
      observe: observe && ((what, value, kind) => leaveLoops(value, whole => observe(what, whole, kind))),
    };
    return {...this.compute(inputs, context), updates, losses, states};
  }

  /** Sum of the regularizers' penalties, if there are any. */
  penalty(): Tensor | undefined {
    const parts = this.weights.flatMap(({variable: {name, tensor}, regularizer}) =>
      regularizer ? [withScope(name, () => penaltyOf(regularizer, tensor))] : [],
    );
    return parts.length === 0 ? undefined : parts.reduce((total, part) => add(total, part));
  }
}

/** The forward pass of a call for other numbers of steps than it was made for. @throws ERR_GRAPH */
function forwardInParts(name: string, call: LayerCall, operands: readonly Tensor[]): ForwardAll {
  const {layer, options, fed} = call;
  // Of a model, the layers within look at it.
  if (fed) return fed.forward;
  const shapes = operands.map(({shape}) => shape.slice(1));
  const why = whyNotInParts(layer, shapes[0] ?? []);
  if (why) fail('ERR_GRAPH', `${name} ${why}. So steps cannot come one behind the other.`);
  return layer.forwardFor(shapes, name, options);
}

/** A loss of each sample, summed over the iterations of loops that added it. */
const overIterations = (value: Tensor): Tensor =>
  value.rank > 1
    ? sum(
        value,
        value.shape.slice(1).map((_, axis) => axis),
      )
    : value;

/** A layer by its name in a network, or by its place. @throws ERR_UNKNOWN_NAME or ERR_OUT_OF_RANGE */
export function layerOf({layers}: Network, name: string | number): Layer {
  const found = typeof name === 'number' ? layers.at(name) : layers.find(layer => layer.name === name);
  if (found) return found.layer;
  const names = layers.map(layer => layer.name);
  if (typeof name !== 'number') return unknownName('layer', name, names);
  return fail('ERR_OUT_OF_RANGE', `getLayer: there is no layer ${name}: the model has ${layers.length}.`);
}

/** Weights under their names here; one that an earlier layer brought along stands there alone. */
function weightsOf(layerName: string, layer: Layer, seen: Set<Tensor>): Weight[] {
  return layer.weights.flatMap(({name, variable: own, regularizer, constraint, layer: owner}) => {
    if (seen.has(own.tensor)) return [];
    seen.add(own.tensor);
    const variable = renamed(own, `${layerName}/${name}`, () => own.trainable && owner.trainable);
    return [{variable, regularizer, constraint}];
  });
}

/** States under their names here, as those of `weightsOf`. */
function statesOf(layerName: string, layer: Layer, seen: Set<Tensor>): Variable[] {
  return layer.states.flatMap(({name, variable}) => {
    if (seen.has(variable.tensor)) return [];
    seen.add(variable.tensor);
    return [renamed(variable, `${layerName}/${name}`, () => false)];
  });
}

function structureOf(given: SymbolicTensors): Structure {
  if (isSymbolicTensor(given)) return 'one';
  return Array.isArray(given) ? 'list' : 'names';
}

/** Tensors with the names that they were given by. */
function tensorsOf(where: string, given: SymbolicTensors): [string | undefined, SymbolicTensor][] {
  if (isSymbolicTensor(given)) return [[undefined, given]];
  if (typeof given !== 'object' || given === null || Object.keys(given).length === 0) {
    const example = 'input({shape: [4]}), or several as an array or by name';
    fail('ERR_OPTION', `${where}: expected a symbolic tensor such as ${example}. Received ${show(given)}.`);
  }
  const named = !Array.isArray(given);
  return Object.entries(given).map(([key, tensor]) => {
    if (isSymbolicTensor(tensor)) return [named ? key : undefined, tensor];
    return fail(
      'ERR_OPTION',
      `${where}: ${key}: expected what input() or apply() gave. Received ${show(tensor)}.`,
    );
  });
}

/** The calls that outputs depend on, up to the inputs, in the order in which they were made. */
function callsBetween(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): LayerCall[] {
  const ends = new Set(inputs);
  if (ends.size < inputs.length) fail('ERR_GRAPH', 'model: inputs: the same tensor stands there twice.');
  const reached = new Set<SymbolicTensor>();
  const calls = new Set<LayerCall>();
  const open = [...outputs];
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (reached.has(tensor)) continue;
    reached.add(tensor);
    if (ends.has(tensor)) continue;
    if (!tensor.call) {
      const what = `the input ${tensor.givenName ? JSON.stringify(tensor.name) : formatShape(tensor.shape)}`;
      fail('ERR_GRAPH', `model: the outputs depend on ${what}, which is not among inputs.`);
    }
    calls.add(tensor.call);
    open.push(...tensor.call.inputs);
  }
  inputs.forEach((input, index) => {
    if (reached.has(input)) return;
    fail('ERR_GRAPH', `model: inputs: no output depends on input ${input.givenName ?? index}.`);
  });
  const place = ({outputs: [first]}: LayerCall): number => (first as SymbolicTensor).id;
  return [...calls].sort((a, b) => place(a) - place(b));
}
