// A model of tfjs-layers as a description of this library: its layers, and how they are joined.
import type {LayersModel, SymbolicTensor} from '@tensorflow/tfjs-layers';
import {fail} from '../core/errors.ts';
import type {Json} from '../core/named.ts';
import {byClass, modelClasses, type TfjsLayer} from './counterparts.ts';
import {counterpartOf, describeTfjs, toName} from './describe.ts';
import {inOurOrder, keepsStates} from './states.ts';

/** Any model of tfjs-layers, also one that is a layer of another. */
export type TfjsModel = LayersModel;

/** A layer with weights of its own, and the names that lead to it. */
export interface Leaf {
  readonly layer: TfjsLayer;
  readonly path: readonly string[];
}

export interface DescribedModel {
  readonly topology: {readonly [key: string]: Json};
  readonly leaves: readonly Leaf[];
  /** Layers that keep states from batch to batch. */
  readonly stateful: readonly Leaf[];
}

const isModel = (layer: TfjsLayer): layer is TfjsModel => layer.getClassName() in modelClasses;

/** The sizes of one sample, null where any will do. */
const sampleShape = ({shape}: SymbolicTensor): (number | null)[] => shape.slice(1);

const dtypes: readonly string[] = ['int32', 'bool'];

function dtypeOf(where: string, {dtype, name}: SymbolicTensor): {dtype?: string} {
  if (dtype === 'float32') return {};
  if (dtypes.includes(dtype)) return {dtype};
  return fail('ERR_DTYPE', `${where}: the input ${name} is of ${dtype}. Models here read numbers.`);
}

/** How many samples a batch has, where layers keep a state for each: others take any number. */
const batchSizeOf = (model: TfjsModel, {shape}: SymbolicTensor): {batchSize?: number} =>
  model.stateful && typeof shape[0] === 'number' ? {batchSize: shape[0]} : {};

/** The same, as the first layer of a chain says it. */
function firstShape(model: TfjsModel, input: SymbolicTensor): {readonly [key: string]: Json} {
  const inputShape = sampleShape(input);
  const {batchSize} = batchSizeOf(model, input);
  return batchSize === undefined ? {inputShape} : {batchInputShape: [batchSize, ...inputShape]};
}

class Description {
  readonly leaves: Leaf[] = [];
  readonly stateful: Leaf[] = [];
  readonly #seen = new Set<TfjsLayer>();

  model(model: TfjsModel, path: readonly string[]): {[key: string]: Json} {
    const where = `fromTfjs: ${model.name}`;
    if (!model.inputs?.length) {
      fail('ERR_SHAPE', `${where}: its first layer has no inputShape yet, so that there are no weights.`);
    }
    const kind = modelClasses[model.getClassName()] as 'sequential' | 'model';
    return {kind, seed: 0, ...(kind === 'sequential' ? this.#chain(model, path) : this.#graph(model, path))};
  }

  /** A layer under a name. */
  #layer(layer: TfjsLayer, name: string, path: readonly string[]): {[key: string]: Json} {
    if (this.#seen.has(layer)) {
      fail('ERR_GRAPH', `fromTfjs: ${layer.name} is part of several models within this one.`);
    }
    this.#seen.add(layer);
    const own = [...path, name];
    if (isModel(layer)) {
      const inner = {...this.model(layer, own), name};
      return layer.trainable ? inner : {...inner, trainable: false};
    }
    const described = describeTfjs(layer, name, inner => {
      const names = namesOf(inner);
      return inner.map(each => this.#layer(each, names.get(each) as string, own));
    });
    // The weights of a layer around others are theirs.
    if (byClass.get(layer.getClassName())?.parts.length === 0) this.leaves.push({layer, path: own});
    if (keepsStates(layer)) this.stateful.push({layer, path: own});
    return {...described};
  }

  #chain(model: TfjsModel, path: readonly string[]): {[key: string]: Json} {
    const [input] = model.inputs as [SymbolicTensor];
    const where = `fromTfjs: ${model.name}`;
    const dtype = dtypeOf(where, input);
    const shape = firstShape(model, input);
    const names = namesOf(model.layers);
    const layers = model.layers.map(layer => this.#layer(layer, names.get(layer) as string, path));
    const [first] = layers as [{[key: string]: Json}];
    if (!isModel(model.layers[0] as TfjsLayer)) Object.assign(first, shape);
    if (first.kind === 'inputLayer') Object.assign(first, dtype);
    else if (dtype.dtype) layers.unshift({kind: 'inputLayer', name: 'input', ...shape, ...dtype});
    return {layers};
  }

  #graph(model: TfjsModel, path: readonly string[]): {[key: string]: Json} {
    const where = `fromTfjs: ${model.name}`;
    const inner = model.layers.filter(layer => layer.getClassName() !== 'InputLayer');
    const names = namesOf(inner);
    const numbers = new Map(model.inputs.map((tensor, index) => [tensor.id, index]));
    const calls: Json[] = [];
    let count = numbers.size;
    const numberOf = (tensor: SymbolicTensor): number => {
      const known = numbers.get(tensor.id);
      if (known !== undefined) return known;
      const layer = tensor.sourceLayer;
      const node = layer.inboundNodes[tensor.nodeIndex];
      if (!node) return fail('ERR_GRAPH', `${where}: ${tensor.name} does not say what it is made of.`);
      const inputs = inOurOrder(layer, node.inputTensors.map(numberOf));
      calls.push({layer: inner.indexOf(layer), inputs});
      for (const result of inOurOrder(layer, node.outputTensors)) numbers.set(result.id, count++);
      return numbers.get(tensor.id) as number;
    };
    const outputs = model.outputs.map((tensor, index) => ({
      name: toName(model.outputNames[index] as string),
      tensor: numberOf(tensor),
    }));
    return {
      inputs: model.inputs.map((tensor, index) => ({
        name: toName(model.inputNames[index] as string),
        shape: sampleShape(tensor),
        ...batchSizeOf(model, tensor),
        ...dtypeOf(where, tensor),
      })),
      layers: inner.map(layer => this.#layer(layer, names.get(layer) as string, path)),
      calls,
      outputs,
      structure: [model.inputs, model.outputs].map(list => (list.length === 1 ? 'one' : 'list')),
    };
  }
}

/** A name for each layer, as near to its own as names are here. */
function namesOf(layers: readonly TfjsLayer[]): Map<TfjsLayer, string> {
  const taken = new Set<string>();
  return new Map(
    layers.map(layer => {
      const wanted = toName(layer.name);
      let name = wanted;
      for (let number = 1; taken.has(name); number++) name = `${wanted.slice(0, 90)}_${number}`;
      taken.add(name);
      return [layer, name];
    }),
  );
}

/**
 * The description of a model.
 *
 * @throws ERR_UNKNOWN_NAME for a layer without counterpart; ERR_SHAPE, ERR_DTYPE, ERR_OPTION, ERR_GRAPH
 */
export function describeModel(model: TfjsModel): DescribedModel {
  const description = new Description();
  for (const layer of flat(model)) if (!isModel(layer)) counterpartOf(`fromTfjs: ${layer.name}`, layer);
  const topology = {...description.model(model, []), name: toName(model.name)};
  return {topology, leaves: description.leaves, stateful: description.stateful};
}

const flat = (model: TfjsModel): TfjsLayer[] =>
  model.layers.flatMap(layer => (isModel(layer) ? flat(layer) : [layer]));
