// The precision of the operands of matrix products; everything else is float32.
import {unknownName} from './errors.ts';

export const precisions = ['float32', 'bfloat16'] as const;
export type Precision = (typeof precisions)[number];

/** @throws ERR_UNKNOWN_NAME with the nearest known name. */
export function checkPrecision(name: unknown): asserts name is Precision {
  if (!precisions.includes(name as Precision)) unknownName('precision', name, precisions);
}
