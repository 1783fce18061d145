import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {formatShape} from '../../core/shape.ts';
import {greater, mul, select} from '../../ops/map.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {
  type ConstraintLike,
  describeOption,
  type InitializerLike,
  type RegularizerLike,
  toConstraint,
  toInitializer,
  toRegularizer,
} from '../resolve.ts';

export interface PreluOptions extends LayerOptions {
  /** `zeros` by default; He et al. begin with 0.25. */
  readonly alphaInitializer?: InitializerLike;
  readonly alphaRegularizer?: RegularizerLike;
  readonly alphaConstraint?: ConstraintLike;
  /** Axes along which all elements share one alpha; the batch is axis 0 and always shared. */
  readonly sharedAxes?: readonly number[];
}

const known = [...layerOptions, 'alphaInitializer', 'alphaRegularizer', 'alphaConstraint', 'sharedAxes'];

/**
 * x where x > 0, else alpha · x, with a learned alpha for each element of a sample (He et al. 2015).
 */
export function prelu(options: PreluOptions = {}): Layer {
  checkOptions('layers.prelu', options, known);
  const {sharedAxes = []} = options;
  if (!Array.isArray(sharedAxes)) {
    fail(
      'ERR_OPTION',
      `layers.prelu: sharedAxes: expected an array such as [1]. Received ${show(sharedAxes)}.`,
    );
  }
  for (const axis of sharedAxes)
    checkNumber('layers.prelu: sharedAxes', axis, {integer: true, min: 1, max: 5});
  const alphaOptions = {
    initializer: toInitializer(options.alphaInitializer ?? 'zeros', 'layers.prelu: alphaInitializer'),
    regularizer: toRegularizer(options.alphaRegularizer, 'layers.prelu: alphaRegularizer'),
    constraint: toConstraint(options.alphaConstraint, 'layers.prelu: alphaConstraint'),
  };
  const config = () => ({
    alphaInitializer: describeOption('initializer', options.alphaInitializer && alphaOptions.initializer),
    alphaRegularizer: describeOption('regularizer', alphaOptions.regularizer),
    alphaConstraint: describeOption('constraint', alphaOptions.constraint),
    sharedAxes: options.sharedAxes && [...options.sharedAxes],
  });
  return makeLayer(
    'prelu',
    options,
    config,
    (inputShape, weight) => {
      const beyond = sharedAxes.find(axis => axis > inputShape.length);
      if (beyond !== undefined) {
        const received = `Received ${beyond} for samples of ${formatShape(inputShape)}`;
        fail('ERR_SHAPE', `layers.prelu: sharedAxes: expected axes of a sample, from 1 on. ${received}.`);
      }
      const shape = inputShape.map((size, index) => (sharedAxes.includes(index + 1) ? 1 : size));
      const alpha = weight('alpha', shape, alphaOptions);
      return x => select(greater(x, 0), x, mul(alpha, x));
    },
    true,
  );
}
