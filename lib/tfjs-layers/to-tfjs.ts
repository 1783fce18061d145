// From a model of this library to one of tfjs-layers.
import type {Optimizer, Tensor, Variable as TfjsVariable} from '@tensorflow/tfjs-core';
import type {LayersModel, RNN, SymbolicTensor as TfjsTensor} from '@tensorflow/tfjs-layers';
import {checkBoolean, checkOptions, fail} from '../core/errors.ts';
import {isOwn, show} from '../core/kinds.ts';
import type {Config, Json} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {Model, SymbolicTensors} from '../index.ts';
import {type ModelFile, openModelFile} from '../io/model-file.ts';
import {describeLayer} from '../nn/describe-layer.ts';
import type {Layer} from '../nn/layer.ts';
import type {SymbolicTensor} from '../nn/symbolic.ts';
import type {ModelLayer} from '../train/network/nested.ts';
import type {Network} from '../train/network/network.ts';
import {byKind, type TfjsLayer} from './counterparts.ts';
import {describeOurs, partOf} from './describe.ts';
import {instanceOf, type TfjsModule, tfjsModule} from './module.ts';
import {lossToTfjs, metricToTfjs} from './objectives.ts';
import {optimizerToTfjs, slotsOf, slotToTfjs} from './optimizers.ts';
import {inOurOrder, inTheirOrder, keepsStates} from './states.ts';

export interface ToTfjsOptions {
  /** Whether loss, metrics, optimizer and its state come along, where the model has them. True by default. */
  readonly compile?: boolean;
  /** TensorFlow.js, where it is not to be looked for beside the program: for programs out of a bundler. */
  readonly tf?: TfjsModule;
}

/** A layer of tfjs with weights, and the names that they have in the whole model here, in the same order. */
interface Filled {
  readonly layer: TfjsLayer;
  readonly names: readonly string[];
}

const isModel = (layer: Layer): layer is ModelLayer => 'network' in layer;

/** tfjs has no smaller or larger types; what is stored in one is computed with as one of these. */
const dtypeOf = (dtype: string): string =>
  dtype === 'bool' ? 'bool' : dtype.startsWith('int') ? 'int32' : 'float32';

type BatchShape = (number | null)[];

/** Of an input: any number of samples, but where states fix it. */
const batchShapeOf = ({tensor, shape}: Network['inputs'][number]): BatchShape => [
  tensor.batchSize ?? null,
  ...(tensor.pattern ?? shape),
];

/** A stateful layer of tfjs, and the one here whose states it is to have. */
interface Kept {
  readonly layer: RNN;
  readonly own: Layer;
}

/** tfjs's CategoryEncoding overwrites the shapes of inputs. */
function restoreInputs(model: LayersModel, shapes: readonly BatchShape[]): void {
  const {inputs, feedInputShapes} = model as unknown as {
    readonly inputs: readonly {shape: BatchShape; readonly sourceLayer: {batchInputShape: BatchShape}}[];
    readonly feedInputShapes?: BatchShape[];
  };
  for (const [index, shape] of shapes.entries()) {
    const input = inputs[index] as (typeof inputs)[0];
    if (String(input.shape) === String(shape)) continue;
    input.shape = [...shape];
    input.sourceLayer.batchInputShape = [...shape];
    if (feedInputShapes) feedInputShapes[index] = [...shape];
  }
}

class Builder {
  readonly filled: Filled[] = [];
  readonly kept: Kept[] = [];
  readonly #tf: TfjsModule;
  /** Of the weights of the whole model by their tensors. */
  readonly #names: ReadonlyMap<unknown, string>;
  readonly #seen = new Set<Layer>();

  constructor(tf: TfjsModule, network: Network) {
    this.#tf = tf;
    this.#names = new Map(network.weights.map(({variable: {tensor, name}}) => [tensor, name]));
  }

  build(network: Network, name: string | undefined): LayersModel {
    return network.isChain ? this.#chain(network, name) : this.#graph(network, name);
  }

