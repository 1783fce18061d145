// A part of fusion: the tests of small tensors for finite numbers become one call, for each alone costs more
// in the walk through the plan than in arithmetic.
import {Call, type Op, type Tensor} from '../core/tensor.ts';
import {finiteEachOp, finiteOp} from '../ops/check.ts';
import type {Roots} from './roots.ts';

/** Elements up to which a tensor is tested with others: more are worth several threads. */
const mostElements = 4096;

const isSmallTest = ({call}: Tensor): boolean =>
  call.op === (finiteOp as Op) && (call.inputs[0] as Tensor).size <= mostElements;

export function mergeTests(roots: Roots): Roots {
  const tests = [...new Set(roots.guards)];
  const small = tests.filter(isSmallTest).map(({call}) => call);
  if (small.length < 2) return roots;
  const inputs = small.map(call => call.inputs[0] as Tensor);
  const scopes = small.map(({scope}) => scope);
  const [merged] = new Call(finiteEachOp as unknown as Op, inputs, {scopes}, '').outputs;
  return {...roots, guards: [...tests.filter(test => !isSmallTest(test)), merged as Tensor]};
}
