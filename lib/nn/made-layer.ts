// The library's own layers: each is made by a function that says its kind, its options and what it computes.
import type {Config, Json} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {Tensor} from '../core/tensor.ts';
import {type Forward, type ForwardAll, Layer, type LayerOptions, type MakeWeight} from './layer.ts';

type SavedOptions = Readonly<Record<string, Json | undefined>>;

/** Options that were given, as they stand in a file. */
function givenOptions(options: SavedOptions): Config {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

export abstract class MadeLayer extends Layer {
  readonly #config: () => SavedOptions;

  constructor(kind: string, options: LayerOptions, config: () => SavedOptions) {
    super(options, kind);
    this.#config = config;
  }

  get config(): Config {
    return givenOptions(this.#config());
  }
}

/** A layer of a kind with one input, frozen: a misspelt property is an error. `config` says its own options as they stand in a file. */
export function makeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: (inputShape: Shape, weight: MakeWeight, layer: Layer) => Forward,
): Layer {
  const layer = new (class extends MadeLayer {
    override build(inputShape: Shape, weight: MakeWeight): Forward {
      return build(inputShape, weight, this);
    }
  })(kind, options, config);
  Object.freeze(layer);
  return layer;
}

/** A layer of a kind with several inputs and one output. */
export function makeMergeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: (shapes: readonly Shape[]) => (inputs: readonly Tensor[]) => Tensor,
): Layer {
  const layer = new (class extends MadeLayer {
    override buildAll(shapes: readonly Shape[]): ForwardAll {
      const forward = build(shapes);
      return inputs => [forward(inputs)];
    }
  })(kind, options, config);
  Object.freeze(layer);
  return layer;
}
