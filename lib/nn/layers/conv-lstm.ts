// Recurrent layers over lines, images and volumes, whose products are convolutions. Those of the inputs are
// one for all steps.
import {checkChoice, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {conv} from '../../ops/conv.ts';
import {add, mul, zeros} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import * as cells from '../../ops/recurrent.ts';
import type {PerAxis} from '../../ops/spatial.ts';
import type {Activation} from '../activations.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import {type Masks, stepMask} from '../masking.ts';
import {type Kept, keptStates} from './kept-states.ts';
import type {CellWeights} from './recurrent-cells.ts';
import {
  checkGates,
  gateOptions,
  gatesOf,
  gateWeights,
  keepOf,
  type LstmGateOptions,
  type SequenceOptions,
  sequenceConfig,
  sequenceOptions,
} from './recurrent-options.ts';
import {
  axisNames,
  checkDataFormat,
  type DataFormat,
  givenSizes,
  plainSizes,
  sizesOf,
} from './spatial-options.ts';
import {overSteps, stepsFirst} from './steps.ts';

export interface ConvLstmOptions extends LstmGateOptions, SequenceOptions {
  /** Channels of the state, and of the output. */
  readonly filters: number;
  /** Of the windows over the image and over the state: one number, or one for each axis. */
  readonly kernelSize: PerAxis;
  /** How far windows over the image lie apart. 1 by default. */
  readonly strides?: PerAxis;
  /** Of the image: `valid` (the default) or `same`. Over the state windows are always `same`. */
  readonly padding?: 'valid' | 'same';
  /** Only `channelsLast`. */
  readonly dataFormat?: DataFormat;
  /** How far the numbers of a window over the image lie apart. 1 by default; not together with strides. */
  readonly dilationRate?: PerAxis;
}

const flags = ['unitForgetBias', ...sequenceOptions];
const known = [
  ...layerOptions,
  ...['filters', 'kernelSize', 'strides', 'padding', 'dataFormat', 'dilationRate'],
  ...gateOptions,
  'recurrentActivation',
  ...flags,
];

function checkConvLstm(where: string, options: ConvLstmOptions, axes: number): void {
  requireOptions(where, options, known);
  checkNumber(`${where}: filters`, options.filters, {integer: true, min: 1, max: 2 ** 24});
  checkDataFormat(`${where}: dataFormat`, options.dataFormat, axes, 1);
  if (options.padding !== undefined) checkChoice(`${where}: padding`, options.padding, ['valid', 'same']);
  checkGates(where, options, flags);
}

interface Windows {
  readonly strides?: number[];
  readonly dilationRate?: number[];
  readonly padding: 'valid' | 'same';
}

function windowsOf(where: string, options: ConvLstmOptions, axes: number): Windows {
  const strides = givenSizes(`${where}: strides`, options.strides, axes);
  const dilationRate = givenSizes(`${where}: dilationRate`, options.dilationRate, axes);
  if (strides?.some(size => size > 1) && dilationRate?.some(size => size > 1)) {
    const both = `strides [${strides}] and dilationRate [${dilationRate}]`;
    fail('ERR_OPTION', `${where}: ${both} cannot both be above 1, as in Keras.`);
  }
  const {padding = 'valid'} = options;
  return {...(strides && {strides}), ...(dilationRate && {dilationRate}), padding};
}

/** h and c, images […sizes, filters], by the sums of all gates, which have their order from `lstm`. */
type Gates = (sums: Tensor, c: Tensor) => readonly [h: Tensor, c: Tensor];

function stepOf(filters: number, activation: Activation, sigma: Activation): Gates {
  return (sums, c) => {
    if (activation.kind === 'tanh' && sigma.kind === 'sigmoid') {
      const pixels = c.size / filters;
      const next = cells.lstmCell(reshape(sums, [pixels, 4 * filters]), reshape(c, [pixels, filters]));
      return [reshape(next.h, c.shape), reshape(next.c, c.shape)];
    }
    const gate = (index: number): Tensor => slice(sums, sums.rank - 1, index * filters, filters);
    const next = add(mul(sigma(gate(1)), c), mul(sigma(gate(0)), activation(gate(2))));
    return [mul(sigma(gate(3)), activation(next)), next];
  };
}

class ConvLstm extends MadeLayer {
  readonly #options: ConvLstmOptions;
  readonly #kernel: readonly number[];
  readonly #windows: Windows;
  readonly #gates: Gates;

  constructor(axes: 1 | 2 | 3, options: ConvLstmOptions) {
    const kind = `convLstm${axes}d`;
    const where = `layers.${kind}`;
    checkConvLstm(where, options, axes);
    const {activation, recurrentActivation, config} = gatesOf(where, options);
    const {filters, padding, dataFormat} = options;
    const sequence = sequenceConfig(options);
    super(
      kind,
      options,
      () => ({
        ...{filters, padding, dataFormat},
        kernelSize: plainSizes(options.kernelSize),
        strides: plainSizes(options.strides),
        dilationRate: plainSizes(options.dilationRate),
        ...config(),
        ...sequence,
      }),
      (_, masks): Masks => [sequence.returnSequences ? masks[0] : undefined],
    );
    this.#options = options;
    this.#kernel = sizesOf(`${where}: kernelSize`, options.kernelSize, axes);
    this.#windows = windowsOf(where, options, axes);
    this.#gates = stepOf(filters, activation, recurrentActivation);
    Object.freeze(this);
  }

  override buildAll([sequence, ...given]: readonly Shape[], weight: MakeWeight): ForwardAll {
    const {name} = this;
    const axes = this.#kernel.length;
    if (sequence?.length !== axes + 2) {
      const received = sequence ? formatShape(sequence) : 'nothing';
      const sizes = ['steps', ...(axisNames[axes - 1] as string[]), 'channels'].join(', ');
      return fail('ERR_SHAPE', `${name}: expected samples [${sizes}]. Received ${received}.`);
    }
    const image = sequence.slice(1);
    const weights = this.#weightsFor(at(image, axes), weight);
    const state = conv(zeros([1, ...image]), weights.kernel, this.#windows).shape.slice(1, -1);
    const shape = [...state, this.#options.filters];
    if (given.length > 0 && !(given.length === 2 && given.every(own => sameShape(own, shape)))) {
      const wanted = `states ${formatShape(shape)} and ${formatShape(shape)}, or none`;
      fail('ERR_SHAPE', `${name}: expected ${wanted}. Received ${given.map(formatShape).join(' and ')}.`);
    }
    const kept = keptStates(name, this.#options.stateful, [shape, shape], weight);
    return (inputs, context) => this.#forward(weights, shape, kept, inputs, context);
  }

  #weightsFor(channels: number, weight: MakeWeight): CellWeights {
    const {filters} = this.#options;
    const shapes = {
      kernel: [...this.#kernel, channels, 4 * filters],
      recurrentKernel: [...this.#kernel, filters, 4 * filters],
      bias: [4 * filters],
    };
    return gateWeights(this.#options, shapes, filters, weight);
  }

  /** What the images add to the gates in all steps, [steps, batch, …state, 4 · filters]. */
  #inputs({kernel, bias}: CellWeights, x: Tensor, context: CallContext): Tensor {
    const [batch, steps, ...image] = x.shape as [number, number, ...number[]];
    const keep = keepOf(this.#options.dropout ?? 0, [batch, ...image], context);
    const all = stepsFirst(x);
    const images = reshape(keep ? mul(all, keep) : all, [steps * batch, ...image]);
    const sums = conv(images, kernel, this.#windows);
    return reshape(bias ? add(sums, bias) : sums, [steps, batch, ...sums.shape.slice(1)]);
  }

  #forward(
    weights: CellWeights,
    state: Shape,
    kept: Kept,
    [x, ...given]: readonly Tensor[],
    context: CallContext,
  ): readonly Tensor[] {
    const {returnSequences = false, returnState = false, goBackwards = false} = this.#options;
    const input = x as Tensor;
    const shape = [input.shape[0] as number, ...state];
    const {before: states, keep: keepStates} = kept(input, given, context);
    const keep = keepOf(this.#options.recurrentDropout ?? 0, shape, context);
    const [output, ...ends] = overSteps(
      ([sums], [h, c]) => {
        const before = keep ? mul(h as Tensor, keep) : (h as Tensor);
        const added = conv(before, weights.recurrentKernel, {padding: 'same'});
        const next = this.#gates(add(sums as Tensor, added), c as Tensor);
        return [next[0], ...next];
      },
      {
        sequences: [this.#inputs(weights, input, context)],
        stepsLead: true,
        states,
        mask: stepMask(this.kind, context.mask, input),
        zeroOutputForMask: this.#options.zeroOutputForMask ?? context.zeroOutputForMask,
        returnSequences,
        goBackwards,
        // What is given out is h.
        last: context.stream && at(states, 0),
        like: at(states, 0),
      },
    );
    keepStates(ends);
    return returnState ? [output, ...ends] : [output];
  }
}

/**
 * A convolutional LSTM over images [batch, steps, height, width, channels] (Shi et al. 2015): the gates of
 * `lstm`, with convolutions in place of its products: kernel [kernelHeight, kernelWidth, channels,
 * 4·filters], recurrentKernel [kernelHeight, kernelWidth, filters, 4·filters], bias [4·filters]. Gives the
 * last state h, [batch, newHeight, newWidth, filters], or with `returnSequences` those of all steps. States
 * are h and c: `apply([x, h, c])` begins with them. Masks of the steps as in `lstm`.
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples that are no images in steps.
 */
export function convLstm2d(options: ConvLstmOptions): Layer {
  return new ConvLstm(2, options);
}

/** The same over lines: samples [steps, length, channels], kernel [kernelSize, channels, 4·filters]. */
export function convLstm1d(options: ConvLstmOptions): Layer {
  return new ConvLstm(1, options);
}

/** The same over volumes: samples [steps, depth, height, width, channels]. */
export function convLstm3d(options: ConvLstmOptions): Layer {
  return new ConvLstm(3, options);
}
