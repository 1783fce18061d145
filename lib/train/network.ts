// A chain of layers with their weights: the forward pass as a graph, and what follows from the weights alone.
import {fail} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {input, type RandomSource, type Tensor, type Variable, variable, withScope} from '../core/tensor.ts';
import type {Constraint} from '../nn/constraints.ts';
import type {CallContext, Forward, Layer, MakeWeight} from '../nn/layer.ts';
import type {Regularizer} from '../nn/regularizers.ts';
import {add} from '../ops/map.ts';

export interface Weight {
  readonly variable: Variable;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
}

export interface NetworkLayer {
  readonly name: string;
  readonly layer: Layer;
  readonly outputShape: Shape;
  readonly weights: readonly Weight[];
  readonly forward: Forward;
}

/**
 * Streams of random numbers from here on are those of layers in training; initial weights use the lower ones.
 */
const firstLayerStream = 1 << 20;
/** Each part of a batch has streams of its own, or all would drop the same units. */
const streamsOfShard = 1 << 12;

export class Network {
  readonly layers: readonly NetworkLayer[];
  readonly weights: readonly Weight[];
  /** Shapes of one sample. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;

  constructor(layers: readonly Layer[]) {
    const {inputShape} = checkLayers(layers);
    const names = nameLayers(layers);
    const built: NetworkLayer[] = [];
    let shape = inputShape;
    layers.forEach((layer, index) => {
      const next = buildLayer(layer, names[index] as string, shape);
      built.push(next);
      shape = next.outputShape;
    });
    this.layers = built;
    this.weights = built.flatMap(({weights}) => weights);
    this.inputShape = inputShape;
    this.outputShape = shape;
  }

  get trainable(): readonly Weight[] {
    return this.weights.filter(weight => weight.variable.trainable);
  }

  /** The outputs [batch, …] for inputs [batch, …]; random numbers come from the sources of `random`. */
  apply(x: Tensor, training: boolean, random: {seed: Tensor; step: Tensor}, shard = 0): Tensor {
    let stream = firstLayerStream + shard * streamsOfShard;
    const context: CallContext = {
      training,
      random: (): RandomSource => ({...random, stream: stream++}),
    };
    return this.layers.reduce((value, {name, forward}) => withScope(name, () => forward(value, context)), x);
  }

  /** Sum of the regularizers' penalties, if there are any. */
  penalty(): Tensor | undefined {
    const parts = this.weights.flatMap(({variable: {name, tensor}, regularizer}) =>
      regularizer ? [withScope(name, () => regularizer(tensor))] : [],
    );
    return parts.length === 0 ? undefined : parts.reduce((total, part) => add(total, part));
  }
}

function checkLayers(layers: readonly Layer[]): {inputShape: Shape} {
  if (!Array.isArray(layers) || layers.length === 0) {
    fail('ERR_OPTION', 'sequential: expected an array of layers, at least one.');
  }
  layers.forEach((layer, index) => {
    if (typeof layer?.build === 'function') return;
    fail('ERR_OPTION', `sequential: element ${index} is no layer, e.g. layers.dense({units: 10}).`);
  });
  const {inputShape, kind} = layers[0] as Layer;
  if (inputShape === undefined) {
    const example = `layers.${kind}({…, inputShape: [784]})`;
    return fail(
      'ERR_OPTION',
      `sequential: the first layer needs inputShape, the shape of one sample: ${example}.`,
    );
  }
  return {inputShape};
}

/** `dense`, `dense_1`, … where the user gave no name. */
function nameLayers(layers: readonly Layer[]): string[] {
  const used = new Set<string>();
  for (const {name} of layers) {
    if (name === undefined) continue;
    if (used.has(name)) fail('ERR_OPTION', `sequential: two layers have the name ${JSON.stringify(name)}.`);
    used.add(name);
  }
  return layers.map(({name, kind}) => {
    if (name !== undefined) return name;
    let own = kind;
    for (let number = 1; used.has(own); number++) own = `${kind}_${number}`;
    used.add(own);
    return own;
  });
}

function buildLayer(layer: Layer, name: string, inputShape: Shape): NetworkLayer {
  if (layer.inputShape && formatShape(layer.inputShape) !== formatShape(inputShape)) {
    const shapes = `${formatShape(layer.inputShape)}, but gets ${formatShape(inputShape)}`;
    fail('ERR_SHAPE', `sequential: ${name} says inputShape ${shapes}.`);
  }
  const weights: Weight[] = [];
  const makeWeight: MakeWeight = (own, shape, {initializer, regularizer, constraint, trainable = true}) => {
    const made = variable({
      name: `${name}/${own}`,
      shape,
      trainable,
      initial: source => initializer(shape, source),
    });
    weights.push({variable: made, regularizer, constraint});
    return made.tensor;
  };
  return withScope(name, () => {
    const forward = layer.build(inputShape, makeWeight);
    const sample = input({name: 'sample', shape: [1, ...inputShape]});
    const result = forward(sample, {training: false, random: noRandom});
    return {name, layer, outputShape: result.shape.slice(1), weights, forward};
  });
}

function noRandom(): never {
  fail('ERR_GRAPH', 'a layer asked for random numbers outside of training.');
}
