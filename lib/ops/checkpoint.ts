// `checkpoint`: what a part of a graph makes is not kept for gradients, which make it again.
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {at} from '../core/lists.ts';
import {type Checkpoint, endsOf} from '../core/replay.ts';
import {parseSignature} from '../core/signature.ts';
import {Call, checkTensor, constant, currentScope, type Op, register, type Tensor} from '../core/tensor.ts';
import {barrier} from './gradient.ts';

/** Operands are the results, and then what they were made of; only differentiation sees it. */
export const checkpointOp: Op<Checkpoint, 'checkpoint(...operands: any) -> ...results: any'> = register({
  name: 'checkpoint',
  signature: parseSignature('checkpoint(...operands: any) -> ...results: any'),
  kind: 'checkpoint',
  elementwise: false,
  converts: false,
  view: false,
  contraction: undefined,
  rounding: undefined,
  exchanges: false,
  guard: undefined,
  inPlace: 0,
  updates: undefined,
  infer: (inputs, {results}) => inputs.slice(0, results).map(({shape, dtype}) => ({shape, dtype})),
  flops: () => 0,
  grad: undefined,
});

/**
 * The same function, of which gradients keep nothing but its inputs: they compute it again (Griewank and
 * Walther 2000; Chen et al. 2016), as `jax.checkpoint` and `tf.recompute_grad`. Of a deep net that is cut
 * into such parts, activations of one part at a time are in memory, for the time of another forward pass.
 * Results and gradients have the same bits; random numbers are those of the first time.
 *
 * ```ts
 * const block = ops.checkpoint(x => ops.add(x, ops.matmul(ops.tanh(ops.matmul(x, w)), v)));
 * ```
 *
 * @throws ERR_GRAPH for what is no function, or gives no tensors.
 */
export function checkpoint<Inputs extends readonly Tensor[], Result extends Tensor | readonly Tensor[]>(
  f: (...inputs: Inputs) => Result,
): (...inputs: Inputs) => Result;
export function checkpoint(f: (...inputs: Tensor[]) => Tensor | readonly Tensor[]) {
  if (typeof f !== 'function') {
    fail('ERR_GRAPH', `checkpoint: expected a function of tensors. Received ${show(f)}.`);
  }
  return (...inputs: Tensor[]): Tensor | readonly Tensor[] => {
    for (const [index, input] of inputs.entries()) checkTensor('checkpoint', `input ${index}`, input);
    const own = inputs.map(input => barrier(input, []));
    // What is made from here on is made again.
    const {id: first} = constant(0);
    const given = f(...own);
    const results: readonly Tensor[] = Array.isArray(given) ? given : [given];
    if (results.length === 0) fail('ERR_GRAPH', 'checkpoint: the function must give one tensor or more.');
    for (const [index, result] of results.entries()) checkTensor('checkpoint', `result ${index}`, result);
    const operands = [...results, ...endsOf(results, first)];
    const {outputs} = new Call(checkpointOp, operands, {results: results.length}, currentScope());
    return Array.isArray(given) ? outputs : at(outputs, 0);
  };
}
