// What a layer is: a function of ops, made in two steps. `build` makes its weights for an input's shape and
// gives the forward pass; what it computes is one graph, from which the backward pass follows.
import {checkNumber, fail} from '../core/errors.ts';
import {type Config, type Json, type Named, remember} from '../core/named.ts';
import type {Shape} from '../core/shape.ts';
import type {RandomSource, Tensor} from '../core/tensor.ts';
import type {Constraint} from './constraints.ts';
import type {Initializer} from './initializers.ts';
import type {Regularizer} from './regularizers.ts';

export interface WeightOptions {
  readonly initializer: Initializer;
  readonly regularizer?: Regularizer | undefined;
  readonly constraint?: Constraint | undefined;
  readonly trainable?: boolean;
}

/** Makes a weight of the layer that is being built. */
export type MakeWeight = (name: string, shape: Shape, options: WeightOptions) => Tensor;

/** What a layer is told about the graph that it is called for. */
export interface CallContext {
  readonly training: boolean;
  /** Random numbers of its own for each call, new ones each step. */
  random(): RandomSource;
}

/** From [batch, …input] to [batch, …output]. */
export type Forward = (x: Tensor, context: CallContext) => Tensor;

/**
 * A description of a layer, made by a function of `layers`. Each model that it is given to has weights of its
 * own.
 */
export interface Layer extends Named {
  readonly name: string | undefined;
  /** Shape of one sample. */
  readonly inputShape: Shape | undefined;
  build(inputShape: Shape, weight: MakeWeight): Forward;
}

/** Options that every layer has. */
export interface LayerOptions {
  /** Shape of one sample; the first layer of a model needs it. */
  readonly inputShape?: Shape;
  /** Stands before the names of its weights; `dense`, `dense_1`, … by default. */
  readonly name?: string;
}

export const layerOptions = ['inputShape', 'name'] as const;

function checkCommon(where: string, {inputShape, name}: LayerOptions): void {
  if (inputShape !== undefined) {
    if (!Array.isArray(inputShape)) {
      fail('ERR_OPTION', `${where}: inputShape: expected an array such as [784]. Received ${inputShape}.`);
    }
    if (inputShape.length < 1 || inputShape.length > 5) {
      fail('ERR_OPTION', `${where}: inputShape: expected 1 to 5 sizes. Received [${inputShape}].`);
    }
    for (const size of inputShape)
      checkNumber(`${where}: inputShape`, size, {integer: true, min: 1, max: 2 ** 31 - 1});
  }
  if (name !== undefined && !(typeof name === 'string' && /^[A-Za-z_][\w.-]{0,99}$/.test(name))) {
    fail(
      'ERR_OPTION',
      `${where}: name: expected letters, digits, _, . and -. Received ${JSON.stringify(name)}.`,
    );
  }
}

/** A layer of a kind; `config` says its own options as they stand in a file. */
export function makeLayer(
  kind: string,
  options: LayerOptions,
  config: () => Readonly<Record<string, Json | undefined>>,
  build: Layer['build'],
): Layer {
  checkCommon(`layers.${kind}`, options);
  const {name} = options;
  const inputShape = options.inputShape && [...options.inputShape];
  return remember({
    kind,
    name,
    inputShape,
    build,
    get config(): Config {
      const given = Object.entries(config()).filter(
        (entry): entry is [string, Json] => entry[1] !== undefined,
      );
      return {...Object.fromEntries(given), ...(inputShape && {inputShape})};
    },
  });
}
