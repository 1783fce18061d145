// Ops that change how gradients flow and nothing else: after differentiation, `simplify` removes them.
import {attributes, defineOp} from '../core/define.ts';
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {apply1, failIn, type Gradients, isTensor, type Tensor} from '../core/tensor.ts';

export const stopGradientOp = defineOp({
  signature: 'stopGradient(x: T) -> y: T',
  view: true,
  shape: ({x}) => x.shape,
  grad: 'none',
});

/** `x`, as a constant to `gradients`: nothing flows back through it. */
export function stopGradient(x: Tensor): Tensor {
  return apply1(stopGradientOp, [x], {});
}

export const barrierOp = defineOp({
  signature: 'barrier(x: T, ...after: any) -> y: T',
  view: true,
  shape: ({x}) => x.shape,
  grad: ({dy}, {after}) => ({dx: dy, dAfter: after.map(() => null)}),
});

/**
 * `x`, but another tensor to all passes, which take nothing that is made of it for equal to what is made of
 * `x`; and which is there no sooner than what it comes after.
 */
export function barrier(x: Tensor, after: readonly Tensor[]): Tensor {
  return apply1(barrierOp, [x, ...after], {});
}

/** What a function with a gradient of its own returns: its value, and the gradients of its inputs. */
export interface ValueAndGradient {
  readonly value: Tensor;
  /** From the gradient of the value to that of the only input, or to those of all; null where none flows. */
  gradient(dy: Tensor): Tensor | Gradients;
}

export const customGradientOp = defineOp({
  signature: 'customGradient(value: f32, ...inputs: f32) -> y: f32',
  also: attributes<Pick<ValueAndGradient, 'gradient'>>(),
  view: true,
  shape: ({value}) => value.shape,
  grad({dy}, {inputs}, {gradient}) {
    const given = gradient(dy);
    const gradients = isTensor(given) ? [given] : given;
    if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
      const received = Array.isArray(gradients) ? gradients.length : show(gradients);
      failIn('customGradient', 'ERR_SHAPE', `expected ${inputs.length} gradients. Received ${received}`);
    }
    inputs.forEach(({shape}, index) => {
      const own = gradients[index];
      if (own === null) return;
      if (isTensor(own) && own.dtype === 'float32' && sameShape(own.shape, shape)) return;
      const wanted = `the gradient of input ${index} must be float32${formatShape(shape)}`;
      failIn('customGradient', 'ERR_SHAPE', `${wanted}. Received ${show(own)}`);
    });
    return {dValue: null, dInputs: gradients};
  },
});

/**
 * A function of float32 tensors with a gradient of its own, as `tf.customGrad` of TensorFlow.js: `f` returns
 * its value, made with ops, and a function from the gradient of that value to those of the inputs, through
 * which gradients can be taken again.
 *
 * @throws ERR_GRAPH where `f` returns no such pair; ERR_SHAPE from `gradients` where gradients do not fit the
 * inputs.
 */
export function customGradient<Inputs extends readonly Tensor[]>(
  f: (...inputs: Inputs) => ValueAndGradient,
): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const {value, gradient} = f(...inputs) ?? {};
    if (!isTensor(value) || typeof gradient !== 'function') {
      fail('ERR_GRAPH', 'customGradient: the function must give {value, gradient}, a tensor and a function.');
    }
    return apply1(customGradientOp, [value, ...inputs], {gradient});
  };
}
