// A model for inference alone, in which batch normalizations are part of the layers before them.
import {fail} from '../core/errors.ts';
import {isOwn, show} from '../core/kinds.ts';
import type {Json} from '../core/named.ts';
import type {WeightData} from '../nn/weights.ts';
import {type Model, modelFromJSON} from './model.ts';
import type {SymbolicTensors} from './network/network.ts';

type Fields = {[name: string]: Json};

interface Call {
  readonly layer: number;
  readonly inputs: readonly number[];
}

/** Also of a chain, with its calls. Tensors are numbered: inputs first, then one for each call. */
interface Graph {
  readonly layers: readonly Fields[];
  readonly calls: readonly Call[];
  readonly inputs: number;
  readonly outputs: readonly number[];
}

/** Of each kind of layer that takes it up: the weight that is scaled, and where its outputs stand. */
const scaled: Readonly<Record<string, {readonly weight: string; readonly axis: -1 | -2 | 'channels'}>> = {
  dense: {weight: 'kernel', axis: -1},
  ...Object.fromEntries(['conv1d', 'conv2d', 'conv3d'].map(kind => [kind, {weight: 'kernel', axis: -1}])),
  ...Object.fromEntries(
    ['conv1dTranspose', 'conv2dTranspose', 'conv3dTranspose'].map(kind => [
      kind,
      {weight: 'kernel', axis: -2},
    ]),
  ),
  depthwiseConv1d: {weight: 'kernel', axis: 'channels'},
  depthwiseConv2d: {weight: 'kernel', axis: 'channels'},
  separableConv1d: {weight: 'pointwiseKernel', axis: -1},
  separableConv2d: {weight: 'pointwiseKernel', axis: -1},
};

function graphOf(description: Fields): Graph {
  const layers = description.layers as readonly Fields[];
  if (description.kind === 'sequential') {
    const calls = layers.map((_, layer) => ({layer, inputs: [layer]}));
    return {layers, calls, inputs: 1, outputs: [layers.length]};
  }
  return {
    layers,
    calls: description.calls as unknown as readonly Call[],
    inputs: (description.inputs as readonly Json[]).length,
    outputs: (description.outputs as readonly Fields[]).map(({tensor}) => tensor as number),
  };
}

/** Pairs of calls, of a layer and of the batch normalization of its output alone. */
function pairsOf({layers, calls, inputs, outputs}: Graph): (readonly [before: number, normal: number])[] {
  const uses = (layer: number): number => calls.filter(call => call.layer === layer).length;
  const readers = (tensor: number): number =>
    calls.flatMap(call => call.inputs).filter(input => input === tensor).length +
    outputs.filter(output => output === tensor).length;
  return calls.flatMap((call, index) => {
    const own = layers[call.layer] as Fields;
    const source = call.inputs[0] as number;
    const before = calls[source - inputs];
    if (own.kind !== 'batchNormalization' || (own.axis ?? -1) !== -1 || !before) return [];
    const layer = layers[before.layer] as Fields;
    const isPlain = layer.activation === undefined || layer.activation === 'linear';
    const takesUp = (layer.kind as string) in scaled && isPlain && layer.activityRegularizer === undefined;
    const isAlone = uses(before.layer) === 1 && uses(call.layer) === 1 && readers(source) === 1;
    return takesUp && isAlone ? [[source - inputs, index] as const] : [];
  });
}

/** The description without the calls of these batch normalizations. */
function without(description: Fields, graph: Graph, pairs: ReturnType<typeof pairsOf>): Fields {
  const gone = new Map(pairs.map(([before, normal]) => [normal, before]));
  // Tensors, layers and calls have new numbers where others before them are gone.
  const tensors: number[] = Array.from({length: graph.inputs}, (_, at) => at);
  let next = graph.inputs;
  graph.calls.forEach((_, index) => {
    const before = gone.get(index);
    tensors.push(before === undefined ? next++ : (tensors[graph.inputs + before] as number));
  });
  const absent = new Set(pairs.map(([, normal]) => graph.calls[normal]?.layer));
  const joined = new Set(pairs.map(([before]) => graph.calls[before]?.layer));
  const numbers = new Map<number, number>();
  const layers = graph.layers.flatMap((layer, index) => {
    if (absent.has(index)) return [];
    numbers.set(index, numbers.size);
    const {useBias, ...rest} = layer;
    return [joined.has(index) ? rest : layer];
  });
  if (description.kind === 'sequential') return {...description, layers};
  const of = (tensor: number): number => tensors[tensor] as number;
  const calls = graph.calls
    .filter((_, index) => !gone.has(index))
    .map(call => ({...call, layer: numbers.get(call.layer) as number, inputs: call.inputs.map(of)}));
  const outputs = (description.outputs as readonly Fields[]).map(output => ({
    ...output,
    tensor: of(output.tensor as number),
  }));
  return {...description, layers, calls: calls as unknown as Json, outputs};
}

