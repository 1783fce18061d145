import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import {formatShape, type Shape, sizeOf} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {div, maximum, mul, sqrt, square} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
import {sum} from '../../ops/reduce.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {checkBoolean} from '../layer-options.ts';
import {makeMergeLayer} from '../make-layer.ts';
import {sampleAxis} from './axes.ts';

export interface DotOptions extends LayerOptions {
  /** The axis to sum over, of both inputs or one of each; the batch is axis 0. */
  readonly axes: number | readonly [number, number];
  /** Whether to scale both to length 1 along the axis first, to get cosines. False by default. */
  readonly normalize?: boolean;
}

/** Moves an axis to the end and flattens all but the batch and that axis, whose shape was `rest`. */
function moveToEnd(x: Tensor, axis: number): {rows: Tensor; rest: number[]} {
  const others = x.shape.map((_, at) => at).filter(at => at !== axis);
  const moved = axis === x.rank - 1 ? x : transpose(x, [...others, axis]);
  const rest = moved.shape.slice(1, -1);
  return {
    rows: reshape(moved, [x.shape[0] as number, sizeOf(rest), x.shape[axis] as number]),
    rest: [...rest],
  };
}

/** Rows of length 1, with Keras's epsilon under the root, so that a row of zeros stays one. */
const toUnitRows = (x: Tensor): Tensor => div(x, sqrt(maximum(sum(square(x), -1, true), 1e-12)));

/** For each sample, the sum of products along an axis of two inputs: [batch, …rest of a, …rest of b]. */
export function dot(options: DotOptions): Layer {
  checkOptions('layers.dot', options, [...layerOptions, 'axes', 'normalize']);
  const {axes, normalize = false} = options ?? {};
  const pair = Array.isArray(axes) ? axes : [axes, axes];
  if (pair.length !== 2)
    fail('ERR_OPTION', `layers.dot: axes: expected one or two. Received ${pair.length}.`);
  for (const axis of pair) checkNumber('layers.dot: axes', axis, {integer: true});
  checkBoolean('layers.dot: normalize', options.normalize);
  const config = () => ({axes: Array.isArray(axes) ? [...axes] : axes, normalize: options.normalize});
  const build = (shapes: readonly Shape[]) => {
    const [a, b] = shapes;
    if (!a || !b || shapes.length !== 2) {
      return fail('ERR_SHAPE', `dot: expected two inputs, as in apply([a, b]). Received ${shapes.length}.`);
    }
    const [first, second] = [
      sampleAxis('dot', pair[0] as number, a),
      sampleAxis('dot', pair[1] as number, b),
    ];
    if (a[first - 1] !== b[second - 1]) {
      const sizes = `${a[first - 1]} of ${formatShape(a)} and ${b[second - 1]} of ${formatShape(b)}`;
      fail('ERR_SHAPE', `dot: the axes summed over differ in size: ${sizes}.`);
    }
    return (inputs: readonly Tensor[]): Tensor => {
      const [x, y] = [moveToEnd(at(inputs, 0), first), moveToEnd(at(inputs, 1), second)];
      const [p, q] = normalize ? [toUnitRows(x.rows), toUnitRows(y.rows)] : [x.rows, y.rows];
      const [batch, rows, size] = p.shape as [number, number, number];
      const columns = q.shape[1] as number;
      const products = mul(reshape(p, [batch, rows, 1, size]), reshape(q, [batch, 1, columns, size]));
      const rest = [...x.rest, ...y.rest];
      return reshape(sum(products, -1), [batch, ...(rest.length === 0 ? [1] : rest)]);
    };
  };
  return makeMergeLayer('dot', options, config, build, () => undefined);
}
