// How large a tensor may be: its sizes are words of a plan, and no product of them overflows.
import {failIn} from './scope.ts';
import {formatShape, type Shape, sizeOf} from './shape.ts';

const largestSize = 2 ** 31 - 1;
/** More than any machine has room for, and as `kMaxBytes` of native/runtime/verify_parts.h. */
const largestCount = 2 ** 43;

/** @throws ERR_SHAPE, naming the op, for a result that no plan can hold. */
export function checkReach(op: string, shape: Shape): void {
  const count = sizeOf(shape);
  if (!(count > largestSize)) return;
  const axis = shape.findIndex(size => size > largestSize);
  if (axis === -1 && count <= largestCount) return;
  const what = axis === -1 ? `more than ${largestCount} numbers` : `more than ${largestSize} along an axis`;
  const sizes = 'sizes, padding or strides must be smaller';
  failIn(op, 'ERR_SHAPE', `${sizes}: a result of ${formatShape(shape)} has ${what}`);
}