type Weights = ReadonlyMap<string, WeightData>;

/**
 * The weights of a layer with its batch normalization: kernel · f and (bias − mean) · f + beta. Their names
 * begin with `scope`.
 */
function foldedWeights(layer: Fields, normal: Fields, scope: string, weights: Weights): WeightData[] {
  const {weight, axis} = scaled[layer.kind as string] as (typeof scaled)[string];
  const kernel = weights.get(`${scope}${layer.name}/${weight}`) as WeightData;
  const of = (owner: Fields, name: string): Float32Array | undefined =>
    weights.get(`${scope}${owner.name}/${name}`)?.data;
  const [mean, variance] = [of(normal, 'movingMean'), of(normal, 'movingVariance')] as [
    Float32Array,
    Float32Array,
  ];
  const [gamma, beta, bias] = [of(normal, 'gamma'), of(normal, 'beta'), of(layer, 'bias')];
  const epsilon = (normal.epsilon as number | undefined) ?? 1e-3;
  const factors = Array.from(variance, (own, at) => (gamma?.[at] ?? 1) / Math.sqrt(own + epsilon));
  const inner = axis === -2 ? (kernel.shape.at(-1) as number) : 1;
  const data = kernel.data.map(
    (value, at) => value * (factors[Math.floor(at / inner) % factors.length] as number),
  );
  const shifts = factors.map(
    (factor, at) => ((bias?.[at] ?? 0) - (mean[at] as number)) * factor + (beta?.[at] ?? 0),
  );
  return [
    {name: kernel.name, shape: kernel.shape, data},
    {name: `${scope}${layer.name}/bias`, shape: [shifts.length], data: Float32Array.from(shifts)},
  ];
}

/** What a model becomes: its description, and the weights that are other than they were. */
interface Folded {
  readonly description: Fields;
  readonly made: readonly WeightData[];
}

const isModel = ({kind}: Fields): boolean => kind === 'sequential' || kind === 'model';

/** A model, and those that serve as its layers. */
function fold(description: Fields, scope: string, weights: Weights): Folded {
  const given = graphOf(description);
  const inner = given.layers.map(
    (layer): Folded =>
      isModel(layer) ? fold(layer, `${scope}${layer.name}/`, weights) : {description: layer, made: []},
  );
  const graph = {...given, layers: inner.map(each => each.description)};
  const pairs = pairsOf(graph);
  const layerAt = (call: number): Fields => graph.layers[graph.calls[call]?.layer as number] as Fields;
  const own = pairs.flatMap(([before, normal]) =>
    foldedWeights(layerAt(before), layerAt(normal), scope, weights),
  );
  return {
    description: without(description, graph, pairs),
    made: [...inner.flatMap(({made}) => made), ...own],
  };
}

/**
 * A new model for inference, in which each batch normalization that follows a dense layer or a convolution
 * without an activation, and nothing else reads what is between them, is part of that layer; in models that
 * serve as layers, too. Predictions are equal within 1e-5 of their size. The model itself stays as it is.
 *
 * @throws ERR_OPTION for what is no model.
 */
export function foldBatchNormalization<Outputs extends SymbolicTensors>(net: Model<Outputs>): Model<Outputs> {
  if (!isOwn(net, 'model')) {
    fail('ERR_OPTION', `foldBatchNormalization: expected a model. Received ${show(net)}.`);
  }
  const weights = new Map(net.getWeights().map(weight => [weight.name, weight]));
  const {description, made} = fold(net.toJSON() as Fields, '', weights);
  const folded = modelFromJSON<Outputs>(description);
  const names = new Set(made.map(({name}) => name));
  const kept = [...weights.values()].filter(({name}) => !names.has(name));
  folded.setWeights([...kept, ...made], {partial: true});
  return folded;
}
