// How precise the operands of matrix products are; all else is float32.
import {unknownName} from './errors.ts';

export const precisions = ['float32', 'bfloat16'] as const;
export type Precision = (typeof precisions)[number];

/** @throws ERR_UNKNOWN_NAME with the nearest one. */
export function checkPrecision(name: unknown): asserts name is Precision {
  if (!precisions.includes(name as Precision)) unknownName('precision', name, precisions);
}
