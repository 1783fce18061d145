// Windows whose place is a number of the run, and the numbers of a loop's iterations.
import {attributes, defineOp} from '../core/define.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {apply1, checkShape, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {zeros} from './map.ts';

export const iterationsOp = defineOp({
  signature: 'iterations(outer?: i32) -> y: i32 {count: i32}',
  shape: (_, {count}) => [count],
  grad: 'none',
});

/** The numbers of a loop's iterations, int32[count]; in a loop, other ones for each of its iterations. */
export function iterations(count: number, outer?: Tensor): Tensor {
  return apply1(iterationsOp, outer ? [outer] : [], {count});
}

/** Refuses a window that does not fit, or starts that are not one int32 for each axis. */
function checkWindow(name: string, x: Tensor, sizes: Shape, starts: Tensor): void {
  const isWithin = sizes.length === x.rank && sizes.every((size, axis) => size <= (x.shape[axis] as number));
  if (!isWithin) {
    failIn(name, 'ERR_SHAPE', `${formatShape(sizes)} is no part of ${formatShape(x.shape)}`);
  }
  if (starts.rank === 1 && starts.size === x.rank) return;
  const received = `Received ${formatShape(starts.shape)}`;
  failIn(name, 'ERR_SHAPE', `starts must be one number for each of ${x.rank} axes. ${received}`);
}

const dynamicSliceOp = defineOp({
  signature: 'dynamicSlice(x: T, starts: i32) -> y: T',
  also: attributes<{readonly sizes: Shape}>(),
  shape({x, starts}, {sizes}) {
    checkWindow('dynamicSlice', x, sizes, starts);
    return sizes;
  },
  grad: ({dy}, {x, starts}) => ({dx: dynamicUpdateSlice(zeros(x.shape), dy, starts)}),
});

const dynamicUpdateSliceOp = defineOp({
  signature: 'dynamicUpdateSlice(x: T, part: T, starts: i32) -> y: T',
  inPlace: 'x',
  shape({x, part, starts}) {
    checkWindow('dynamicUpdateSlice', x, part.shape, starts);
    return x.shape;
  },
  grad: ({dy}, {part, starts}) => ({
    dx: dynamicUpdateSlice(dy, zeros(part.shape), starts),
    dPart: dynamicSlice(dy, starts, part.shape),
  }),
});

/**
 * The part of `x` of these sizes that begins at `starts`, int32[rank of x]: numbers of the run, where `slice`
 * begins at a fixed one. A part that would reach beyond an axis begins as near to that as it fits, as in
 * `jax.lax.dynamic_slice`.
 */
export function dynamicSlice(x: Tensor, starts: Tensor, sizes: Shape): Tensor {
  checkTensor('dynamicSlice', 'x', x);
  checkShape('dynamicSlice', sizes);
  return apply1(dynamicSliceOp, [x, starts], {sizes});
}

/**
 * `x` with `part` in place of its numbers from `starts` on, int32[rank of x], which moves as `dynamicSlice`
 * says. Where nothing else reads `x` afterwards, only the part is written.
 */
export function dynamicUpdateSlice(x: Tensor, part: Tensor, starts: Tensor): Tensor {
  checkTensor('dynamicUpdateSlice', 'x', x);
  checkTensor('dynamicUpdateSlice', 'part', part);
  return apply1(dynamicUpdateSliceOp, [x, part, starts], {});
}
