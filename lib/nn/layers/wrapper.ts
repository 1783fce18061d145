// Layers around other layers, whose weights are theirs.
import {requireOptions} from '../../core/errors.ts';
import {renamed} from '../../core/tensor.ts';
import {type Layer, type LayerOptions, type LayerWeight, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, toLayer} from '../layer-like.ts';
import {MadeLayer} from '../make-layer.ts';
import {stateWeight} from '../weight-table.ts';

type MadeOptions = ConstructorParameters<typeof MadeLayer>;

export abstract class Wrapper extends MadeLayer {
  /** By what the names of their weights begin with. */
  readonly #inner: ReadonlyMap<string, Layer>;

  constructor(
    kind: string,
    options: LayerOptions,
    inner: ReadonlyMap<string, Layer>,
    config: MadeOptions[2],
    masking?: MadeOptions[3],
  ) {
    super(kind, options, config, masking);
    this.#inner = inner;
    if (options.trainable === false) this.trainable = false;
  }

  override get layers(): readonly Layer[] {
    return [...this.#inner.values()];
  }

  override get weights(): readonly LayerWeight[] {
    const inner = [...this.#inner].flatMap(([prefix, layer]) =>
      layer.weights.map(weight => {
        const name = `${prefix}/${weight.name}`;
        const {variable, layer: owner} = weight;
        const own = renamed(variable, name, () => variable.trainable && owner.trainable);
        return {...weight, name, variable: own, layer: this};
      }),
    );
    return [...super.weights, ...inner];
  }

  override get states(): readonly LayerWeight[] {
    const inner = [...this.#inner].flatMap(([prefix, layer]) =>
      layer.states.map(({name, variable}) => {
        const own = `${prefix}/${name}`;
        return stateWeight(
          own,
          renamed(variable, own, () => false),
          this,
        );
      }),
    );
    return [...super.states, ...inner];
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  /** Also sets it for the layers within, as in Keras. */
  override set trainable(value: boolean) {
    super.trainable = value;
    for (const layer of this.layers) layer.trainable = value;
  }
}

/** Around one layer, which is its only option. */
export abstract class AroundOne extends Wrapper {
  protected readonly inner: Layer;

  /** @throws ERR_OPTION */
  constructor(kind: string, options: LayerOptions & {readonly layer: LayerLike}, masking?: MadeOptions[3]) {
    const where = `layers.${kind}`;
    requireOptions(where, options, [...layerOptions, 'layer']);
    const layer = toLayer(`${where}: layer`, options.layer);
    super(kind, options, new Map([['layer', layer]]), () => ({layer: describeInner(layer)}), masking);
    this.inner = layer;
  }
}
