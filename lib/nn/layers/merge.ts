// Layers of several inputs and one output, element by element; shapes broadcast as in NumPy.
import {checkOptions, fail} from '../../core/errors.ts';
import {broadcastShapes, formatShape, type Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import * as map from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeMergeLayer} from '../made-layer.ts';

/** Refuses fewer inputs than two, and shapes that do not fit together. */
function checkShapes(kind: string, shapes: readonly Shape[], exactly?: number): void {
  if (exactly === undefined ? shapes.length < 2 : shapes.length !== exactly) {
    const wanted = exactly === undefined ? 'at least two inputs' : `${exactly} inputs`;
    fail('ERR_SHAPE', `${kind}: expected ${wanted}, as in apply([a, b]). Received ${shapes.length}.`);
  }
  if (broadcastShapes(shapes)) return;
  const received = shapes.map(formatShape).join(' and ');
  fail('ERR_SHAPE', `${kind}: the inputs' shapes do not broadcast together. Received ${received}.`);
}

/** Axes of one are put between the batch and the rest, so that no sample meets another's numbers. */
function alignBatch(inputs: readonly Tensor[]): Tensor[] {
  const rank = Math.max(...inputs.map(x => x.rank));
  return inputs.map(x => {
    const [batch, ...rest] = x.shape as [number, ...number[]];
    return reshape(x, [batch, ...new Array<number>(rank - x.rank).fill(1), ...rest]);
  });
}

function define(
  kind: string,
  combine: (inputs: readonly Tensor[]) => Tensor,
  exactly?: number,
): (options?: LayerOptions) => Layer {
  return (options = {}) => {
    checkOptions(`layers.${kind}`, options, layerOptions);
    return makeMergeLayer(
      kind,
      options,
      () => ({}),
      shapes => {
        checkShapes(kind, shapes, exactly);
        return inputs => combine(alignBatch(inputs));
      },
    );
  };
}

const inTurn =
  (op: (a: Tensor, b: Tensor) => Tensor) =>
  (inputs: readonly Tensor[]): Tensor =>
    inputs.reduce((a, b) => op(a, b));

/** a + b + …; x + f(x) is a residual connection (He et al. 2015). */
export const add = define('add', inTurn(map.add));
/** a − b. */
export const subtract = define('subtract', inTurn(map.sub), 2);
/** a · b · … */
export const multiply = define('multiply', inTurn(map.mul));
/** (a + b + …) / n. */
export const average = define('average', inputs => map.mul(inTurn(map.add)(inputs), 1 / inputs.length));
/** The larger at each place. */
export const maximum = define('maximum', inTurn(map.maximum));
/** The smaller at each place. */
export const minimum = define('minimum', inTurn(map.minimum));
