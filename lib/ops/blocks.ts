// Images cut into windows or blocks whose pixels become channels, and back.
import {checkOptions} from '../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {checkTensor, constant, failIn, type Tensor} from '../core/tensor.ts';
import {gather} from './indexing.ts';
import {reshape, transpose} from './move.ts';
import {pad} from './pad.ts';
import {
  checkImage,
  checkPadding,
  type Padding,
  type PerAxis,
  perAxis,
  reachOf,
  type WindowAxis,
  windowAxes,
} from './spatial.ts';

function checkBlocks(op: string, x: Tensor, blockSize: number): readonly [number, number, number, number] {
  checkTensor(op, 'x', x);
  checkImage(op, 'x', x.shape, 2);
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    failIn(op, 'ERR_VALUE', `blockSize must be an integer above 0. Received ${blockSize}`);
  }
  return x.shape as unknown as readonly [number, number, number, number];
}

/**
 * Channels of [batch, height, width, channels] as blocks of pixels: [batch, height · blockSize, width ·
 * blockSize, channels / blockSize²]. Channel (i · blockSize + j) · rest + c is channel c of pixel (i, j) of a
 * block, as in TensorFlow.
 *
 * @throws ERR_SHAPE where blockSize² does not divide the channels.
 */
export function depthToSpace(x: Tensor, blockSize: number): Tensor {
  const [batch, height, width, channels] = checkBlocks('depthToSpace', x, blockSize);
  const rest = channels / blockSize ** 2;
  if (!Number.isInteger(rest)) {
    const what = `blocks of ${blockSize} · ${blockSize} pixels do not divide the channels`;
    failIn('depthToSpace', 'ERR_SHAPE', `${what} of ${formatShape(x.shape)}`);
  }
  const parts = reshape(x, [batch * height, width, blockSize, blockSize * rest]);
  const rows = transpose(parts, [0, 2, 1, 3]);
  return reshape(rows, [batch, height * blockSize, width * blockSize, rest]);
}

/** Blocks of pixels as channels: what undoes `depthToSpace`. @throws ERR_SHAPE where blocks do not fit. */
export function spaceToDepth(x: Tensor, blockSize: number): Tensor {
  const [batch, height, width, channels] = checkBlocks('spaceToDepth', x, blockSize);
  const [rows, columns] = [height / blockSize, width / blockSize];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
    const what = `blocks of ${blockSize} · ${blockSize} pixels do not divide the images`;
    failIn('spaceToDepth', 'ERR_SHAPE', `${what} ${formatShape(x.shape)}`);
  }
  const parts = reshape(x, [batch * rows, blockSize, columns, blockSize * channels]);
  const blocks = transpose(parts, [0, 2, 1, 3]);
  return reshape(blocks, [batch, rows, columns, blockSize ** 2 * channels]);
}

export interface PatchOptions {
  /** The size of the windows by default, so that they tile the image. */
  readonly strides?: PerAxis;
  /** 1 by default. */
  readonly dilationRate?: PerAxis;
  /** `valid` by default. */
  readonly padding?: Exclude<Padding, 'causal'>;
}

/** For each window, in order, the pixels that it reads: their numbers among those of the padded image. */
function pixelsOf(axes: readonly WindowAxis[], sizes: Shape): Tensor {
  let all = Int32Array.of(0);
  // Windows × taps of the axes so far, joined with those of one more.
  let [windows, taps] = [1, 1];
  axes.forEach(({windows: more, kernel, stride, dilation}, axis) => {
    const size = sizes[axis] as number;
    const next = new Int32Array(windows * more * taps * kernel);
    let at = 0;
    for (let window = 0; window < windows * more; window++) {
      const [outer, own] = [Math.floor(window / more), window % more];
      for (let tap = 0; tap < taps * kernel; tap++) {
        const before = all[outer * taps + Math.floor(tap / kernel)] as number;
        next[at++] = before * size + own * stride + (tap % kernel) * dilation;
      }
    }
    [all, windows, taps] = [next, windows * more, taps * kernel];
  });
  return constant(all, [all.length], 'int32');
}

/**
 * The windows of images [batch, …sizes, channels] as pixels of [batch, …windows, size · channels]: those of a
 * window in their order, each with its channels (Keras's `extract_patches`). What is padded is 0.
 *
 * @throws ERR_SHAPE, ERR_VALUE, as `conv`.
 */
export function extractPatches(x: Tensor, size: PerAxis, options: PatchOptions = {}): Tensor {
  const op = 'extractPatches';
  checkTensor(op, 'x', x);
  checkOptions(`ops.${op}`, options, ['strides', 'dilationRate', 'padding']);
  checkImage(op, 'x', x.shape);
  const count = x.rank - 2;
  const kernel = perAxis(op, 'size', size, count);
  const axes = windowAxes(op, x.shape, {
    kernel,
    strides: perAxis(op, 'strides', options.strides ?? kernel, count),
    dilations: perAxis(op, 'dilationRate', options.dilationRate, count),
    padding: checkPadding(op, options.padding ?? 'valid', count),
  });
  const sides = axes.map(({before, size: own, windows, stride, kernel: taps, dilation}) => {
    const last = (windows - 1) * stride + reachOf(taps, dilation);
    return [before, Math.max(0, last - before - own)] as const;
  });
  const padded = pad(x, [[0, 0], ...sides, [0, 0]]);
  const [batch, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
  const sizes = padded.shape.slice(1, -1);
  const pixels = reshape(padded, [batch, sizeOf(sizes), channels]);
  const read = gather(pixels, pixelsOf(axes, sizes), 1);
  return reshape(read, [batch, ...axes.map(({windows}) => windows), sizeOf(kernel) * channels]);
}
