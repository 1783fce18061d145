// The graph of a trace: what each node's rule makes of the tensors that stand for its operands.
import {dtypes} from '../core/dtype.ts';
import {constant, input, type Tensor, type TensorSpec} from '../core/tensor.ts';
import * as ops from '../ops/index.ts';
import type {Entry, NumericType} from './entry.ts';
import type {Node} from './op-by-op.ts';
import type {Recipe} from './recipe.ts';

/** A number that the program gave, and whether plans read it as an input or have it as a constant. */
export interface GivenNumber {
  readonly number: number;
  readonly isInput: boolean;
}

function constantOf({number}: GivenNumber, dtype: NumericType): Tensor {
  const {array: Elements, bytes} = dtypes[dtype];
  const array = new Elements(new ArrayBuffer(bytes), 0, 1);
  array[0] = number;
  return constant(array, [1], dtype);
}

const scalar = (tensor: Tensor): Tensor => ops.reshape(tensor, []);

/**
 * The tensors of `live`, and the leaves they are computed from: one for each of `inputs`, then one for each
 * attribute that is an input. `owners` says of each number where it stands: the node, or below 0 the input.
 */
export function graphOf(
  nodes: readonly Node[],
  inputs: readonly Entry[],
  live: readonly Entry[],
  owners: readonly number[],
  numbers: readonly GivenNumber[],
): {readonly outputs: readonly Tensor[]; readonly leaves: readonly Tensor[]} {
  const tensors = new Map<Entry, Tensor>();
  const leaves = inputs.map((entry, index) => {
    const dtype = entry.dtype as NumericType;
    const own = numbers[owners.indexOf(~index)];
    const leaf =
      own && !own.isInput
        ? constantOf(own, dtype)
        : input({name: `input ${index}`, shape: [entry.size], dtype});
    tensors.set(entry, leaf);
    return leaf;
  });
  const numbersOf = (recipe: Recipe, node: number): Tensor[] | undefined => {
    const first = owners.indexOf(node);
    const own = recipe.numbers.map((_, at) => numbers[first + at] as GivenNumber);
    if (!own.some(({isInput}) => isInput)) return undefined;
    return own.map((given, at) => {
      const dtype = recipe.typeOfNumbers;
      if (!given.isInput) return scalar(constantOf(given, dtype));
      const leaf = input({name: `number ${first + at}`, shape: [1], dtype});
      leaves.push(leaf);
      return scalar(leaf);
    });
  };
  for (const [node, {recipe, operands, results}] of nodes.entries()) {
    const given = operands.map((entry, index) =>
      ops.reshape(tensors.get(entry) as Tensor, (recipe.specs[index] as TensorSpec).shape),
    );
    for (const [index, tensor] of recipe.graph(given, numbersOf(recipe, node)).entries()) {
      tensors.set(results[index] as Entry, tensor);
    }
  }
  return {outputs: live.map(entry => tensors.get(entry) as Tensor), leaves};
}
