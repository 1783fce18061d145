// Shapes of what layers give where sizes of the inputs may be any: which sizes are any, too.
import {at, zip} from '../../core/lists.ts';
import {type InputShape, standIn} from '../../nn/any-length.ts';
import type {SymbolicTensor} from '../../nn/symbolic.ts';
import type {Network} from './network.ts';

/** Over inputs whose open sizes are others; undefined where the layers take no others. */
function atOtherSizes(network: Network): Network | undefined {
  const shapes = network.inputs.map(({shape, tensor}) =>
    (tensor.pattern ?? shape).map(size => size ?? 2 * standIn),
  );
  try {
    return network.at(shapes);
  } catch {
    return undefined;
  }
}

/** The shape of each tensor for a sample, null where the size follows from one that may be any. */
export function openShapes(network: Network): (tensor: SymbolicTensor) => InputShape {
  const other = network.isOfAnyLength ? atOtherSizes(network) : undefined;
  const open = new Map(network.inputs.map(({tensor}) => [tensor, tensor.pattern ?? tensor.shape]));
  for (const [own, twin] of other ? zip(network.calls, other.calls) : []) {
    for (const [index, tensor] of own.outputs.entries()) {
      const {shape} = at(twin.outputs, index);
      open.set(
        tensor,
        tensor.shape.map((size, axis) => (shape[axis] === size ? size : null)),
      );
    }
  }
  return tensor => open.get(tensor) ?? tensor.shape;
}
