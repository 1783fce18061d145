// Guards: tests whose failure ends a run before the step's commit.
import {apply1, defineOp, type Tensor} from '../core/tensor.ts';

/** Elements that one number of the guard answers for; the kernel checks that the sizes agree. */
const chunkElements = 4096;

const finiteOp = defineOp({
  signature: 'finite(x: f32) -> guard: i32',
  guard: 'notFinite',
  infer: ([x]) => [{shape: [Math.ceil((x as Tensor).size / chunkElements)], dtype: 'int32'}],
});

/** Stops the run before its commit where `x` holds a NaN or an infinity. */
export function finite(x: Tensor): Tensor {
  return apply1(finiteOp, [x], {});
}
