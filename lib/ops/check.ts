// Guards: ops whose result can end a run before the commit of the step.
import {attributes, defineOp} from '../core/define.ts';
import {formatShape} from '../core/shape.ts';
import {apply1, failIn, type Tensor} from '../core/tensor.ts';

/** Elements that share one number of the guard; the kernel checks that the sizes agree. */
const chunkElements = 4096;

export const finiteOp = defineOp({
  signature: 'finite(x: f32) -> guard: i32',
  guard: {kind: 'notFinite'},
  shape: ({x}) => [Math.ceil(x.size / chunkElements)],
});

/** The same for several tensors, with one number of the guard for each; `scopes` holds the scope of each. */
export const finiteEachOp = defineOp({
  signature: 'finiteEach(...xs: f32) -> guard: i32',
  also: attributes<{readonly scopes: readonly string[]}>(),
  kind: 'fused',
  guard: {kind: 'notFinite', scopes: ({scopes}) => scopes},
  shape: ({xs}) => [xs.length],
});

/** Stops the run before its commit where `x` holds a NaN or an infinity. */
export function finite(x: Tensor): Tensor {
  return apply1(finiteOp, [x], {});
}

const stopIfOp = defineOp({
  signature: 'stopIf(x: bool) -> guard: i32',
  guard: {kind: 'stop'},
  shape({x: {size, shape}}) {
    if (size !== 1) failIn('stopIf', 'ERR_SHAPE', `expected one condition. Received ${formatShape(shape)}`);
    return [1];
  },
  grad: 'none',
});

/** Ends the run before its commit where the condition `x`, one bool, holds; unlike `finite`, not an error. */
export function stopIf(x: Tensor): Tensor {
  return apply1(stopIfOp, [x], {});
}
