// The one op that scheduling adds: a copy, where a value must be in other memory.
import {copyOp} from '../ops/move.ts';
import type {Instruction, Value} from './steps.ts';

export const copy = (to: Value, from: Value): Instruction => ({
  kind: 'instruction',
  op: copyOp,
  attributes: {},
  scope: '',
  outputs: [to],
  inputs: [from],
});