  /** A layer, whose weights are to be filled. */
  #layer(layer: Layer, name: string, first?: BatchShape): TfjsLayer {
    const made = this.#make(layer, name, first);
    this.#fill(made, layer);
    return made;
  }

  #fill(made: TfjsLayer, layer: Layer): void {
    if (isModel(layer)) return;
    if (keepsStates(made)) this.kept.push({layer: made, own: layer});
    const {parts = []} = byKind.get(layer.kind) ?? {};
    const inner = parts.flatMap(part => partOf(made, part));
    for (const [index, each] of inner.entries()) this.#fill(each, layer.layers[index] as Layer);
    if (inner.length > 0 || layer.weights.length === 0) return;
    const names = layer.weights.map(({variable}) => this.#names.get(variable.tensor) as string);
    this.filled.push({layer: made, names});
  }

  #make(layer: Layer, name: string, first?: BatchShape): TfjsLayer {
    if (this.#seen.has(layer))
      fail('ERR_GRAPH', `toTfjs: ${name} is part of several models within this one.`);
    this.#seen.add(layer);
    if (isModel(layer)) return this.build(layer.network, name);
    const {className, config} = describeOurs(describeLayer(layer, name));
    const dtype = (layer.config.dtype as string | undefined) ?? 'float32';
    const input = first && {batchInputShape: first};
    const own = layer.kind === 'inputLayer' ? {...input, dtype: dtypeOf(dtype), name} : {...config, ...input};
    const made = instanceOf<TfjsLayer>(this.#tf, {className, config: own}, this.#inner(layer));
    // Values are set at once: those of an orthogonal initializer would take seconds.
    made.setFastWeightInitDuringBuild(true);
    return made;
  }

  /** The layers within one, as tfjs's constructor takes them; undefined where there are none. */
  #inner(layer: Layer): object | undefined {
    const parts = byKind.get(layer.kind)?.parts ?? [];
    if (parts.length === 0) return undefined;
    const made = layer.layers.map(each => this.#make(each, each.givenName ?? each.kind));
    const taken = parts.filter(part => !part.isDerived);
    return Object.fromEntries(taken.map(({option, isList}, index) => [option, isList ? made : made[index]]));
  }

  #chain({layers, inputs}: Network, name: string | undefined): LayersModel {
    const made = this.#tf.sequential(name === undefined ? {} : {name});
    const first = batchShapeOf(inputs[0] as Network['inputs'][number]);
    for (const [index, {layer, name: own}] of layers.entries()) {
      made.add(this.#layer(layer, own, index === 0 ? [...first] : undefined));
    }
    restoreInputs(made, [first]);
    return made;
  }

  #graph({inputs, outputs, calls, layers}: Network, name: string | undefined): LayersModel {
    const values = new Map<SymbolicTensor, TfjsTensor>();
    for (const input of inputs) {
      const {name: own, tensor} = input;
      const dtype = dtypeOf(tensor.dtype) as 'float32';
      values.set(tensor, this.#tf.input({batchShape: batchShapeOf(input), name: own, dtype}));
    }
    const made = new Map(layers.map(({layer, name: own}) => [layer, this.#layer(layer, own)]));
    for (const {layer, inputs: operands, outputs: results, options} of calls) {
      for (const option of Object.keys(options)) {
        fail('ERR_OPTION', `toTfjs: ${layer.name}: apply: ${option}: tfjs-layers has no such option.`);
      }
      const theirs = made.get(layer) as TfjsLayer;
      const given = inTheirOrder(theirs, operands).map(tensor => values.get(tensor) as TfjsTensor);
      const one = given.length === 1 ? (given[0] as TfjsTensor) : given;
      const all = inOurOrder(theirs, [theirs.apply(one)].flat() as TfjsTensor[]);
      for (const [index, tensor] of results.entries()) values.set(tensor, all[index] as TfjsTensor);
    }
    const ends = (ports: Network['inputs']) => ports.map(({tensor}) => values.get(tensor) as TfjsTensor);
    const model = this.#tf.model({
      inputs: ends(inputs),
      outputs: ends(outputs),
      ...(name !== undefined && {name}),
    });
    restoreInputs(model, inputs.map(batchShapeOf));
    return model;
  }
}

/** Makes tensors, gives them to `use`, and disposes of them. */
async function withTensors(
  {tensor}: TfjsModule,
  values: readonly {readonly data: Float32Array; readonly shape: Shape}[],
  use: (tensors: Tensor[]) => void | Promise<void>,
): Promise<void> {
  const tensors = values.map(({data, shape}) => tensor(data, [...shape], 'float32'));
  try {
    await use(tensors);
  } finally {
    for (const each of tensors) each.dispose();
  }
}

/** setWeights would move them to where a constraint allows them. */
function assign(layer: TfjsLayer, tensors: readonly Tensor[]): void {
  for (const [index, weight] of layer.weights.entries()) {
    (weight.read() as TfjsVariable).assign(tensors[index] as Tensor);
  }
}

/** What stateful layers have kept. */
async function fillStates(tf: TfjsModule, kept: readonly Kept[]): Promise<void> {
  for (const {layer, own} of kept) {
    const states = inTheirOrder(layer, own.getStates(), true);
    await withTensors(tf, states, tensors => layer.resetStates(tensors));
  }
}

type Values = ReadonlyMap<string, {readonly data: Float32Array; readonly shape: Shape}>;
type Value = {readonly data: Float32Array; readonly shape: Shape};

async function readAll(file: ModelFile): Promise<Values> {
  const values = new Map<string, Value>();
  for (const {name, shape} of file.entries) values.set(name, {shape, data: await file.read(name)});
  return values;
}

const orderOf = (training: Config, name: string, outputs: readonly string[]): Json[] => {
  const given = training[name] as Config;
  return outputs.map(output => given[output] ?? null);
};

function compileAs(tf: TfjsModule, made: LayersModel, training: Config, outputs: readonly string[]): void {
  for (const name of ['lossWeights', 'weightedMetrics']) {
    if (training[name] === undefined) continue;
    const instead = 'toTfjs(model, {compile: false}) leaves loss, metrics and optimizer out';
    fail('ERR_OPTION', `toTfjs: ${name}: tfjs-layers has none. ${instead}.`);
  }
  const isOne = outputs.length === 1;
  const losses = isOne ? [training.loss as Json] : orderOf(training, 'loss', outputs);
  const metrics = isOne ? [training.metrics as Json] : orderOf(training, 'metrics', outputs);
  const named = metrics.map(list => ((list ?? []) as Json[]).map(metricToTfjs));
  made.compile({
    optimizer: instanceOf<Optimizer>(tf, optimizerToTfjs(training.optimizer as Json)),
    loss: losses.map(lossToTfjs),
    metrics: isOne
      ? (named[0] as string[])
      : (Object.fromEntries(made.outputNames.map((name, index) => [name, named[index]])) as never),
  });
}

/** The count of steps, and what the optimizer has kept, in tfjs's order. */
async function fillOptimizer(
  tf: TfjsModule,
  made: LayersModel,
  file: ModelFile,
  values: Values,
  filled: readonly Filled[],
): Promise<void> {
  const {optimizer} = made;
  const names = new Map(
    filled.flatMap(({layer, names: own}) => layer.weights.map((weight, index) => [weight, own[index]])),
  );
  const className = optimizer.getClassName();
  if (file.step === 0 || className === 'Adamax') return;
  const config = optimizer.getConfig() as Config;
  const kept = slotsOf({className, config}).flatMap(slot =>
    made.trainableWeights.map(weight => {
      const shape = weight.shape as number[];
      const size = shape.reduce((product, each) => product * each, 1);
      const own = values.get(`optimizer/${names.get(weight)}/${slot.ours}`)?.data ?? new Float32Array(size);
      return {shape, data: slotToTfjs(slot, own, config)};
    }),
  );
  await withTensors(tf, kept, async tensors => {
    const count = tf.tensor([file.step], [], 'int32');
    const state = tensors.map((tensor, index) => ({name: `state_${index}`, tensor}));
    await optimizer.setWeights([{name: 'iter', tensor: count}, ...state]);
    count.dispose();
  });
}

/**
 * A model of tfjs-layers that computes what a model of this library computes, with its weights and what
 * stateful layers have kept; and, where that is compiled, with loss, metrics, optimizer and what the
 * optimizer has kept. Nothing is shared with it. Its numbers are on the backend that is current. As for
 * `fromTfjs`, RMSprop's epsilon is squared, and Adamax begins afresh. `precision` is left out.
 *
 * @throws ERR_UNKNOWN_NAME naming the layer that has no counterpart; ERR_OPTION for an option, loss, metric
 * or optimizer that has none; ERR_GRAPH; ERR_ADDON where tfjs-layers is not installed
 */
export async function toTfjs<Outputs extends SymbolicTensors>(
  model: Model<Outputs>,
  options: ToTfjsOptions = {},
): Promise<LayersModel> {
  if (!isOwn(model, 'model')) {
    fail('ERR_OPTION', `toTfjs: expected a model of chainrule. Received ${show(model)}.`);
  }
  checkOptions('toTfjs', options, ['compile', 'tf']);
  const {compile = true, tf = tfjsModule()} = options;
  checkBoolean('toTfjs: compile', compile);
  const {network} = model;
  const builder = new Builder(tf, network);
  const made = builder.build(network, model.name);
  const file = await openModelFile('toTfjs', await model.toBytes({includeOptimizer: compile}));
  try {
    const values = await readAll(file);
    for (const {layer, names} of builder.filled) {
      const own = names.map(name => values.get(name) as Value);
      await withTensors(tf, own, tensors => assign(layer, tensors));
    }
    await fillStates(tf, builder.kept);
    if (file.training !== undefined) {
      const outputs = network.outputs.map(({name}) => name);
      compileAs(tf, made, file.training as Config, outputs);
      await fillOptimizer(tf, made, file, values, builder.filled);
    }
    return made;
  } finally {
    await file.close();
  }
}
