// From a model of tfjs-layers to one of this library.
import type {Tensor} from '@tensorflow/tfjs-core';
import type {LayersModel, LayerVariable} from '@tensorflow/tfjs-layers';
import {checkBoolean, checkOptions, fail} from '../core/errors.ts';
import {isObject, show} from '../core/kinds.ts';
import type {Config, Json} from '../core/named.ts';
import type {Model, SymbolicTensor, SymbolicTensors} from '../index.ts';
import type {Layer} from '../nn/layer.ts';
import {modelFromJSON} from '../train/model.ts';
import type {CompileOptions} from '../train/step/compile-options.ts';
import {modelClasses} from './counterparts.ts';
import {lossFromTfjs, mapEach, metricFromTfjs} from './objectives.ts';
import {optimizerFromTfjs, slotFromTfjs, slotsOf} from './optimizers.ts';
import {inOurOrder, keepsStates} from './states.ts';
import {describeModel, type Leaf} from './topology.ts';

export interface FromTfjsOptions {
  /** Whether loss, metrics, optimizer and its state come along, where the model has them. True by default. */
  readonly compile?: boolean;
}

/** Each weight of tfjs and the name that it has here. */
type Names = ReadonlyMap<LayerVariable, string>;

function checkModel(model: unknown): asserts model is LayersModel {
  const given = model as Partial<LayersModel> | undefined;
  const className = isObject(given) ? given.getClassName?.() : undefined;
  if (className !== undefined && className in modelClasses) return;
  const wanted = 'expected a model of tfjs-layers: tf.sequential(), tf.model() or tf.loadLayersModel()';
  fail('ERR_OPTION', `fromTfjs: ${wanted}. Received ${show(model)}.`);
}

function layerAt<Outputs extends SymbolicTensors>(model: Model<Outputs>, path: readonly string[]): Layer {
  const [first, ...rest] = path as [string, ...string[]];
  return rest.reduce(
    (outer, name) => outer.layers.find(layer => layer.name === name) as Layer,
    model.getLayer(first),
  );
}

async function numbersOf(variable: LayerVariable): Promise<Float32Array> {
  return Float32Array.from(await variable.read().data());
}

/** Copies all weights; gives the names that those have which training changes. */
async function copyWeights<Outputs extends SymbolicTensors>(
  model: Model<Outputs>,
  leaves: readonly Leaf[],
): Promise<Names> {
  const own = new Map(model.trainableVariables.map(({tensor, name}) => [tensor, name]));
  const names = new Map<LayerVariable, string>();
  for (const {layer, path} of leaves) {
    const {weights} = layer;
    if (weights.length === 0) continue;
    const here = layerAt(model, path);
    const values = weights.map(async each => ({shape: each.shape as number[], data: await numbersOf(each)}));
    here.setWeights(await Promise.all(values));
    for (const [index, weight] of weights.entries()) {
      const name = own.get(here.weights[index]?.variable.tensor as never);
      if (name !== undefined) names.set(weight, name);
    }
  }
  return names;
}

/** What stateful layers have kept so far; those that never ran have nothing, and begin with zeros here. */
async function copyStates<Outputs extends SymbolicTensors>(
  model: Model<Outputs>,
  stateful: readonly Leaf[],
): Promise<void> {
  for (const {layer, path} of stateful) {
    if (!keepsStates(layer)) continue;
    const states = layer.getStates() as readonly (Tensor | null)[];
    const known = inOurOrder(layer, states, true).filter(state => state !== null);
    if (known.length === 0) continue;
    const values = known.map(async state => ({
      shape: state.shape,
      data: Float32Array.from(await state.data()),
    }));
    layerAt(model, path).resetStates(await Promise.all(values));
  }
}

