// Reads rows of the user's arrays in place, and picks one element of each row.
import {formatShape} from '../core/shape.ts';
import {apply1, defineOp, failIn, type Gradients, type Tensor, type TensorSpec} from '../core/tensor.ts';

function checkRows(name: string, source: Tensor, rows: Tensor): void {
  if (source.rank >= 1 && rows.rank === 1) return;
  const received = `Received ${formatShape(source.shape)} and ${formatShape(rows.shape)}`;
  failIn(name, 'ERR_SHAPE', `expected a source with rows and a list of row indices. ${received}`);
}

/** A gather's guard holds this for a row whose index itself is outside the source. */
export const rowOutOfRange = 0x7fffffff;

/** Guards hold one number per row: the position of a bad value in it, or `rowOutOfRange`. */
function inferGather(name: string, dtype: TensorSpec['dtype']) {
  return ([source, rows]: readonly Tensor[]): TensorSpec[] => {
    checkRows(name, source as Tensor, rows as Tensor);
    const count = (rows as Tensor).shape[0] as number;
    return [
      {shape: [count, ...(source as Tensor).shape.slice(1)], dtype},
      {shape: [count], dtype: 'int32'},
    ];
  };
}

const gatherRowsOp = defineOp<{readonly scale: number; readonly offset: number}>({
  signature: 'gatherRows(source: T, rows: i32) -> y: f32, guard: i32 {scale: f32, offset: f32}',
  guard: 'inputNotFinite',
  // No gradient: training the table must be refused rather than silently do nothing.
  infer: inferGather('gatherRows', 'float32'),
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
  return apply1(gatherRowsOp, [source, rows], {scale: options.scale ?? 1, offset: options.offset ?? 0});
}

const gatherLabelsOp = defineOp({
  signature: 'gatherLabels(source: T, rows: i32) -> y: i32, guard: i32',
  guard: 'inputNotFinite',
  infer: inferGather('gatherLabels', 'int32'),
  grad: (): Gradients => [null, null],
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
  guard: 'labelOutOfRange',
  infer([x, labels]) {
    checkLabels('pickClass', x as Tensor, labels as Tensor);
    const shape = (labels as Tensor).shape;
    return [
      {shape, dtype: 'float32'},
      {shape, dtype: 'int32'},
    ];
  },
  grad: ([dy], {inputs: [x, labels]}): Gradients => [
    scatterClass(dy as Tensor, labels as Tensor, (x as Tensor).shape[1] as number),
    null,
  ],
});

/** y[b] = x[b, labels[b]]. A label that is no class stops the run. */
export function pickClass(x: Tensor, labels: Tensor): Tensor {
  return apply1(pickClassOp, [x, labels], {});
}

const scatterClassOp = defineOp<{readonly classes: number}>({
  signature: 'scatterClass(y: f32, labels: i32) -> x: f32 {classes: i32}',
  infer([y], {classes}) {
    return [{shape: [(y as Tensor).size, classes], dtype: 'float32'}];
  },
  grad: ([dx], {inputs: [, labels]}): Gradients => [pickClass(dx as Tensor, labels as Tensor), null],
});

/** x[b, labels[b]] = y[b] and zero elsewhere: the transpose of `pickClass`. */
export function scatterClass(y: Tensor, labels: Tensor, classes: number): Tensor {
  return apply1(scatterClassOp, [y, labels], {classes});
}
