import type {Json} from '../core/named.ts';
import type {Layer} from './layer.ts';

/** The layer as it is written in a model's description. */
export function describeLayer(layer: Layer, name: string): {[key: string]: Json} {
  const {trainable, ...config} = layer.getConfig();
  // A model as a layer has a name in its `config`, which may differ from its name here.
  const own = {kind: layer.kind, name};
  return {...own, ...config, ...own, ...(trainable === false && {trainable})};
}
