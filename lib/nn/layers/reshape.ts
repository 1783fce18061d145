// Layers that change the shape of a sample or the order of its axes.
import {checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import {broadcastTo} from '../../ops/map.ts';
import {reshape as reshapeOp, transpose} from '../../ops/move.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';

export interface ReshapeOptions extends LayerOptions {
  /** The new shape of a sample; one size may be −1, to be computed from the others. */
  readonly targetShape: Shape;
}

function sizesOf(where: string, given: unknown): number[] {
  if (Array.isArray(given)) return [...given];
  return fail('ERR_OPTION', `${where}: expected an array of integers. Received ${String(given)}.`);
}

/** From [batch, …sizes] to [batch, …targetShape], with the elements in the same order. */
export function reshape(options: ReshapeOptions): Layer {
  requireOptions('layers.reshape', options, [...layerOptions, 'targetShape']);
  const target = sizesOf('layers.reshape: targetShape', options.targetShape);
  for (const size of target) checkNumber('layers.reshape: targetShape', size, {integer: true, min: -1});
  if (target.filter(size => size === -1).length > 1) {
    fail('ERR_OPTION', `layers.reshape: targetShape: only one size may be -1. Received [${target}].`);
  }
  if (target.length < 1 || target.length > 5 || target.includes(0)) {
    fail('ERR_OPTION', `layers.reshape: targetShape: expected 1 to 5 sizes, none 0. Received [${target}].`);
  }
  return makeLayer(
    'reshape',
    options,
    () => ({targetShape: target}),
    inputShape => {
      const known = sizeOf(target.filter(size => size !== -1));
      const shape = target.map(size => (size === -1 ? sizeOf(inputShape) / known : size));
      if (!shape.every(Number.isInteger) || sizeOf(shape) !== sizeOf(inputShape)) {
        const shapes = `${formatShape(inputShape)} cannot become ${formatShape(target)}`;
        fail('ERR_SHAPE', `reshape: ${shapes}: sizes differ.`);
      }
      return x => reshapeOp(x, [x.shape[0] as number, ...shape]);
    },
  );
}

export interface PermuteOptions extends LayerOptions {
  /** For each axis of the result, which axis of the sample it is, counted from 1. */
  readonly dims: readonly number[];
}

/** The axes of a sample in another order: `dims: [2, 1]` transposes a matrix. */
export function permute(options: PermuteOptions): Layer {
  requireOptions('layers.permute', options, [...layerOptions, 'dims']);
  const dims = sizesOf('layers.permute: dims', options.dims);
  if ([...dims].sort((a, b) => a - b).some((axis, position) => axis !== position + 1)) {
    fail(
      'ERR_OPTION',
      `layers.permute: dims: expected each of 1 to ${dims.length} once. Received [${dims}].`,
    );
  }
  return makeLayer(
    'permute',
    options,
    () => ({dims}),
    inputShape => {
      if (inputShape.length !== dims.length) {
        fail('ERR_SHAPE', `permute: [${dims}] does not suit a sample ${formatShape(inputShape)}.`);
      }
      return x => transpose(x, [0, ...dims]);
    },
  );
}

export interface RepeatVectorOptions extends LayerOptions {
  /** How many times. */
  readonly n: number;
}

/** From [batch, size] to [batch, n, size]. */
export function repeatVector(options: RepeatVectorOptions): Layer {
  requireOptions('layers.repeatVector', options, [...layerOptions, 'n']);
  const {n} = options;
  checkNumber('layers.repeatVector: n', n, {integer: true, min: 1, max: 2 ** 31 - 1});
  return makeLayer(
    'repeatVector',
    options,
    () => ({n}),
    inputShape => {
      if (inputShape.length !== 1) {
        fail('ERR_SHAPE', `repeatVector: expected samples of one axis. Received ${formatShape(inputShape)}.`);
      }
      const [size] = inputShape as [number];
      return x => {
        const batch = x.shape[0] as number;
        return broadcastTo(reshapeOp(x, [batch, 1, size]), [batch, n, size]);
      };
    },
  );
}
