import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import {matmul} from '../../ops/gemm.ts';
import {add} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {activate} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {
  type ActivationLike,
  type ConstraintLike,
  describeOption,
  type InitializerLike,
  type RegularizerLike,
  toActivation,
  toConstraint,
  toInitializer,
  toRegularizer,
} from '../resolve.ts';

export interface DenseOptions extends LayerOptions {
  /** Size of the output's last axis. */
  readonly units: number;
  /** `linear` by default. */
  readonly activation?: ActivationLike;
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: InitializerLike;
  /** `zeros` by default. */
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike;
  readonly biasRegularizer?: RegularizerLike;
  readonly kernelConstraint?: ConstraintLike;
  readonly biasConstraint?: ConstraintLike;
}

const known = [
  ...layerOptions,
  'units',
  'activation',
  'useBias',
  'kernelInitializer',
  'biasInitializer',
  'kernelRegularizer',
  'biasRegularizer',
  'kernelConstraint',
  'biasConstraint',
];

/** activation(x · kernel + bias) over the last axis of `x`; kernel [inputs, units], bias [units]. */
export function dense(options: DenseOptions): Layer {
  requireOptions('layers.dense', options, known);
  const {units, useBias = true} = options;
  checkNumber('layers.dense: units', units, {integer: true, min: 1, max: 2 ** 31 - 1});
  if (typeof useBias !== 'boolean') fail('ERR_OPTION', 'layers.dense: useBias: expected true or false.');
  const activation = toActivation(options.activation ?? 'linear', 'layers.dense: activation');
  const kernelOptions = {
    initializer: toInitializer(
      options.kernelInitializer ?? 'glorotUniform',
      'layers.dense: kernelInitializer',
    ),
    regularizer: toRegularizer(options.kernelRegularizer, 'layers.dense: kernelRegularizer'),
    constraint: toConstraint(options.kernelConstraint, 'layers.dense: kernelConstraint'),
  };
  const biasOptions = {
    initializer: toInitializer(options.biasInitializer ?? 'zeros', 'layers.dense: biasInitializer'),
    regularizer: toRegularizer(options.biasRegularizer, 'layers.dense: biasRegularizer'),
    constraint: toConstraint(options.biasConstraint, 'layers.dense: biasConstraint'),
  };
  const config = () => ({
    units,
    activation: describeOption('activation', options.activation && activation),
    useBias: options.useBias,
    kernelInitializer: describeOption('initializer', options.kernelInitializer && kernelOptions.initializer),
    biasInitializer: describeOption('initializer', options.biasInitializer && biasOptions.initializer),
    kernelRegularizer: describeOption('regularizer', kernelOptions.regularizer),
    biasRegularizer: describeOption('regularizer', biasOptions.regularizer),
    kernelConstraint: describeOption('constraint', kernelOptions.constraint),
    biasConstraint: describeOption('constraint', biasOptions.constraint),
  });
  return makeLayer(
    'dense',
    options,
    config,
    (inputShape, weight) => {
      const inputs = inputShape.at(-1) as number;
      const kernel = weight('kernel', [inputs, units], kernelOptions);
      const bias = useBias ? weight('bias', [units], biasOptions) : undefined;
      return (x, context) => {
        const product = matmul(reshape(x, [sizeOf(x.shape) / inputs, inputs]), kernel);
        const sums = bias ? add(product, bias) : product;
        return activate(activation, reshape(sums, [...x.shape.slice(0, -1), units]), context);
      };
    },
    true,
  );
}
