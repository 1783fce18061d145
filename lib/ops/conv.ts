// Convolutions with channels last, of one to three axes of space. Each of the three products of a
// convolution, for its result, its input and its kernel, is the gradient of the others.
import {attributes, defineOp} from '../core/define.ts';
import {checkBoolean, checkOptions, fail} from '../core/errors.ts';
import {formatShape, type Shape, sizeOf} from '../core/shape.ts';
import {apply1, checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {guardSlots, matmul} from './gemm.ts';
import {customGradient} from './gradient.ts';
import {reshape} from './move.ts';
import {sum} from './reduce.ts';
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

/**
 * `geometry`: for each axis of space its stride, its dilation, and what is added before it. `direct`: never
 * by Winograd's products, which otherwise follow from the shapes (conv_winograd.h).
 */
const shaped = attributes<{readonly shape: Shape; readonly guarded: boolean}>();
const listed = 'bias: bool, map: op, direct: bool, bfloat16: bool, geometry: words';

/** Attributes of a convolution alone. */
const alone = {bias: false, map: null, bfloat16: false, guarded: false};

/** Two for each tap and channel that an element of y is a sum over. */
const flopsOf = (y: Shape, w: Shape): number => (2 * sizeOf(y) * sizeOf(w)) / Math.max(1, w.at(-1) as number);

/**
 * Of a product of one image, for a result, an input or a kernel: pixels, channels of a group, outputs of a
 * group. What the taps add is left out, because vectors and pairs run along channels.
 */
function sidesOf(x: Shape, w: Shape, y: Shape): readonly number[] {
  const [channels, outputs] = w.slice(-2) as [number, number];
  const groups = channels === 0 ? 1 : (x.at(-1) as number) / channels;
  return [sizeOf(y.slice(1, -1)), channels, outputs / groups];
}

const inBfloat16 = <Attributes extends object>(
  given: Attributes,
): Attributes & {readonly bfloat16: true} => ({
  ...given,
  bfloat16: true,
});

function checkAlone(name: string, epilogue: readonly Tensor[], map: string | null): void {
  if (epilogue.length === 0 && map === null) return;
  fail('ERR_GRAPH', `${name}: a convolution that the compiler has fused has no gradient.`);
}

/**
 * y[i] = Σ over taps t of x[i · stride − before + t · dilation] · w[t], with zeros outside of x; then what
 * the compiler has added, as for `matmul`. x [batch, …sizes, channels], w [...kernel, channels of a group,
 * outputs]. With `bfloat16`, operands are rounded to that, sums are float32, and channels of a tap are added
 * in pairs, the second of a pair first.
 */
export const convOp = defineOp({
  signature: `conv(x: f32, w: f32, ...epilogue: f32) -> y: f32, guard?: i32 {${listed}}`,
  also: shaped,
  guard: {kind: 'notFinite'},
  shape: (_, {shape, guarded}) => ({y: shape, guard: guarded ? [guardSlots] : undefined}),
  flops: ({y, w}) => flopsOf(y.shape, w.shape),
  rounding: {sides: ({x, w, y}) => sidesOf(x.shape, w.shape, y.shape), inBfloat16},
  grad({dy}, {x, w, epilogue}, {map, geometry, direct}) {
    checkAlone('conv', epilogue, map);
    return {
      dx: convInput(dy, w, geometry, x.shape, direct),
      dw: convKernel(x, dy, geometry, w.shape, direct),
      dEpilogue: [],
    };
  },
});

/** The gradient of the input: each pixel of x gets what the windows that hold it give back. */
export const convInputOp = defineOp({
  signature: `convInput(y: f32, w: f32, ...epilogue: f32) -> x: f32, guard?: i32 {${listed}}`,
  also: shaped,
  guard: {kind: 'notFinite'},
  shape: (_, {shape, guarded}) => ({x: shape, guard: guarded ? [guardSlots] : undefined}),
  flops: ({y, w}) => flopsOf(y.shape, w.shape),
  rounding: {sides: ({x, w, y}) => sidesOf(x.shape, w.shape, y.shape), inBfloat16},
  grad({dx}, {y, w, epilogue}, {map, geometry, direct}) {
    checkAlone('convInput', epilogue, map);
    return {
      dy: convOf(dx, w, geometry, y.shape, direct),
      dw: convKernel(dx, y, geometry, w.shape, direct),
      dEpilogue: [],
    };
  },
});

/**
 * The gradient of the kernel, in parts that are still to be added up: blocks of 384 pixels of y, or of 48 of
 * Winograd's tiles, go to the parts in order, so that threads share the work also where the kernel is small.
 * With `bfloat16`, pixels, or tiles, are added in pairs, and blocks hold twice as many.
 */
export const convKernelOp = defineOp({
  signature: 'convKernel(x: f32, y: f32) -> w: f32 {direct: bool, bfloat16: bool, geometry: words}',
  also: attributes<{readonly shape: Shape}>(),
  shape: (_, {shape}) => shape,
  flops: ({y, w}) => flopsOf(y.shape, w.shape.slice(1)),
  rounding: {sides: ({x, w, y}) => sidesOf(x.shape, w.shape, y.shape), inBfloat16},
});

type Geometry = readonly number[];

function convOf(x: Tensor, w: Tensor, geometry: Geometry, shape: Shape, direct: boolean): Tensor {
  return apply1(convOp, [x, w], {...alone, direct, geometry, shape});
}

/** The gradient of an input of this shape. */
export function convInput(y: Tensor, w: Tensor, geometry: Geometry, shape: Shape, direct = false): Tensor {
  return apply1(convInputOp, [y, w], {...alone, direct, geometry, shape});
}

/** By shape alone, and not by the size of the batch, so that all batches have the same plan. */
function partsOf(y: Shape, w: Shape): number {
  const pixels = sizeOf(y.slice(1, -1));
  const wanted = Math.min(2 ** 19 / Math.max(1, sizeOf(w)), pixels / 48, 8);
  return Math.max(1, Math.floor(wanted));
}

/** The gradient of a kernel of this shape. */
export function convKernel(x: Tensor, y: Tensor, geometry: Geometry, shape: Shape, direct = false): Tensor {
  const make = customGradient((image: Tensor, result: Tensor) => {
    const parts = apply1(convKernelOp, [image, result], {
      direct,
      bfloat16: false,
      geometry,
      shape: [partsOf(result.shape, shape), ...shape],
    });
    return {
      value: parts.shape[0] === 1 ? reshape(parts, shape) : sum(parts, 0),
      gradient: dw => [
        convInput(result, dw, geometry, image.shape, direct),
        convOf(image, dw, geometry, result.shape, direct),
      ],
    };
  });
  return make(x, y);
}

export interface ConvOptions {
  /** 1 by default. */
  readonly strides?: PerAxis;
  /** `valid` by default. */
  readonly padding?: Padding;
  /** 1 by default. */
  readonly dilationRate?: PerAxis;
  /** Groups of channels and of outputs that have nothing to do with each other. 1 by default. */
  readonly groups?: number;
  /**
   * Whether kernels of 3×3 may be applied by Winograd's F(2×2, 3×3) where that is faster by shape: from 16
   * channels on both sides, without strides and dilation. True by default. Its error is bounded by
   * 4 · (√channels + 8) · 2⁻²⁴ · Σ over channels of Σ|x| of a tile of 4×4 pixels · Σ|w| of the taps, that
   * of the kernel's gradient by 4 · (√tiles + 8) · 2⁻²⁴ · Σ over tiles of Σ|x| · Σ|dy| of 2×2 pixels: on
   * the whole that of the direct sums, but it does not vanish where a few x are zero, and what is not finite
   * spreads over its tile.
   */
  readonly winograd?: boolean;
}

const convOptions = ['strides', 'padding', 'dilationRate', 'winograd', 'groups'];

const geometryOf = (axes: readonly WindowAxis[]): number[] =>
  axes.flatMap(({stride, dilation, before}) => [stride, dilation, before]);

/** A kernel of one tap is a matrix. */
const isMatrix = (axes: readonly WindowAxis[], groups: number): boolean =>
  groups === 1 &&
  axes.every(own => own.kernel === 1 && own.stride === 1 && own.before === 0 && own.windows === own.size);

function checkKernel(op: string, x: Tensor, w: Tensor, groups: number): void {
  checkImage(op, 'x', x.shape);
  const received = `Received x ${formatShape(x.shape)} and kernel ${formatShape(w.shape)}`;
  if (w.rank !== x.rank) {
    const wanted = `the kernel must be [${'size, '.repeat(x.rank - 2)}channels, outputs]`;
    failIn(op, 'ERR_SHAPE', `${wanted}. ${received}`);
  }
  if (!Number.isInteger(groups) || groups < 1) {
    failIn(op, 'ERR_VALUE', `groups must be an integer above 0. Received ${groups}`);
  }
  const [channels, each, outputs] = [x.shape.at(-1), ...w.shape.slice(-2)] as [number, number, number];
  if (each * groups !== channels) {
    const per = groups === 1 ? '' : ` / ${groups} groups`;
    failIn(op, 'ERR_SHAPE', `x has ${channels} channels${per}, the kernel ${each}. ${received}`);
  }
  if (outputs % groups !== 0) {
    failIn(op, 'ERR_SHAPE', `${groups} groups do not divide ${outputs} outputs. ${received}`);
  }
  if (w.size === 0 || sizeOf(x.shape.slice(1)) === 0) {
    failIn(op, 'ERR_SHAPE', `images and kernels must have elements. ${received}`);
  }
}

/**
 * The convolution of images [batch, …sizes, channels] with kernels [...sizes, channels / groups, outputs]:
 * [batch, …windows, outputs]. One to three axes of space. As in Keras and TensorFlow, kernels are not
 * mirrored.
 *
 * @throws ERR_SHAPE if channels, groups and kernel do not fit, or a window is larger than the image;
 * ERR_VALUE for strides, dilations or paddings that are none.
 */
export function conv(x: Tensor, kernel: Tensor, options: ConvOptions = {}): Tensor {
  checkTensor('conv', 'x', x);
  checkTensor('conv', 'kernel', kernel);
  checkOptions('ops.conv', options, convOptions);
  const {groups = 1, winograd = true} = options;
  checkBoolean('ops.conv: winograd', winograd);
  checkKernel('conv', x, kernel, groups);
  const count = x.rank - 2;
  const axes = windowAxes('conv', x.shape, {
    kernel: kernel.shape.slice(0, -2),
    strides: perAxis('conv', 'strides', options.strides, count),
    dilations: perAxis('conv', 'dilationRate', options.dilationRate, count),
    padding: checkPadding('conv', options.padding ?? 'valid', count),
  });
  const outputs = kernel.shape.at(-1) as number;
  const shape = [x.shape[0] as number, ...axes.map(({windows}) => windows), outputs];
  if (!isMatrix(axes, groups)) return convOf(x, kernel, geometryOf(axes), shape, !winograd);
  const channels = x.shape.at(-1) as number;
  const rows = reshape(x, [x.size / channels, channels]);
  return reshape(matmul(rows, reshape(kernel, [channels, outputs])), shape);
}

export interface DepthwiseConvOptions extends Omit<ConvOptions, 'groups' | 'winograd'> {}

/**
 * Each channel with kernels of its own, [...sizes, channels, multiplier]: output m of channel c is number
 * c · multiplier + m.
 *
 * @throws ERR_SHAPE, ERR_VALUE, as `conv`.
 */
export function depthwiseConv(x: Tensor, kernel: Tensor, options: DepthwiseConvOptions = {}): Tensor {
  checkTensor('depthwiseConv', 'x', x);
  checkTensor('depthwiseConv', 'kernel', kernel);
  checkOptions('ops.depthwiseConv', options, convOptions.slice(0, -2));
  checkImage('depthwiseConv', 'x', x.shape);
  const channels = x.shape.at(-1) as number;
  const received = `Received x ${formatShape(x.shape)} and kernel ${formatShape(kernel.shape)}`;
  if (kernel.rank !== x.rank || kernel.shape.at(-2) !== channels) {
    const wanted = `the kernel must be [${'size, '.repeat(x.rank - 2)}${channels} channels, multiplier]`;
    failIn('depthwiseConv', 'ERR_SHAPE', `${wanted}. ${received}`);
  }
  const outputs = channels * (kernel.shape.at(-1) as number);
  const grouped = reshape(kernel, [...kernel.shape.slice(0, -2), 1, outputs]);
  return conv(x, grouped, {...options, groups: channels});
}

export interface ConvTransposeOptions extends Omit<ConvOptions, 'groups' | 'padding'> {
  /** `valid` by default; `causal` is none of them. */
  readonly padding?: Exclude<Padding, 'causal'>;
  /**
   * Positions added behind the result, less than the stride. By default the result is `size · stride` long
   * with `same`, and at least that with `valid`, as in Keras.
   */
  readonly outputPadding?: PerAxis;
}

/** How long the result is, and what of it is cut off before: as in Keras. */
function transposedAxis(
  {size, kernel, stride, dilation}: Omit<WindowAxis, 'before' | 'windows'>,
  padding: Padding,
  extra: number | undefined,
  axis: number,
): {readonly length: number; readonly before: number} {
  const reach = reachOf(kernel, dilation);
  const whole = (size - 1) * stride + reach;
  if (padding === 'valid') {
    return {length: whole + (extra ?? Math.max(stride - reach, 0)), before: 0};
  }
  if (padding === 'same') {
    const length = extra === undefined ? size * stride : (size - 1) * stride + (reach % 2) + extra;
    return {length, before: Math.floor(Math.max(whole - length, 0) / 2)};
  }
  const [before, after] = (typeof padding === 'number' ? [padding, padding] : padding[axis]) as [
    number,
    number,
  ];
  return {length: whole - before - after + (extra ?? 0), before};
}

/**
 * What `conv` does, backwards: images [batch, …sizes, channels] and kernels [...sizes, outputs, channels] to
 * [batch, …larger sizes, outputs], each pixel spread over a window (Keras's `conv_transpose`).
 *
 * @throws ERR_SHAPE, ERR_VALUE, as `conv`.
 */
export function convTranspose(x: Tensor, kernel: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const op = 'convTranspose';
  checkTensor(op, 'x', x);
  checkTensor(op, 'kernel', kernel);
  const known = [...convOptions.slice(0, -1), 'outputPadding'];
  checkOptions('ops.convTranspose', options, known);
  const {winograd = true} = options;
  checkBoolean('ops.convTranspose: winograd', winograd);
  checkImage(op, 'x', x.shape);
  const count = x.rank - 2;
  const received = `Received x ${formatShape(x.shape)} and kernel ${formatShape(kernel.shape)}`;
  if (kernel.rank !== x.rank || kernel.shape.at(-1) !== x.shape.at(-1)) {
    const wanted = `the kernel must be [${'size, '.repeat(count)}outputs, ${x.shape.at(-1)} channels]`;
    failIn(op, 'ERR_SHAPE', `${wanted}. ${received}`);
  }
  if (kernel.size === 0 || sizeOf(x.shape.slice(1)) === 0) {
    failIn(op, 'ERR_SHAPE', `images and kernels must have elements. ${received}`);
  }
  const strides = perAxis(op, 'strides', options.strides, count);
  const dilations = perAxis(op, 'dilationRate', options.dilationRate, count);
  const padding = checkPadding(op, options.padding ?? 'valid', count);
  if (padding === 'causal') failIn(op, 'ERR_VALUE', 'padding: causal is for conv alone');
  const extra = options.outputPadding;
  const extras = extra === undefined ? undefined : perAxis(op, 'outputPadding', extra, count, 0, 0);
  const axes = x.shape.slice(1, -1).map((size, axis) => {
    const stride = strides[axis] as number;
    const own = {size, kernel: kernel.shape[axis] as number, stride, dilation: dilations[axis] as number};
    if (extras && (extras[axis] as number) >= stride) {
      failIn(op, 'ERR_VALUE', `outputPadding ${extras[axis]} must be less than the stride ${stride}`);
    }
    return {...own, ...transposedAxis(own, padding, extras?.[axis], axis)};
  });
  const lengths = axes.map(({length}) => length);
  if (lengths.some(length => length < 1)) {
    failIn(op, 'ERR_SHAPE', `the padding leaves nothing of the result. ${received}`);
  }
  const geometry = axes.flatMap(({stride, dilation, before}) => [stride, dilation, before]);
  const shape = [x.shape[0] as number, ...lengths, kernel.shape.at(-2) as number];
  return convInput(x, kernel, geometry, shape, !winograd);
}
