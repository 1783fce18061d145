// Layers made from a function that builds them, instead of a class for each.
import type {Config, Json} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {Tensor} from '../core/tensor.ts';
import type {Forward, ForwardAll, MakeWeight} from './call-context.ts';
import {Layer} from './layer.ts';
import type {LayerOptions} from './layer-options.ts';
import type {MaskRules, Masks} from './masking.ts';

type SavedOptions = Readonly<Record<string, Json | undefined>>;

/** The options that were given, as JSON. */
function givenOptions(options: SavedOptions): Config {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

export abstract class MadeLayer extends Layer {
  override readonly supportsMasking: boolean;
  readonly #config: () => SavedOptions;
  readonly #computeMask: MaskRules['computeMask'] | undefined;

  constructor(
    kind: string,
    options: LayerOptions,
    config: () => SavedOptions,
    masking: boolean | MaskRules['computeMask'] = false,
  ) {
    super(options, kind);
    this.#config = config;
    this.supportsMasking = masking !== false;
    this.#computeMask = typeof masking === 'function' ? masking : undefined;
  }

  override computeMask(inputs: readonly Tensor[], masks: Masks): Tensor | undefined | Masks {
    return this.#computeMask ? this.#computeMask(inputs, masks) : super.computeMask(inputs, masks);
  }

  get config(): Config {
    return givenOptions(this.#config());
  }
}

type Build = (inputShape: Shape, weight: MakeWeight, layer: Layer) => Forward;
type BuildMerge = (shapes: readonly Shape[]) => (inputs: readonly Tensor[]) => Tensor;

// One class for all of them: engines find what is in objects of one class sooner.
class BuiltLayer extends MadeLayer {
  readonly #build: Build;

  constructor(build: Build, ...made: ConstructorParameters<typeof MadeLayer>) {
    super(...made);
    this.#build = build;
    Object.freeze(this);
  }

  override build(inputShape: Shape, weight: MakeWeight): Forward {
    return this.#build(inputShape, weight, this);
  }
}

class MergeLayer extends MadeLayer {
  readonly #build: BuildMerge;

  constructor(build: BuildMerge, ...made: ConstructorParameters<typeof MadeLayer>) {
    super(...made);
    this.#build = build;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[]): ForwardAll {
    const forward = this.#build(shapes);
    return inputs => [forward(inputs)];
  }
}

/**
 * A layer with one input; `config` gives its own options as JSON, `masking` says whether it passes masks
 * on, or what mask its output has.
 */
export function makeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: Build,
  masking: boolean | MaskRules['computeMask'] = false,
): Layer {
  return new BuiltLayer(build, kind, options, config, masking);
}

/** A layer with several inputs and one output, whose mask follows from theirs by `masking`, if it has any. */
export function makeMergeLayer(
  kind: string,
  options: LayerOptions,
  config: () => SavedOptions,
  build: BuildMerge,
  masking: false | MaskRules['computeMask'] = false,
): Layer {
  return new MergeLayer(build, kind, options, config, masking);
}