function compilationOf(model: LayersModel): CompileOptions {
  const isOne = (value: unknown): boolean => typeof value === 'string' || typeof value === 'function';
  const metrics = model.metrics as Parameters<typeof metricFromTfjs>[0][] | undefined;
  const given = metrics && mapEach<typeof metrics | string, Json>(metrics, isOne, metricsOf);
  return {
    optimizer: optimizerFromTfjs(model.optimizer),
    loss: mapEach(model.loss as string | string[], isOne, lossFromTfjs),
    ...(given !== undefined && {metrics: isOne(metrics) ? [given] : given}),
  } as unknown as CompileOptions;
}

/** One metric, or those of one output. */
function metricsOf(given: unknown): Json {
  if (Array.isArray(given)) return given.map(metricFromTfjs);
  return metricFromTfjs(given as string);
}

/** The moments of the optimizer and its count of steps. */
async function copyOptimizer<Outputs extends SymbolicTensors>(
  model: Model<Outputs>,
  theirs: LayersModel,
  names: Names,
): Promise<void> {
  const {optimizer} = theirs;
  const config = optimizer.getConfig() as Config;
  const slots = slotsOf({className: optimizer.getClassName(), config});
  if (slots.length === 0 && optimizer.getClassName() === 'Adamax') return;
  const [count, ...kept] = await optimizer.getWeights();
  const iterations = await (count as (typeof kept)[0]).tensor.data();
  count?.tensor.dispose();
  const variables = theirs.trainableWeights;
  if (kept.length > 0 && kept.length !== slots.length * variables.length) {
    const counts = `${kept.length} values for ${variables.length} trainable weights`;
    fail('ERR_WEIGHTS', `fromTfjs: the optimizer holds ${counts}: {compile: false} leaves it out.`);
  }
  const values = new Map<string, Float32Array>();
  for (const [index, {tensor}] of kept.entries()) {
    const slot = slots[Math.floor(index / variables.length)] as (typeof slots)[0];
    const name = names.get(variables[index % variables.length] as LayerVariable);
    const numbers = Float32Array.from(await tensor.data());
    values.set(`optimizer/${name}/${slot.ours}`, slotFromTfjs(slot, numbers, config));
  }
  model.optimizer.setWeights(
    model.optimizer.getWeights().map(({name, shape, data}) => {
      return {name, shape, data: name === 'iterations' ? [...iterations] : (values.get(name) ?? data)};
    }),
  );
}

/**
 * A model of this library that computes what a model of tfjs-layers computes, with its weights and what
 * stateful layers have kept; and, where that was compiled, with its loss, metrics, optimizer and what the
 * optimizer has kept. Nothing is shared with it. `await net.predict(x)` gives what `model.predict(x)` gives,
 * to 1e-5.
 *
 * RMSprop's epsilon stands beside the root here and below it there, so its root is taken; Adadelta divides by
 * the mean square of this step, tfjs by the one before; Adamax cannot give what it has kept, and begins
 * afresh.
 *
 * @throws ERR_UNKNOWN_NAME naming the layer that has no counterpart, and why; ERR_OPTION for an option, loss,
 * metric or optimizer that has none; ERR_SHAPE for inputs of unknown size; ERR_GRAPH; ERR_WEIGHTS
 */
export async function fromTfjs<Outputs extends SymbolicTensors = SymbolicTensor>(
  model: LayersModel,
  options: FromTfjsOptions = {},
): Promise<Model<Outputs>> {
  checkModel(model);
  checkOptions('fromTfjs', options, ['compile']);
  const {compile = true} = options;
  checkBoolean('fromTfjs: compile', compile);
  const isCompiled = compile && (model as Partial<LayersModel>).optimizer !== undefined;
  const {topology, leaves, stateful} = describeModel(model);
  const training = isCompiled ? compilationOf(model) : undefined;
  const made = modelFromJSON<Outputs>(topology);
  if (!model.trainable) made.trainable = false;
  if (training) made.compile(training);
  const names = await copyWeights(made, leaves);
  await copyStates(made, stateful);
  if (training) await copyOptimizer(made, model, names);
  return made;
}
