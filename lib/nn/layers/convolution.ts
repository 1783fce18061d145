// Convolutions of one to three axes: plain, transposed, of single channels, and separable.
import {checkBoolean, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import type {Json} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {conv, convTranspose, depthwiseConv} from '../../ops/conv.ts';
import {add} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import type {Padding, PerAxis} from '../../ops/spatial.ts';
import {activate, type CallContext, type MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {makeLayer} from '../make-layer.ts';
import {
  type ActivationLike,
  type ConstraintLike,
  describeOption,
  type InitializerLike,
  type RegularizerLike,
  toActivation,
} from '../resolve.ts';
import {
  type ChosenWeight,
  checkDataFormat,
  checkSample,
  chosenWeight,
  type DataFormat,
  givenSizes,
  paddingOf,
  plainPadding,
  plainSizes,
  type Sides,
  sizesOf,
  weightOptions,
} from './spatial-options.ts';

interface CommonOptions extends LayerOptions {
  /** Of the windows: one number for all axes, or one for each. */
  readonly kernelSize: PerAxis;
  /** How far windows lie apart. 1 by default. */
  readonly strides?: PerAxis;
  /**
   * `valid` (the default): windows lie within the image; `same`: as many as the image has positions, divided
   * by the stride, padded as in Keras; or so many zeros before and after each axis.
   */
  readonly padding?: 'valid' | 'same' | Sides;
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
  /** How far the numbers of a window lie apart. 1 by default; not together with strides. */
  readonly dilationRate?: PerAxis;
  /** `linear` by default. */
  readonly activation?: ActivationLike;
  /** True by default. */
  readonly useBias?: boolean;
  /** `zeros` by default. */
  readonly biasInitializer?: InitializerLike;
  readonly biasRegularizer?: RegularizerLike;
  readonly biasConstraint?: ConstraintLike;
}

interface KernelOptions {
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike;
  readonly kernelConstraint?: ConstraintLike;
  /** False: never by Winograd's products, see `ops.conv`. True by default. */
  readonly winograd?: boolean;
}

export interface ConvLayerOptions extends CommonOptions, KernelOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Groups of channels that have nothing to do with each other. 1 by default. */
  readonly groups?: number;
}

interface CausalOptions {
  /** As of the others, or `causal`: all before, so that no output reads a later input. */
  readonly padding?: 'valid' | 'same' | 'causal' | Sides;
}

export interface Conv1dOptions extends Omit<ConvLayerOptions, 'padding'>, CausalOptions {}

export interface ConvTransposeLayerOptions extends CommonOptions, KernelOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Positions added to the output, fewer than the stride: see `ops.convTranspose`. */
  readonly outputPadding?: PerAxis;
}

interface DepthwiseKernelOptions {
  /** Outputs of each channel. 1 by default. */
  readonly depthMultiplier?: number;
  /** `glorotUniform` by default. */
  readonly depthwiseInitializer?: InitializerLike;
  readonly depthwiseRegularizer?: RegularizerLike;
  readonly depthwiseConstraint?: ConstraintLike;
}

export interface DepthwiseConvLayerOptions extends CommonOptions, DepthwiseKernelOptions {}

export interface SeparableConv1dOptions extends Omit<SeparableConvOptions, 'padding'>, CausalOptions {}

export interface SeparableConvOptions extends CommonOptions, DepthwiseKernelOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** `glorotUniform` by default. */
  readonly pointwiseInitializer?: InitializerLike;
  readonly pointwiseRegularizer?: RegularizerLike;
  readonly pointwiseConstraint?: ConstraintLike;
}

const commonOptions = [
  ...layerOptions,
  'kernelSize',
  'strides',
  'padding',
  'dataFormat',
  'dilationRate',
  'activation',
  'useBias',
  ...weightOptions('bias'),
];

const kernelOptions = [...weightOptions('kernel'), 'winograd'];

/** What the options of all of them say, checked. */
interface Common {
  readonly kernel: number[];
  readonly windows: {
    readonly strides?: number[];
    readonly dilationRate?: number[];
    readonly padding: Padding;
  };
  config(): Record<string, Json | undefined>;
  /** Adds the bias, and applies the activation. */
  finish(sums: Tensor, bias: Tensor | undefined, context: CallContext): Tensor;
  bias(weight: MakeWeight, outputs: number): Tensor | undefined;
}

