// Guards: ops whose result can end a run before the commit of the step.
import {formatShape} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, type Tensor} from '../core/tensor.ts';

/** Elements that share one number of the guard; the kernel checks that the sizes agree. */
const chunkElements = 4096;

export const finiteOp = defineOp({
  signature: 'finite(x: f32) -> guard: i32',
  guard: 'notFinite',
  infer: ([x]) => [{shape: [Math.ceil((x as Tensor).size / chunkElements)], dtype: 'int32'}],
});

/** The same for several tensors, with one number of the guard for each; `scopes` holds the scope of each. */
export const finiteEachOp = defineOp<{readonly scopes: readonly string[]}>({
  signature: 'finiteEach(...xs: f32) -> guard: i32',
  kind: 'fused',
  guard: 'notFinite',
  infer: xs => [{shape: [xs.length], dtype: 'int32'}],
});

/** Stops the run before its commit where `x` holds a NaN or an infinity. */
export function finite(x: Tensor): Tensor {
  return apply1(finiteOp, [x], {});
}

const stopIfOp = defineOp({
  signature: 'stopIf(x: bool) -> guard: i32',
  guard: 'stop',
  infer([x]) {
    const {size, shape} = x as Tensor;
    if (size !== 1) failIn('stopIf', 'ERR_SHAPE', `expected one condition. Received ${formatShape(shape)}`);
    return [{shape: [1], dtype: 'int32'}];
  },
  grad: (): Gradients => [null],
});

/** Ends the run before its commit where the condition `x`, one bool, holds; unlike `finite`, not an error. */
export function stopIf(x: Tensor): Tensor {
  return apply1(stopIfOp, [x], {});
}
