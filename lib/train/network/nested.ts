// A model as a layer of another: the same weights, under names that begin with its own.
import {fail} from '../../core/errors.ts';
import {zip} from '../../core/lists.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {checkAhead, checkSampleType, type Fed} from '../../nn/ahead.ts';
import {fitsInput, formatInput, inputOptions} from '../../nn/any-length.ts';
import {type ForwardAll, Layer, type LayerWeight} from '../../nn/layer.ts';
import {SymbolicTensor} from '../../nn/symbolic.ts';
import {stateWeight} from '../../nn/weight-table.ts';
import type {Network} from './network.ts';

export class ModelLayer extends Layer {
  override readonly supportsStreaming = true;
  readonly network: Network;
  readonly #topology: () => Config;

  constructor(network: Network, topology: () => Config, options: {name: string | undefined; kind: string}) {
    const [only, ...others] = network.inputs;
    const dtype = only?.tensor.dtype;
    super(
      {
        ...(options.name !== undefined && {name: options.name}),
        ...(only &&
          others.length === 0 &&
          inputOptions(only.tensor.pattern ?? only.shape, network.batchSize)),
        // A text alone is a sample without a size.
        ...(dtype === 'string' && {dtype}),
      },
      options.kind,
    );
    this.network = network;
    this.#topology = topology;
    Object.freeze(this);
  }

  /** The type of its only input. */
  get inputType(): SymbolicTensor['dtype'] | undefined {
    const [only, ...others] = this.network.inputs;
    return others.length === 0 ? only?.tensor.dtype : undefined;
  }

  get config(): Config {
    return this.#topology();
  }

  override get weights(): readonly LayerWeight[] {
    return this.network.weights.map(({variable, regularizer, constraint}) => {
      return {name: variable.name, variable, regularizer, constraint, layer: this};
    });
  }

  override get states(): readonly LayerWeight[] {
    return this.network.states.map(variable => stateWeight(variable.name, variable, this));
  }

  override get layers(): readonly Layer[] {
    return this.network.layers.map(({layer}) => layer);
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  /** Also sets it for all layers of the model, as in Keras. */
  override set trainable(value: boolean) {
    super.trainable = value;
    for (const layer of this.layers) layer.trainable = value;
  }

  /** Over inputs of these shapes; undefined where the model takes no such. */
  #networkFor(shapes: readonly Shape[]): Network | undefined {
    const {inputs} = this.network;
    const fits =
      shapes.length === inputs.length &&
      zip(inputs, shapes).every(([{shape, tensor}, given]) => fitsInput(given, tensor.pattern ?? shape));
    return fits ? this.network.at(shapes) : undefined;
  }

  #refuse(scope: string, shapes: readonly Shape[]): never {
    const wanted = this.network.inputs.map(({shape, tensor}) => formatInput(tensor.pattern ?? shape));
    const received = shapes.map(formatShape).join(' and ');
    return fail('ERR_SHAPE', `${scope}: the model takes ${wanted.join(' and ')}. Received ${received}.`);
  }

  override forwardFor(shapes: readonly Shape[], scope: string): ForwardAll {
    if (this.network.runsAhead) {
      const where = 'directly behind an input, not within another layer';
      fail('ERR_GRAPH', `${scope}: layers of this model run in JavaScript ahead of the plan: ${where}.`);
    }
    const network = this.#networkFor(shapes);
    return (tensors, context) => {
      // Parts have other numbers of steps; the layers within look at them.
      if (!network && !context.stream) this.#refuse(scope, shapes);
      return forwardOf(network ?? this.network)(tensors, context);
    };
  }

  override fedBy(inputs: readonly SymbolicTensor[], scope: string): Fed<SymbolicTensor> | undefined {
    if (!this.network.runsAhead) return undefined;
    const shapes = inputs.map(({shape}) => shape);
    const network = this.#networkFor(shapes) ?? this.#refuse(scope, shapes);
    const {preparation} = network;
    const readsAhead = zip(inputs, network.inputs).map(([given, {tensor}]) => {
      checkSampleType(scope, given, tensor.dtype === 'string' ? 'text' : 'numbers');
      const reader = preparation.readerOf(tensor);
      if (reader !== undefined) checkAhead(scope, `its layer ${reader} runs`, given);
      return reader !== undefined;
    });
    const placeOf = new Map(network.inputs.map(({tensor}, place) => [tensor, place]));
    const feeds = network.feeds.map(({shape, tensor: {dtype}, tensor}) => {
      const place = placeOf.get(tensor);
      return inputs[place ?? -1] ?? new SymbolicTensor(shape, {dtype, isAhead: true});
    });
    const own = new Map(network.feeds.map(({tensor}, index) => [tensor, index]));
    const feedOf = network.outputs.map(({tensor}) => {
      const index = own.get(tensor);
      return index !== undefined && feeds[index]?.isAhead ? index : undefined;
    });
    const rowsOf = preparation.rowsOf.bind(preparation);
    return {feeds, feedOf, readsAhead, forward: forwardOf(network), rowsOf};
  }
}

/** From feeds to outputs. */
function forwardOf(network: Network): ForwardAll {
  return (tensors, context) => {
    const {outputs, masks} = network.compute(tensors, context, context.masks);
    context.passMasks?.(masks);
    return outputs;
  };
}
