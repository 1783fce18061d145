// Layers in a row, each applied to what the one before gives.

import {fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import type {ValueType} from '../../nn/ahead.ts';
import {isLayer, type Layer} from '../../nn/layer.ts';
import type {LayerLike} from '../../nn/layer-like.ts';
import {callLayer, type InputOptions, input, type LayerCall, type SymbolicTensor} from '../../nn/symbolic.ts';
import {nameLayers} from './names.ts';

export type {LayerLike} from '../../nn/layer-like.ts';

export class Chain {
  #inputs: SymbolicTensor | undefined;
  #calls: LayerCall[] = [];

  /** @throws ERR_OPTION, or ERR_SHAPE where a layer cannot take its input. */
  constructor(given: readonly LayerLike[] = []) {
    // A hole is nothing that `map` would visit.
    const layers = Array.from(given, toLayer);
    for (const layer of layers) this.#append(layer, layers);
  }

  static is(value: object): value is Chain {
    return #calls in value;
  }

  /** The chain that a network is. */
  static of({
    inputs,
    calls,
  }: {
    inputs: readonly {tensor: SymbolicTensor}[];
    calls: readonly LayerCall[];
  }): Chain {
    const chain = new Chain();
    chain.#inputs = inputs[0]?.tensor;
    chain.#calls = [...calls];
    return chain;
  }

  get length(): number {
    return this.#calls.length;
  }

  get inputs(): SymbolicTensor {
    return this.#inputs as SymbolicTensor;
  }

  get outputs(): SymbolicTensor {
    return this.#calls.at(-1)?.outputs[0] as SymbolicTensor;
  }

  /** @throws ERR_OPTION, or ERR_SHAPE where the layer cannot take what the last one gives. */
  add(given: LayerLike): void {
    const layer = toLayer(given, this.length);
    this.#append(layer, [...this.#calls.map(call => call.layer), layer]);
  }

  #append(layer: Layer, all: readonly Layer[]): void {
    const names = nameLayers('sequential', [...new Set(all)]);
    const {batchSize} = layer;
    const batch = batchSize === undefined ? {} : {batchSize};
    this.#inputs ??= input({shape: inputShapeOf(layer), ...batch, ...inputTypeOf(layer)});
    const before = this.outputs ?? this.#inputs;
    this.#calls.push(callLayer(layer, [before], names.get(layer) as string));
  }

  /** Removes the last layer. @throws ERR_GRAPH where there is none. */
  pop(): Layer {
    const call = this.#calls.pop();
    if (!call) return fail('ERR_GRAPH', 'sequential: pop: there is no layer left.');
    call.layer.forget(call);
    if (this.length === 0) this.#inputs = undefined;
    return call.layer;
  }
}

function toLayer(value: LayerLike, index: number): Layer {
  const layer = isLayer(value) ? value : value?.toLayer?.();
  if (isLayer(layer)) return layer;
  const wanted = 'is no layer, e.g. layers.dense({units: 10})';
  return fail('ERR_OPTION', `sequential: element ${index} ${wanted}. Received ${show(value)}.`);
}

/** What a layer says of the type of its data: one for inputs, a model, or one ahead of the plan. */
function inputTypeOf(layer: Layer): Pick<InputOptions, 'dtype'> {
  const {inputType} = layer as {readonly inputType?: ValueType | undefined};
  const dtype = inputType ?? layer.aheadOfPlan()?.firstInput.dtype;
  return dtype === undefined ? {} : {dtype: dtype as NonNullable<InputOptions['dtype']>};
}

function inputShapeOf(layer: Layer): Layer['inputShape'] & {} {
  const {kind} = layer;
  const inputShape = layer.inputShape ?? layer.aheadOfPlan()?.firstInput.shape;
  if (inputShape) return inputShape;
  const example = `layers.${kind}({…, inputShape: [784]})`;
  return fail(
    'ERR_OPTION',
    `sequential: the first layer needs inputShape, the shape of one sample: ${example}.`,
  );
}
