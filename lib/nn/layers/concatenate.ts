import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {zip} from '../../core/lists.ts';
import {formatShape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {concatenate as concatenateOp} from '../../ops/join.ts';
import {broadcastTo, cast, ones} from '../../ops/map.ts';
import {any} from '../../ops/reduce.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeMergeLayer} from '../make-layer.ts';
import {type Masks, maskWeights} from '../masking.ts';
import {sampleAxis} from './axes.ts';

export interface ConcatenateOptions extends LayerOptions {
  /** The axis along which the inputs are joined; the batch is axis 0. −1, the last, by default. */
  readonly axis?: number;
}

/** Joins the inputs along an axis, along which alone their shapes may differ. */
export function concatenate(options: ConcatenateOptions = {}): Layer {
  checkOptions('layers.concatenate', options, [...layerOptions, 'axis']);
  const {axis = -1} = options;
  checkNumber('layers.concatenate: axis', axis, {integer: true});
  const config = () => ({axis: options.axis});
  return makeMergeLayer(
    'concatenate',
    options,
    config,
    shapes => {
      const [first] = shapes;
      if (!first || shapes.length < 2) {
        const received = `Received ${shapes.length}`;
        return fail(
          'ERR_SHAPE',
          `concatenate: expected at least two inputs, as in apply([a, b]). ${received}.`,
        );
      }
      const along = sampleAxis('concatenate', axis, first);
      const others = shapes.map(shape => shape.filter((_, at) => at !== along - 1).join());
      if (others.some(other => other !== others[0]) || shapes.some(({length}) => length !== first.length)) {
        const received = shapes.map(formatShape).join(' and ');
        fail('ERR_SHAPE', `concatenate: shapes may differ along axis ${axis} alone. Received ${received}.`);
      }
      return inputs => concatenateOp(inputs, along);
    },
    (inputs, masks) => joinedMask(inputs, masks, axis),
  );
}

/** A position counts where any of its joined elements does; as in Keras. */
function joinedMask(inputs: readonly Tensor[], masks: Masks, axis: number): Tensor | undefined {
  if (masks.every(mask => mask === undefined)) return undefined;
  const weights = zip(inputs, masks).map(([{shape, rank}, mask]) =>
    mask ? broadcastTo(maskWeights(mask, rank), shape) : ones(shape),
  );
  return any(cast(concatenateOp(weights, axis), 'bool'), -1);
}
