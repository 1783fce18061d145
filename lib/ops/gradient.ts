// Ops that change how gradients flow and nothing else: after differentiation, `simplify` removes them.
import {fail} from '../core/errors.ts';
import {formatShape, sameShape} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, Tensor} from '../core/tensor.ts';

const stopGradientOp = defineOp({
  signature: 'stopGradient(x: T) -> y: T',
  view: true,
  infer: ([x]) => [x as Tensor],
  grad: (): Gradients => [null],
});

/** `x`, as a constant to `gradients`: nothing flows back through it. */
export function stopGradient(x: Tensor): Tensor {
  return apply1(stopGradientOp, [x], {});
}

/** What a function with a gradient of its own returns: its value, and the gradients of its inputs. */
export interface ValueAndGradient {
  readonly value: Tensor;
  /** From the gradient of the value to that of the only input, or to those of all; null where none flows. */
  gradient(dy: Tensor): Tensor | Gradients;
}

const customGradientOp = defineOp<{readonly gradient: ValueAndGradient['gradient']}>({
  signature: 'customGradient(value: f32, ...inputs: f32) -> y: f32',
  view: true,
  infer: ([value]) => [value as Tensor],
  grad([dy], {inputs: [, ...inputs], attributes}): Gradients {
    const given = attributes.gradient(dy as Tensor);
    const gradients = given instanceof Tensor ? [given] : given;
    if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
      const received = Array.isArray(gradients) ? gradients.length : String(gradients);
      failIn('customGradient', 'ERR_SHAPE', `expected ${inputs.length} gradients. Received ${received}`);
    }
    gradients.forEach((gradient, index) => {
      if (gradient === null) return;
      const {shape} = inputs[index] as Tensor;
      if (gradient instanceof Tensor && gradient.dtype === 'float32' && sameShape(gradient.shape, shape))
        return;
      const wanted = `the gradient of input ${index} must be float32${formatShape(shape)}`;
      failIn('customGradient', 'ERR_SHAPE', `${wanted}. Received ${String(gradient)}`);
    });
    return [null, ...gradients];
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
    if (!(value instanceof Tensor) || typeof gradient !== 'function') {
      fail('ERR_GRAPH', 'customGradient: the function must give {value, gradient}, a tensor and a function.');
    }
    return apply1(customGradientOp, [value, ...inputs], {gradient});
  };
}
