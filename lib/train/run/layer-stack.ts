// The layers of a sequential model, to which more may be added: the engine is made when it is first needed.
import {fail} from '../../core/errors.ts';
import type {Layer} from '../../nn/layer.ts';
import type {LayerMemory} from '../../nn/layer-memory.ts';
import {Chain, type LayerLike} from '../network/chain.ts';
import {Network} from '../network/network.ts';
import {accessOf} from './access.ts';
import {Engine, failDisposed} from './engine.ts';

/** Where a model has its engine from. */
export interface EngineSource {
  dispose(): void;
  readonly name: string | undefined;
  readonly engine: Engine;
}

export class LayerStack implements EngineSource {
  readonly name: string | undefined;
  readonly #seed: number;
  readonly #chain: Chain;
  #engine: Engine | undefined;
  #disposed = false;

  constructor(chain: Chain, seed: number, name: string | undefined, engine?: Engine) {
    this.#chain = chain;
    this.#seed = seed;
    this.name = name;
    this.#engine = engine;
  }

  static is(source: EngineSource): source is LayerStack {
    return #chain in source;
  }

  /** That of a model that was read from its description. */
  static of(engine: Engine): LayerStack {
    return new LayerStack(Chain.of(engine.network), engine.seed, engine.name, engine);
  }

  /** @throws ERR_GRAPH where there is no layer yet. */
  get engine(): Engine {
    if (this.#disposed) failDisposed();
    if (this.#engine) return this.#engine.engine;
    if (this.#chain.length === 0) {
      fail('ERR_GRAPH', 'the model has no layers yet: model.add(layers.dense({units: 1, inputShape: [4]})).');
    }
    this.#engine = new Engine(new Network(this.#chain), this.#seed, this.name);
    this.#engine.initialize();
    return this.#engine;
  }

  /** Twice is as good as once. */
  dispose(): void {
    if (this.#engine || this.#chain.length > 0) (this.#engine ?? this.engine).dispose();
    this.#disposed = true;
  }

  /** The layer's weights have values once they are asked for. */
  add(given: LayerLike): void {
    this.#checkFree('add');
    this.#chain.add(given);
    this.#leave();
    const call = this.#chain.outputs.call as {layer: Layer};
    if (!call.layer.isAttached) call.layer.attach(new MemoryToBe(() => this.engine));
  }

  pop(): void {
    this.#checkFree('pop');
    this.#chain.pop();
    this.#leave();
  }

  #leave(): void {
    this.#engine?.leave();
    this.#engine = undefined;
  }

  #checkFree(where: string): void {
    if (this.#disposed) failDisposed();
    if (this.#engine) accessOf(this.#engine.engine.store).checkNoTraining(where);
  }
}

/** Makes the engine, which gives the layer its memory, and asks the layer again. */
class MemoryToBe implements LayerMemory {
  readonly #make: () => Engine;

  constructor(make: () => Engine) {
    this.#make = make;
  }

  checkNoTraining(): void {}

  read(...request: Parameters<LayerMemory['read']>): ReturnType<LayerMemory['read']> {
    return this.#make().memory.read(...request);
  }

  write(...request: Parameters<LayerMemory['write']>): ReturnType<LayerMemory['write']> {
    return this.#make().memory.write(...request);
  }
}
