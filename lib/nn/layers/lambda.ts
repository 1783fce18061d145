import {fail, requireOptions} from '../../core/errors.ts';
import {isObject} from '../../core/kinds.ts';
import {describe, type Named, ownFunction} from '../../core/named.ts';
import {resolve} from '../../core/resolve.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import type {CallContext, ForwardAll} from '../call-context.ts';
import {Layer, type LayerOptions, layerOptions} from '../layer.ts';

/** From [batch, …] to [batch, …]. It gets one input, or an array of several. */
// biome-ignore lint/suspicious/noExplicitAny: the user knows whether it is one tensor or an array.
type LambdaFunction = (inputs: any, context: CallContext) => Tensor | readonly Tensor[];

export interface LambdaOptions extends LayerOptions {
  /** A function of ops from the input, or the array of inputs, to the output. */
  readonly function: LambdaFunction;
}

class Lambda extends Layer {
  readonly #formula: LambdaFunction & Named;

  constructor(options: LambdaOptions) {
    super(options, 'lambda');
    const given: unknown = options.function;
    const described = isObject(given) && 'kind' in given;
    if (typeof given !== 'function' && !described) {
      fail('ERR_OPTION', `layers.lambda: function: expected a function of ops. Received ${String(given)}.`);
    }
    this.#formula = resolve<LambdaFunction & Named>('function', {}, given, {custom: ownFunction});
  }

  get config() {
    return {function: describe('function', this.#formula)};
  }

  override buildAll(shapes: readonly Shape[]): ForwardAll {
    return (inputs, context) => {
      const result = this.#formula(shapes.length === 1 ? inputs[0] : inputs, context);
      return Array.isArray(result) ? result : [result];
    };
  }
}

/** A function of ops as a layer without weights. Files refer to the function by its name. */
export function lambda(options: LambdaOptions): Layer {
  requireOptions('layers.lambda', options, [...layerOptions, 'function']);
  return new Lambda(options);
}
