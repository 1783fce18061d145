// A layer whose kernel is divided by its largest singular value.
import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import type {Config} from '../../core/named.ts';
import {type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {matmul} from '../../ops/gemm.ts';
import {stopGradient} from '../../ops/gradient.ts';
import {div, maximum, mul, sqrt, square} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import type {ForwardAll, MakeWeight} from '../call-context.ts';
import {randomNormal} from '../initializers.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, toLayer} from '../layer-like.ts';
import {MadeLayer} from '../make-layer.ts';

export interface SpectralNormalizationOptions extends LayerOptions {
  /** The layer whose kernel is normalized: dense, a convolution, or another with a weight named `kernel`. */
  readonly layer: LayerLike;
  /** Iterations of each step. 1 by default. */
  readonly powerIterations?: number;
}

const kernels = ['kernel', 'depthwiseKernel', 'pointwiseKernel', 'embeddings'];

const unit = (x: Tensor): Tensor => div(x, maximum(sqrt(sum(square(x))), 1e-12));

/** The kernel divided by its norm as a matrix [inputs, outputs], and the vector that found it. */
function normalized(kernel: Tensor, vector: Tensor, iterations: number): {value: Tensor; next: Tensor} {
  const outputs = kernel.shape.at(-1) as number;
  const matrix = reshape(kernel, [sizeOf(kernel.shape) / outputs, outputs]);
  const constant = stopGradient(matrix);
  let [left, right] = [vector, vector];
  for (let iteration = 0; iteration < iterations; iteration++) {
    left = unit(matmul(right, constant, {transposeB: true}));
    right = unit(matmul(left, constant));
  }
  // The vectors count as constants: at the largest singular value the norm does not depend on them.
  const norm = sum(mul(matmul(stopGradient(left), matrix), stopGradient(right)));
  return {value: div(kernel, norm), next: stopGradient(right)};
}

class SpectralNormalization extends MadeLayer {
  readonly #inner: Layer;
  readonly #iterations: number;

  constructor(options: SpectralNormalizationOptions) {
    const where = 'layers.spectralNormalization';
    requireOptions(where, options, [...layerOptions, 'layer', 'powerIterations']);
    const {powerIterations = 1} = options;
    checkNumber(`${where}: powerIterations`, powerIterations, {integer: true, min: 1, max: 1000});
    const inner = toLayer(`${where}: layer`, options.layer);
    super(
      'spectralNormalization',
      options,
      () => ({layer: describeInner(inner), powerIterations: options.powerIterations}),
      inner.supportsMasking && ((inputs, masks) => inner.computeMask(inputs, masks)),
    );
    this.#inner = inner;
    this.#iterations = powerIterations;
    Object.freeze(this);
  }

  override buildAll(shapes: readonly Shape[], weight: MakeWeight, options: Config): ForwardAll {
    const found: {vector: Tensor; next: Tensor}[] = [];
    const own: MakeWeight = (name, shape, given) => {
      const made = weight(name, shape, given);
      if (!kernels.includes(name)) return made;
      const initializer = randomNormal({stddev: 0.02});
      const size = shape.at(-1) as number;
      const vector = weight(`${name}Vector`, [1, size], {initializer, trainable: false});
      const {value, next} = normalized(made, vector, this.#iterations);
      found.push({vector, next});
      return value;
    };
    const forward = this.#inner.buildAll(shapes, own, options);
    if (found.length === 0) {
      const what = `${this.#inner.kind} has no weight named kernel to be normalized`;
      fail('ERR_OPTION', `${this.name}: ${what}; layers.dense and convolutions have.`);
    }
    return (inputs, context) => {
      if (context.training && this.trainable) {
        for (const {vector, next} of found) context.update(vector, () => next);
      }
      return forward(inputs, context);
    };
  }
}

/**
 * A layer whose kernel, as a matrix [inputs, outputs], is divided by its largest singular value, found by
 * power iteration that goes on from step to step (Miyato et al. 2018, algorithm 1). Its weights are the
 * layer's, and a vector for each kernel. A mask passes as through the layer by itself.
 *
 * @throws ERR_OPTION for a layer without a kernel.
 */
export function spectralNormalization(options: SpectralNormalizationOptions): Layer {
  return new SpectralNormalization(options);
}