function commonOf(
  where: string,
  axes: number,
  options: Omit<CommonOptions, 'padding'> & CausalOptions,
  known: readonly string[],
  causal = false,
): Common {
  requireOptions(where, options, [...commonOptions, ...known]);
  const kernel = sizesOf(`${where}: kernelSize`, options.kernelSize, axes);
  const strides = givenSizes(`${where}: strides`, options.strides, axes);
  const dilationRate = givenSizes(`${where}: dilationRate`, options.dilationRate, axes);
  const padding = paddingOf(`${where}: padding`, options.padding, axes, causal);
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes);
  const isAbove1 = (sizes: number[] | undefined): boolean => sizes?.some(size => size > 1) ?? false;
  if (isAbove1(strides) && isAbove1(dilationRate)) {
    const both = `strides [${strides}] and dilationRate [${dilationRate}] cannot both be above 1`;
    fail('ERR_OPTION', `${where}: ${both}, as in Keras; ops.conv in a layers.lambda takes both.`);
  }
  checkCausal(where, padding, kernel, strides);
  const {useBias = true} = options;
  checkBoolean(`${where}: useBias`, useBias);
  const activation = toActivation(options.activation ?? 'linear', `${where}: activation`);
  const bias = chosenWeight(options, 'bias', 'zeros', where);
  return {
    kernel,
    windows: {...(strides && {strides}), ...(dilationRate && {dilationRate}), padding},
    config: () => ({
      kernelSize: plainSizes(options.kernelSize),
      strides: plainSizes(options.strides),
      padding: plainPadding(options.padding),
      dataFormat: options.dataFormat,
      dilationRate: plainSizes(options.dilationRate),
      activation: describeOption('activation', options.activation && activation),
      useBias: options.useBias,
      ...bias.config(),
    }),
    finish: (sums, own, context) => activate(activation, own ? withBias(sums, own) : sums, context),
    bias: (weight, outputs) => (useBias ? weight('bias', [outputs], bias.options) : undefined),
  };
}

/** An even window has no middle to begin a stride from: it is to be said where windows begin. */
function checkCausal(where: string, padding: Padding, [size = 1]: number[], strides?: number[]): void {
  const [stride = 1] = strides ?? [];
  if (padding !== 'causal' || size % 2 === 1 || stride === 1) return;
  const what = `a kernel of even size [${size}] with causal padding and strides [${stride}]`;
  const instead = `padding: [[${size - 1}, 0]] has all of it before the first step`;
  fail('ERR_OPTION', `${where}: ${what} leaves open where windows begin; ${instead}.`);
}

/** The pixels of an image as one axis: the gradient of the bias is a sum of each, and of these. */
function withBias(sums: Tensor, bias: Tensor): Tensor {
  const batch = sums.shape[0] as number;
  const images = reshape(sums, [batch, sums.size / (batch * bias.size), bias.size]);
  return reshape(add(images, bias), sums.shape);
}

function checkCount(what: string, count: unknown): void {
  checkNumber(what, count, {integer: true, min: 1, max: 2 ** 31 - 1});
}

function checkGroups(name: string, sample: Shape, groups: number): void {
  const channels = sample.at(-1) as number;
  if (channels % groups === 0) return;
  const what = `${groups} groups do not divide ${channels} channels of samples [${sample}]`;
  fail('ERR_SHAPE', `${name}: ${what}. groups: 1 joins all channels.`);
}

function convolution(
  kind: string,
  axes: number,
  options: ConvLayerOptions | Conv1dOptions,
  causal = false,
): Layer {
  const where = `layers.${kind}`;
  const common = commonOf(where, axes, options, ['filters', 'groups', ...kernelOptions], causal);
  const {filters, groups = 1, winograd = true} = options;
  checkBoolean(`${where}: winograd`, winograd);
  checkCount(`${where}: filters`, filters);
  checkCount(`${where}: groups`, groups);
  if (filters % groups !== 0) {
    fail('ERR_OPTION', `${where}: filters: ${filters} must be a multiple of the ${groups} groups.`);
  }
  const own = chosenWeight(options, 'kernel', 'glorotUniform', where);
  return makeLayer(
    kind,
    options,
    () => ({
      filters,
      groups: options.groups,
      winograd: options.winograd,
      ...common.config(),
      ...own.config(),
    }),
    (sample, weight, layer) => {
      checkSample(layer.name, sample, axes);
      checkGroups(layer.name, sample, groups);
      const channels = (sample.at(-1) as number) / groups;
      const kernel = weight('kernel', [...common.kernel, channels, filters], own.options);
      const bias = common.bias(weight, filters);
      const windows = {...common.windows, groups, winograd};
      return (x, context) => common.finish(conv(x, kernel, windows), bias, context);
    },
  );
}

function transposed(kind: string, axes: number, options: ConvTransposeLayerOptions): Layer {
  const where = `layers.${kind}`;
  const common = commonOf(where, axes, options, ['filters', 'outputPadding', ...kernelOptions]);
  const {filters, winograd = true} = options;
  checkCount(`${where}: filters`, filters);
  checkBoolean(`${where}: winograd`, winograd);
  const outputPadding = givenSizes(`${where}: outputPadding`, options.outputPadding, axes, 0);
  for (const [axis, extra] of (outputPadding ?? []).entries()) {
    const stride = common.windows.strides?.[axis] ?? 1;
    if (extra < stride) continue;
    fail('ERR_OPTION', `${where}: outputPadding: ${extra} must be less than the stride ${stride}.`);
  }
  const own = chosenWeight(options, 'kernel', 'glorotUniform', where);
  const config = () => ({
    filters,
    outputPadding: plainSizes(options.outputPadding),
    winograd: options.winograd,
    ...common.config(),
    ...own.config(),
  });
  return makeLayer(kind, options, config, (sample, weight, layer) => {
    checkSample(layer.name, sample, axes);
    const channels = sample.at(-1) as number;
    const kernel = weight('kernel', [...common.kernel, filters, channels], own.options);
    const bias = common.bias(weight, filters);
    const windows = {
      ...common.windows,
      winograd,
      padding: common.windows.padding as Exclude<Padding, 'causal'>,
      ...(outputPadding && {outputPadding}),
    };
    return (x, context) => common.finish(convTranspose(x, kernel, windows), bias, context);
  });
}

