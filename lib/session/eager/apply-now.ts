// The eager door: one op on arrays that are there, at once. Nothing is compiled, scheduled or planned.
import type {DType} from '../../core/dtype.ts';
import {fail, unknownName} from '../../core/errors.ts';
import {zip} from '../../core/lists.ts';
import {misfitOf, promotedTypes} from '../../core/promotion.ts';
import {firstRowOf} from '../../core/registers.ts';
import {converted as convertedTensor, type Op, opTable} from '../../core/tensor.ts';
import {hasKernel, type Memory} from '../../runtime/linked.ts';
import {EagerArray} from './array.ts';
import {callOf, leafOf} from './link.ts';
import {links} from './links.ts';

function checkDisposed(op: Op, operands: readonly EagerArray[]): void {
  const position = operands.findIndex(({isDisposed}) => isDisposed);
  if (position < 0) return;
  const {inputs} = op.signature;
  const name = inputs[Math.min(position, inputs.length - 1)]?.name ?? position;
  fail('ERR_DISPOSED', `${op.name}: operand ${name} was disposed of. Use it before, or compute it anew.`);
}

/** A view is another name of its first operand. */
function viewNow(op: Op, operands: readonly EagerArray[], attributes: object): EagerArray[] {
  const {result} = callOf(op, operands, attributes);
  return [(operands[0] as EagerArray).as({shape: result.shape, dtype: result.dtype})];
}

/**
 * Applies an op, or the one of that name, to arrays: small work on this thread, large work on the team, for
 * which this thread waits. Operands promote as those of graphs do. The results, in order, but for guards:
 * where one fails, this throws.
 *
 * @param attributes All that the op has, as on tensors.
 * @throws ERR_UNKNOWN_NAME; ERR_SHAPE, ERR_DTYPE or ERR_VALUE as the op does on tensors; ERR_DISPOSED and
 * ERR_DETACHED for arrays whose memory is gone; ERR_OUT_OF_RANGE or ERR_NOT_FINITE where a guard fails.
 */
export function applyNow(
  named: Op | string,
  operands: readonly EagerArray[],
  attributes: object = {},
): EagerArray[] {
  const op = typeof named === 'string' ? opTable.get(named) : named;
  if (!op || op.kind === 'leaf') unknownName('op', typeof named === 'string' ? named : named.name, names());
  checkDisposed(op, operands);
  const types = misfitOf(op.signature, operands) && promotedTypes(op, operands);
  return types ? converted(op, operands, types, attributes) : applied(op, operands, attributes);
}

function applied(op: Op, operands: readonly EagerArray[], attributes: object): EagerArray[] {
  if (op.view) return viewNow(op, operands, attributes);
  if (!hasKernel(firstRowOf(op))) {
    fail('ERR_GRAPH', `${op.name}: this op has no kernel of its own. Use evaluate, which compiles it.`);
  }
  const link = links.find(op, operands, attributes);
  const results = link.results.map(spec => EagerArray.fresh(spec));
  const arrays: Memory[] = [];
  for (const {memory} of results) arrays.push(memory);
  for (const {memory} of operands) arrays.push(memory);
  try {
    link.run(arrays);
  } catch (error) {
    for (const result of results) result.dispose();
    throw error;
  }
  return results;
}

/** The same on operands of these types, made of those given. */
function converted(
  op: Op,
  operands: readonly EagerArray[],
  types: readonly DType[],
  attributes: object,
): EagerArray[] {
  const made: EagerArray[] = [];
  try {
    const taken = zip(operands, types).map(([operand, dtype]) => {
      if (operand.dtype === dtype) return operand;
      const {call} = convertedTensor(leafOf(operand), dtype);
      const [result] = applied(call.op, [operand], call.attributes);
      made.push(result as EagerArray);
      return result as EagerArray;
    });
    return applied(op, taken, attributes);
  } finally {
    for (const array of made) array.dispose();
  }
}

const names = (): string[] => [...opTable.values()].filter(({kind}) => kind !== 'leaf').map(({name}) => name);
