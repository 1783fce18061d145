// The graph of a trace: what each node's rule makes of the tensors that stand for its operands.
import type {Parts} from '../compile/index.ts';
import {dtypes} from '../core/dtype.ts';
import {sizeOf} from '../core/shape.ts';
import {constant, input, type Tensor, type TensorSpec} from '../core/tensor.ts';
import * as ops from '../ops/index.ts';
import type {GraphOfLeaves} from '../session/eager/linked-graph.ts';
import type {Entry, NumericType} from './entry.ts';
import type {Node} from './op-by-op.ts';
import type {Sized} from './sizes.ts';

/** What a plan is made of. */
export interface TraceParts {
  readonly nodes: readonly Node[];
  readonly inputs: readonly Entry[];
  /** The results that something has when the trace ends. */
  readonly live: readonly Entry[];
  /** Where each number stands: at a node, whose attribute it is, or below 0 at an input. */
  readonly owners: readonly number[];
}

/** A number that the program gave, and whether plans read it as an input or have it as a constant. */
export interface GivenNumber {
  readonly number: number;
  readonly isInput: boolean;
}

/** So many nodes are a part of the work. */
const nodesOfPart = 64;

function constantOf({number}: GivenNumber, dtype: NumericType): Tensor {
  const {array: Elements, bytes} = dtypes[dtype];
  const array = new Elements(new ArrayBuffer(bytes), 0, 1);
  array[0] = number;
  return constant(array, [1], dtype);
}

const scalar = (tensor: Tensor): Tensor => ops.reshape(tensor, []);

/** Each node of other sizes, which are those of one after the other. */
function sizedNodes(nodes: readonly Node[], sizes: readonly number[]): Sized[] {
  let from = 0;
  return nodes.map(({recipe}) => {
    const own = recipe.withSizes(sizes, from);
    from += recipe.form.sizes.length;
    return own;
  });
}

/** How many elements each operand has, by who reads it first. */
function elementsOf(nodes: readonly Node[], sized: readonly Sized[]): Map<Entry, number> {
  const elements = new Map<Entry, number>();
  for (const [node, {operands}] of nodes.entries()) {
    for (const [index, entry] of operands.entries()) {
      if (!elements.has(entry)) elements.set(entry, sizeOf(specOf(sized[node] as Sized, index).shape));
    }
  }
  return elements;
}

const specOf = ({specs}: Sized, index: number): TensorSpec => specs[index] as TensorSpec;

/**
 * The tensors of what is alive, and the leaves they are computed from: one for each input, then one for each
 * attribute that is an input. In parts; for other sizes where these are given.
 */
export function* graphInParts(
  {nodes, inputs, live, owners}: TraceParts,
  numbers: readonly GivenNumber[],
  sizes?: readonly number[],
): Parts<GraphOfLeaves> {
  const tensors = new Map<Entry, Tensor>();
  const sized = sizes ? sizedNodes(nodes, sizes) : nodes.map(({recipe}) => recipe.sized);
  const elements = sizes && elementsOf(nodes, sized);
  const firstOf = new Map([...owners.entries()].reverse().map(([at, owner]) => [owner, at]));
  const leaves = inputs.map((entry, index) => {
    const dtype = entry.dtype as NumericType;
    const own = numbers[firstOf.get(~index) ?? -1];
    const shape = [elements?.get(entry) ?? entry.size];
    const leaf = own && !own.isInput ? constantOf(own, dtype) : input({name: `input ${index}`, shape, dtype});
    tensors.set(entry, leaf);
    return leaf;
  });
  const numbersOf = ({recipe}: Node, node: number): Tensor[] | undefined => {
    const first = firstOf.get(node) ?? 0;
    const own = recipe.numbers.map((_, at) => numbers[first + at] as GivenNumber);
    if (own.length === 0 || (!sizes && !own.some(({isInput}) => isInput))) return undefined;
    return own.map((given, at) => {
      const dtype = recipe.typeOfNumbers;
      if (!given.isInput) return scalar(constantOf(given, dtype));
      const leaf = input({name: `number ${first + at}`, shape: [1], dtype});
      leaves.push(leaf);
      return scalar(leaf);
    });
  };
  for (const [at, node] of nodes.entries()) {
    if (at % nodesOfPart === nodesOfPart - 1) yield nodesOfPart;
    const own = sized[at] as Sized;
    const given = node.operands.map((entry, index) =>
      ops.reshape(tensors.get(entry) as Tensor, specOf(own, index).shape),
    );
    for (const [index, tensor] of node.recipe.graph(given, numbersOf(node, at), own).entries()) {
      tensors.set(node.results[index] as Entry, tensor);
    }
  }
  return {outputs: live.map(entry => tensors.get(entry) as Tensor), leaves};
}
