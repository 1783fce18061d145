// Layers that combine several inputs element by element; shapes broadcast as in NumPy.
import {checkOptions, fail} from '../../core/errors.ts';
import {broadcastShapes, formatShape, type Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import * as map from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeMergeLayer} from '../make-layer.ts';
import {anyMask} from '../masking.ts';

/** Refuses a wrong number of inputs, and shapes that do not broadcast together. */
function checkShapes(kind: string, shapes: readonly Shape[], exactly?: number): void {
  if (exactly === undefined ? shapes.length < 2 : shapes.length !== exactly) {
    const wanted = exactly === undefined ? 'at least two inputs' : `${exactly} inputs`;
    fail('ERR_SHAPE', `${kind}: expected ${wanted}, as in apply([a, b]). Received ${shapes.length}.`);
  }
  if (broadcastShapes(shapes)) return;
  const received = shapes.map(formatShape).join(' and ');
  fail('ERR_SHAPE', `${kind}: the inputs' shapes do not broadcast together. Received ${received}.`);
}

/** Inserts axes of size 1 after the batch, so that all batch axes align and samples stay separate. */
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
      anyMask,
    );
  };
}

const inSequence =
  (op: (a: Tensor, b: Tensor) => Tensor) =>
  (inputs: readonly Tensor[]): Tensor =>
    inputs.reduce((a, b) => op(a, b));

/** a + b + …; x + f(x) is a residual connection (He et al. 2015). */
export const add = define('add', inSequence(map.add));
/** a − b. */
export const subtract = define('subtract', inSequence(map.sub), 2);
/** a · b · … */
export const multiply = define('multiply', inSequence(map.mul));
/** (a + b + …) / n. */
export const average = define('average', inputs => map.mul(inSequence(map.add)(inputs), 1 / inputs.length));
/** The largest of the inputs, element by element. */
export const maximum = define('maximum', inSequence(map.maximum));
/** The smallest of the inputs, element by element. */
export const minimum = define('minimum', inSequence(map.minimum));
