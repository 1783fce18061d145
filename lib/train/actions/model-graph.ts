// What a model is made of: its ends, its layers, and itself as a layer of others.
import type {Config} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {Layer} from '../../nn/layer.ts';
import {callLayer, type SymbolicTensor} from '../../nn/symbolic.ts';
import {ModelLayer} from '../network/nested.ts';
import {layerOf, type Network, type SymbolicTensors} from '../network/network.ts';
import {inStructure, symbolicInputs} from '../network/ports.ts';
import {kindOf, topologyOf} from '../network/topology.ts';
import type {Engine} from '../run/engine.ts';
import type {EngineSource} from '../run/layer-stack.ts';
import {type CallOptions, callNetwork} from './call.ts';

/** A model as a graph of layers. */
export class ModelGraph<Outputs extends SymbolicTensors = SymbolicTensor> {
  readonly #source: EngineSource;
  #layer: ModelLayer | undefined;

  /** @internal */
  constructor(source: EngineSource) {
    this.#source = source;
  }

  get #engine(): Engine {
    return this.#source.engine;
  }

  /** What it is called as a layer of another model. */
  get name(): string | undefined {
    return this.#source.name;
  }

  /**
   * Its inputs as symbolic tensors, from which another model may begin:
   * `model({inputs: net.inputs, outputs: net.getLayer('code').output})` shares layers and weights with `net`.
   */
  get inputs(): readonly SymbolicTensor[] {
    return this.#engine.network.inputs.map(({tensor}) => tensor);
  }

  /** Its outputs as symbolic tensors, to which more layers may be applied. */
  get outputs(): readonly SymbolicTensor[] {
    return this.#engine.network.outputs.map(({tensor}) => tensor);
  }

  /** The first input, most often the only one. */
  get input(): SymbolicTensor {
    return this.inputs[0] as SymbolicTensor;
  }

  /** The first output, most often the only one. */
  get output(): SymbolicTensor {
    return this.outputs[0] as SymbolicTensor;
  }

  /** What `fit` and `predict` know the data of each input by. */
  get inputNames(): readonly string[] {
    return this.#engine.network.inputs.map(({name}) => name);
  }

  /** What `compile`, `fit` and logs know each output by. */
  get outputNames(): readonly string[] {
    return this.#engine.network.outputs.map(({name}) => name);
  }

  /** Shape of one sample; of the first input where there are several. */
  get inputShape(): Shape {
    return this.#engine.network.inputShape;
  }

  /** Shape of the output for one sample; of the first output where there are several. */
  get outputShape(): Shape {
    return this.#engine.network.outputShape;
  }

  /**
   * The layers, in the order in which they are computed: `for (const layer of net.layers)
   * layer.trainable = false` freezes all. A layer of several models may have another name in each; its own is
   * that of the first.
   */
  get layers(): readonly Layer[] {
    return this.#engine.network.layers.map(({layer}) => layer);
  }

  /** A layer by its name in this model, or by its place. @throws ERR_UNKNOWN_NAME or ERR_OUT_OF_RANGE */
  getLayer(name: string | number): Layer {
    return layerOf(this.#engine.network, name);
  }

  /**
   * Whether training changes any weights; set, it sets `trainable` of all layers.
   *
   * @throws ERR_MODEL_BUSY while a training runs, also in its callbacks.
   */
  get trainable(): boolean {
    return this.#engine.network.layers.some(({layer}) => layer.trainable);
  }

  set trainable(value: boolean) {
    for (const {layer} of this.#engine.network.layers) layer.trainable = value;
  }

  /** @internal */
  get network(): Network {
    return this.#engine.network;
  }

  /** This model as a layer of others, which share its weights. */
  toLayer(): Layer {
    const {network} = this.#engine;
    const kind = kindOf(network);
    if (this.#layer?.network === network) return this.#layer;
    const engine = this.#engine;
    this.#layer = new ModelLayer(network, () => topologyOf(engine), {kind, name: this.name});
    return this.#layer;
  }

  /** Its outputs for these inputs, in a model that is being built. */
  apply(inputs: SymbolicTensors): Outputs {
    const {network} = this.#engine;
    const layer = this.toLayer();
    const list = symbolicInputs(`${this.name ?? layer.kind}: apply`, network.inputs, inputs);
    const {outputs} = callLayer(layer, list, this.name ?? layer.kind);
    return inStructure(network.outputStructure, network.outputs, outputs) as Outputs;
  }

  /**
   * Its outputs as ops of a graph of one's own, for tensors [batch, …], of what stands behind layers that run
   * ahead of the plan: with `compile` and `minimize` a
   * training step that shares the weights. In training, random layers read the inputs `seed` int32[2] and
   * `step` int32[1], one for each step; moving statistics stay as they are.
   */
  call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): Tensor | Tensor[] {
    return callNetwork(this.#engine.network, inputs, options);
  }

  /** How many numbers its weights are. */
  countParams(): number {
    return this.#engine.variables.reduce((sum, {tensor}) => sum + tensor.size, 0);
  }

  /**
   * The layers and how they are joined, without weights, as `JSON.stringify` asks for it; `modelFromJSON`
   * makes a model of it.
   *
   * @throws ERR_OPTION where a part is a function of your own without a name.
   */
  toJSON(): Config {
    return topologyOf(this.#engine);
  }
}
