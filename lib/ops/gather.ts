// Reads rows of the user's arrays in place, and picks one element of each row.
import {defineOp} from '../core/define.ts';
import {checkOptions} from '../core/errors.ts';
import {formatShape, type Shape} from '../core/shape.ts';
import {apply1, failIn, type Tensor} from '../core/tensor.ts';

/** Guards hold one number per row: the position of a bad value in it, or `rowOutOfRange`. */
function gatheredShapes(name: string, source: Tensor, rows: Tensor): {y: Shape; guard: Shape} {
  if (source.rank >= 1 && rows.rank === 1) {
    return {y: [...rows.shape, ...source.shape.slice(1)], guard: rows.shape};
  }
  const received = `Received ${formatShape(source.shape)} and ${formatShape(rows.shape)}`;
  return failIn(name, 'ERR_SHAPE', `expected a source with rows and a list of row indices. ${received}`);
}

/** A gather's guard holds this for a row whose index itself is outside the source. */
export const rowOutOfRange = 0x7fffffff;

const gatherRowsOp = defineOp({
  signature: 'gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}',
  guard: {kind: 'inputNotFinite', operand: 'source'},
  // No gradient: training the table must be refused rather than silently do nothing.
  shape: ({source, rows}) => gatheredShapes('gatherRows', source, rows),
});

/**
 * Rows of a data set [N,…] by index, as float32: `value * scale + offset`. A NaN or an infinity in a row, or
 * an index outside the data, stops the run before its commit.
 */
export function gatherRows(
  source: Tensor,
  rows: Tensor,
  options: {scale?: number; offset?: number} = {},
): Tensor {
  checkOptions('ops.gatherRows', options, ['scale', 'offset']);
  return apply1(gatherRowsOp, [source, rows], {scale: options.scale ?? 1, offset: options.offset ?? 0});
}

const gatherLabelsOp = defineOp({
  signature: 'gatherLabels(source: T, rows: i32) -> y: i32, guard: i32',
  guard: {kind: 'inputNotFinite', operand: 'source'},
  shape: ({source, rows}) => gatheredShapes('gatherLabels', source, rows),
  grad: 'none',
});

/** Rows of integers by index, as int32. A source of float32 must hold integers, or the run stops. */
export function gatherLabels(source: Tensor, rows: Tensor): Tensor {
  return apply1(gatherLabelsOp, [source, rows], {});
}

/** Refuses anything but rows of numbers, one per class, and a label for each row. */
export function checkLabels(name: string, x: Tensor, labels: Tensor): void {
  if (x.rank === 2 && labels.rank === 1 && labels.shape[0] === x.shape[0]) return;
  const received = `Received ${formatShape(x.shape)} and ${formatShape(labels.shape)}`;
  failIn(name, 'ERR_SHAPE', `expected [rows, classes] and labels [rows]. ${received}`);
}

const pickClassOp = defineOp({
  signature: 'pickClass(x: f32, labels: i32) -> y: f32, guard: i32',
  guard: {kind: 'labelOutOfRange', operand: 'labels'},
  shape({x, labels}) {
    checkLabels('pickClass', x, labels);
    return {y: labels.shape, guard: labels.shape};
  },
  grad: ({dy}, {x, labels}) => ({dx: scatterClass(dy, labels, x.shape[1] as number)}),
});

/** y[b] = x[b, labels[b]]. A label that is no class stops the run. */
export function pickClass(x: Tensor, labels: Tensor): Tensor {
  return apply1(pickClassOp, [x, labels], {});
}

const scatterClassOp = defineOp({
  signature: 'scatterClass(y: f32, labels: i32) -> x: f32 {classes: i32}',
  shape: ({y}, {classes}) => [y.size, classes],
  grad: ({dx}, {labels}) => ({dy: pickClass(dx, labels)}),
});

/** x[b, labels[b]] = y[b] and zero elsewhere: the transpose of `pickClass`. */
export function scatterClass(y: Tensor, labels: Tensor, classes: number): Tensor {
  return apply1(scatterClassOp, [y, labels], {classes});
}
