// A model's layers and how they are joined, as JSON and back.
import {fail} from '../../core/errors.ts';
import type {Config, Json} from '../../core/named.ts';
import {resolve} from '../../core/resolve.ts';
import {checkSavedConfig} from '../../io/model-file.ts';
import {describeLayer} from '../../nn/describe-layer.ts';
import type {Layer} from '../../nn/layer.ts';
import {readLayersWith} from '../../nn/layer-like.ts';
import {checkName} from '../../nn/layer-options.ts';
import * as layersNamespace from '../../nn/layers/index.ts';
import {callLayer, type InputOptions, input, type SymbolicTensor} from '../../nn/symbolic.ts';
import {ModelLayer} from './nested.ts';
import {Network, type Structure} from './network.ts';
import {inStructure} from './ports.ts';

/** A chain from `sequential`, or any graph. */
export function kindOf({isChain}: Network): 'sequential' | 'model' {
  return isChain ? 'sequential' : 'model';
}

/**
 * Tensors are numbered: the inputs first, then the results of each call. A call says its layer and operands.
 */
export function topologyOf({network, seed, name: own}: Described): Config {
  const layers = network.layers.map(({name, layer}) => describeLayer(layer, name));
  const named: Config = own === undefined ? {} : {name: own};
  if (network.isChain) return {kind: 'sequential', ...named, seed, layers};
  const {inputs, outputs, inputStructure, outputStructure} = network;
  const numbers = new Map<SymbolicTensor, number>();
  for (const {tensor} of inputs) numbers.set(tensor, numbers.size);
  const calls = network.calls.map(({layer, inputs: operands, outputs: results, options}): Json => {
    const row = {
      layer: network.layers.findIndex(each => each.layer === layer),
      inputs: operands.map(tensor => numbers.get(tensor) as number),
      ...(Object.keys(options).length > 0 && {options}),
    };
    for (const tensor of results) numbers.set(tensor, numbers.size);
    return row;
  });
  return {
    kind: 'model',
    ...named,
    seed,
    inputs: inputs.map(({name, shape, tensor: {dtype, batchSize, pattern}}) => ({
      name,
      shape: pattern ?? shape,
      ...(batchSize !== undefined && {batchSize}),
      ...(dtype !== 'float32' && {dtype}),
    })),
    layers,
    calls,
    outputs: outputs.map(({name, tensor}) => ({name, tensor: numbers.get(tensor) as number})),
    structure: [inputStructure, outputStructure],
  };
}

export interface Described {
  readonly network: Network;
  readonly seed: number;
  readonly name: string | undefined;
}

function onlyFields(given: {readonly [key: string]: Json}, known: readonly string[]): void {
  const unknown = Object.keys(given).find(key => !known.includes(key));
  if (unknown !== undefined) fail('ERR_FILE', `its model has the unknown field ${JSON.stringify(unknown)}`);
}

const maxParts = 10_000;

function listOf(value: Json | undefined, what: string): readonly Json[] {
  // A hole is nothing that the functions of arrays would visit.
  if (Array.isArray(value) && value.length <= maxParts) return Array.from(value as readonly Json[]);
  return fail('ERR_FILE', `its ${what} are no array`);
}

function layerOf(given: Json): Layer {
  const saved = checkSavedConfig(given, 'layer') as {[key: string]: Json};
  const {kind, name, trainable, inputShape, batchInputShape, ...config} = saved;
  if (kind !== 'sequential' && kind !== 'model') return resolve<Layer>('layer', layersNamespace, given);
  const options = {kind, name: name as string | undefined};
  const inner = networkOf({kind, ...config});
  const layer = new ModelLayer(inner.network, () => topologyOf(inner), options);
  if (trainable === false) layer.trainable = false;
  return layer;
}

readLayersWith(layerOf);

const layersOf = (value: Json | undefined): Layer[] => listOf(value, 'layers').map(layerOf);

/**
 * The network that a description stands for. Nothing in it is trusted: names are looked up in the library's
 * own tables, and numbers must be those of what came before.
 *
 * @throws ERR_FILE, or what the layers say of their options.
 */
export function networkOf(topology: Json): Described {
  const given = checkSavedConfig(topology, 'model') as {[key: string]: Json};
  const {kind, seed, name} = given;
  checkName('model: name', name);
  if (kind !== 'sequential' && kind !== 'model') {
    fail('ERR_FILE', `the model is of the unknown kind ${JSON.stringify(kind)}`);
  }
  if (!Number.isSafeInteger(seed)) fail('ERR_FILE', 'its seed is no integer');
  const own = kind === 'sequential' ? [] : ['inputs', 'calls', 'outputs', 'structure'];
  onlyFields(given, ['kind', 'name', 'seed', 'layers', ...own]);
  const layers = layersOf(given.layers);
  const network = kind === 'sequential' ? new Network(layers) : graphOf(given, layers);
  return {network, seed: seed as number, name: name as string | undefined};
}

function graphOf(given: {[key: string]: Json}, layers: readonly Layer[]): Network {
  const tensors = listOf(given.inputs, 'inputs').map(value =>
    input(checkSavedConfig(value, 'input') as unknown as InputOptions),
  );
  const inputs = [...tensors];
  const tensorOf = (number: Json | undefined): SymbolicTensor => {
    const tensor = typeof number === 'number' ? tensors[number] : undefined;
    return tensor ?? fail('ERR_FILE', `its calls name ${JSON.stringify(number)}, which is no tensor before`);
  };
  for (const value of listOf(given.calls, 'calls')) {
    const {layer: number, inputs: operands, options = {}} = checkSavedConfig(value, 'call');
    const layer = typeof number === 'number' ? layers[number] : undefined;
    if (!layer) return fail('ERR_FILE', `its calls name ${JSON.stringify(number)}, which is no layer`);
    const taken = listOf(operands, 'operands').map(tensorOf);
    const call = callLayer(layer, taken, layer.name, checkSavedConfig(options, 'call'));
    tensors.push(...call.outputs);
  }
  const outputs = listOf(given.outputs, 'outputs').map(value => {
    const {name, tensor} = checkSavedConfig(value, 'output');
    return {name: String(name), tensor: tensorOf(tensor)};
  });
  const [inputStructure, outputStructure] = listOf(given.structure, 'structure').map(checkStructure);
  const ports = inputs.map((tensor, index) => ({name: tensor.givenName ?? `input_${index}`, tensor}));
  const join = (structure: Structure | undefined, list: readonly {name: string; tensor: SymbolicTensor}[]) =>
    inStructure(
      structure ?? 'list',
      list,
      list.map(({tensor}) => tensor),
    );
  return new Network({inputs: join(inputStructure, ports), outputs: join(outputStructure, outputs)});
}

function checkStructure(value: Json): Structure {
  if (value === 'one' || value === 'list' || value === 'names') return value;
  return fail('ERR_FILE', `its structure ${JSON.stringify(value)} is unknown`);
}
