// Names of layers, inputs and outputs within a model.
import {fail} from '../../core/errors.ts';
import type {Layer} from '../../nn/layer.ts';
import {checkName} from '../../nn/layer-options.ts';
import type {SymbolicTensor} from '../../nn/symbolic.ts';

/** `dense`, else `dense_1`, `dense_2`, …; the result is taken then. */
export function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 1; taken.has(name); number++) name = `${wanted}_${number}`;
  taken.add(name);
  return name;
}

/** `dense`, `dense_1`, … in this model where the user gave no name. */
export function nameLayers(where: string, layers: readonly Layer[]): Map<Layer, string> {
  const taken = new Set<string>();
  for (const {givenName: name} of layers) {
    if (name === undefined) continue;
    if (taken.has(name)) fail('ERR_OPTION', `${where}: two layers have the name ${JSON.stringify(name)}.`);
    taken.add(name);
  }
  return new Map(layers.map(layer => [layer, layer.givenName ?? uniqueName(layer.kind, taken)]));
}

interface NamedTensor {
  readonly name: string;
  readonly shape: SymbolicTensor['shape'];
  readonly tensor: SymbolicTensor;
}

/** Inputs or outputs by the names they were given by, else by `nameOf`. @throws ERR_OPTION */
export function nameTensors(
  tensors: readonly (readonly [string | undefined, SymbolicTensor])[],
  nameOf: (tensor: SymbolicTensor) => string,
): NamedTensor[] {
  const taken = new Set<string>();
  return tensors.map(([given, tensor]) => {
    checkName('model: names of inputs and outputs', given);
    return {name: given ?? uniqueName(nameOf(tensor), taken), shape: tensor.shape, tensor};
  });
}
