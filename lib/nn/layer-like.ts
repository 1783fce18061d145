// Layers as options of other layers: as they are, models that serve as layers, or descriptions as in files.
import {fail} from '../core/errors.ts';
import {isRecord, show} from '../core/kinds.ts';
import type {Json} from '../core/named.ts';
import {describeLayer} from './describe-layer.ts';
import {isLayer, type Layer} from './layer.ts';

/** A layer, or a model that serves as one. */
export type LayerLike = Layer | {toLayer(): Layer};

type Reader = (description: Json) => Layer;

let readDescription: Reader | undefined;

/** Told who knows all kinds of layers: a layer cannot import the list that it is in. */
export function readLayersWith(reader: Reader): void {
  readDescription = reader;
}

function read(where: string, description: Json): Layer {
  return readDescription?.(description) ?? fail('ERR_GRAPH', `${where}: no kinds of layers are known yet.`);
}

/** The layer that an option stands for. @throws ERR_OPTION */
export function toLayer(where: string, value: unknown): Layer {
  if (isLayer(value)) return value;
  const made: unknown = (value as Partial<{toLayer(): Layer}> | undefined)?.toLayer?.();
  if (isLayer(made)) return made;
  if (isRecord(value) && typeof value.kind === 'string') return read(where, value as Json);
  return fail('ERR_OPTION', `${where}: expected a layer. Received ${show(value)}.`);
}

/** A layer as JSON, under the name that it was given. */
export const describeInner = (layer: Layer): Json => describeLayer(layer, layer.givenName ?? layer.kind);

/** Another layer like this one, but for some options. */
export function layerLike(where: string, layer: Layer, changes: {readonly [name: string]: Json}): Layer {
  return read(where, {...(describeInner(layer) as {[name: string]: Json}), ...changes});
}