const depthwiseOptions = ['depthMultiplier', ...weightOptions('depthwise')];

/** How many outputs each channel has, and how the kernels start. */
function depthwiseOf(where: string, options: DepthwiseKernelOptions): ChosenWeight & {multiplier: number} {
  const {depthMultiplier = 1} = options;
  checkCount(`${where}: depthMultiplier`, depthMultiplier);
  const chosen = chosenWeight(options, 'depthwise', 'glorotUniform', where);
  return {
    multiplier: depthMultiplier,
    options: chosen.options,
    config: () => ({depthMultiplier: options.depthMultiplier, ...chosen.config()}),
  };
}

function depthwise(kind: string, axes: number, options: DepthwiseConvLayerOptions): Layer {
  const where = `layers.${kind}`;
  const common = commonOf(where, axes, options, depthwiseOptions);
  const own = depthwiseOf(where, options);
  const config = () => ({...common.config(), ...own.config()});
  return makeLayer(kind, options, config, (sample, weight, layer) => {
    checkSample(layer.name, sample, axes);
    const channels = sample.at(-1) as number;
    const kernel = weight('kernel', [...common.kernel, channels, own.multiplier], own.options);
    const bias = common.bias(weight, channels * own.multiplier);
    return (x, context) => common.finish(depthwiseConv(x, kernel, common.windows), bias, context);
  });
}

function separable(
  kind: string,
  axes: number,
  options: SeparableConvOptions | SeparableConv1dOptions,
  causal = false,
): Layer {
  const where = `layers.${kind}`;
  const known = ['filters', ...depthwiseOptions, ...weightOptions('pointwise')];
  const common = commonOf(where, axes, options, known, causal);
  const {filters} = options;
  checkCount(`${where}: filters`, filters);
  const own = depthwiseOf(where, options);
  const point = chosenWeight(options, 'pointwise', 'glorotUniform', where);
  const config = () => ({filters, ...common.config(), ...own.config(), ...point.config()});
  return makeLayer(kind, options, config, (sample, weight, layer) => {
    checkSample(layer.name, sample, axes);
    const channels = sample.at(-1) as number;
    const each = weight('depthwiseKernel', [...common.kernel, channels, own.multiplier], own.options);
    const ones = common.kernel.map(() => 1);
    const all = weight('pointwiseKernel', [...ones, channels * own.multiplier, filters], point.options);
    const bias = common.bias(weight, filters);
    return (x, context) => common.finish(conv(depthwiseConv(x, each, common.windows), all), bias, context);
  });
}

/** Convolution of `[batch, steps, channels]`: kernel [size, channels / groups, filters], bias [filters]. */
export const conv1d = (options: Conv1dOptions): Layer => convolution('conv1d', 1, options, true);
/** Of `[batch, height, width, channels]` (LeCun et al. 1989). */
export const conv2d = (options: ConvLayerOptions): Layer => convolution('conv2d', 2, options);
/** Of `[batch, depth, height, width, channels]`. */
export const conv3d = (options: ConvLayerOptions): Layer => convolution('conv3d', 3, options);

/** What `conv1d` does, backwards: kernel [size, filters, channels]. */
export const conv1dTranspose = (options: ConvTransposeLayerOptions): Layer =>
  transposed('conv1dTranspose', 1, options);
/** What `conv2d` does, backwards: each pixel is spread over a window (Zeiler et al. 2010). */
export const conv2dTranspose = (options: ConvTransposeLayerOptions): Layer =>
  transposed('conv2dTranspose', 2, options);
/** What `conv3d` does, backwards. */
export const conv3dTranspose = (options: ConvTransposeLayerOptions): Layer =>
  transposed('conv3dTranspose', 3, options);

/** Each channel of `[batch, steps, channels]` with kernels of its own: [size, channels, depthMultiplier]. */
export const depthwiseConv1d = (options: DepthwiseConvLayerOptions): Layer =>
  depthwise('depthwiseConv1d', 1, options);
/** The same of `[batch, height, width, channels]`. */
export const depthwiseConv2d = (options: DepthwiseConvLayerOptions): Layer =>
  depthwise('depthwiseConv2d', 2, options);

/** `depthwiseConv1d`, then a convolution of windows of one position (Chollet 2017). */
export const separableConv1d = (options: SeparableConv1dOptions): Layer =>
  separable('separableConv1d', 1, options, true);
/** `depthwiseConv2d`, then a convolution of windows of one pixel (Chollet 2017). */
export const separableConv2d = (options: SeparableConvOptions): Layer =>
  separable('separableConv2d', 2, options);
