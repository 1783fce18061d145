// A model as a layer of another: the same weights, under names that begin with its own.
import {fail} from '../../core/errors.ts';
import type {Config} from '../../core/named.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import {fitsInput, formatInput, inputOptions} from '../../nn/any-length.ts';
import {type ForwardAll, Layer, type LayerWeight} from '../../nn/layer.ts';
import {stateWeight} from '../../nn/weight-table.ts';
import type {Network} from './network.ts';

export class ModelLayer extends Layer {
  override readonly supportsStreaming = true;
  readonly network: Network;
  readonly #topology: () => Config;

  constructor(network: Network, topology: () => Config, options: {name: string | undefined; kind: string}) {
    checkNoneAhead(network, options.name ?? options.kind);
    const [only, ...others] = network.inputs;
    super(
      {
        ...(options.name !== undefined && {name: options.name}),
        ...(only &&
          others.length === 0 &&
          inputOptions(only.tensor.pattern ?? only.shape, network.batchSize)),
      },
      options.kind,
    );
    this.network = network;
    this.#topology = topology;
    Object.freeze(this);
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

  override forwardFor(shapes: readonly Shape[], scope: string): ForwardAll {
    const {inputs} = this.network;
    const patterns = inputs.map(({shape, tensor}) => tensor.pattern ?? shape);
    const fits =
      shapes.length === inputs.length &&
      patterns.every((pattern, at) => fitsInput(shapes[at] as Shape, pattern));
    const network = fits ? this.network.at(shapes) : this.network;
    return (tensors, context) => {
      // Parts have other numbers of steps; the layers within look at them.
      if (!fits && !context.stream) {
        const wanted = patterns.map(formatInput).join(' and ');
        const received = shapes.map(formatShape).join(' and ');
        fail('ERR_SHAPE', `${scope}: the model takes ${wanted}. Received ${received}.`);
      }
      const {outputs, masks} = network.compute(tensors, context, context.masks);
      context.passMasks?.(masks);
      return outputs;
    };
  }
}

/** What such a model reads is no input of a layer. */
function checkNoneAhead({runsAhead}: Network, name: string): void {
  if (!runsAhead) return;
  const what = 'a model whose layers run ahead of the plan is no layer of another';
  const instead = 'model({inputs: net.inputs, outputs: layer.apply(net.output)}) goes on behind it';
  fail('ERR_GRAPH', `${name}: ${what}; ${instead}.`);
}
