// Options of recurrent layers and of their cells, checked; and the weights that follow from them.
import {checkBoolean, checkNumber, requireOptions} from '../../core/errors.ts';
import {type Json, named} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {RandomSource, Tensor} from '../../core/tensor.ts';
import {dropout} from '../../ops/composite.ts';
import {concatenate} from '../../ops/join.ts';
import {ones} from '../../ops/map.ts';
import type {Activation} from '../activations.ts';
import type {CallContext, MakeWeight} from '../call-context.ts';
import type {Initializer} from '../initializers.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {
  type ActivationLike,
  type ConstraintLike,
  describeOption,
  type InitializerLike,
  type RegularizerLike,
  toActivation,
  toInitializer,
} from '../resolve.ts';
import {
  type Cell,
  type CellOptions,
  type CellWeights,
  gruCell,
  lstmCell,
  simpleCell,
} from './recurrent-cells.ts';
import {chosenWeight, weightOptions} from './spatial-options.ts';

/** Of whatever has gates, over vectors or over images. */
export interface GateOptions extends LayerOptions {
  /** `tanh` by default. */
  readonly activation?: ActivationLike;
  /** True by default. */
  readonly useBias?: boolean;
  /** `glorotUniform` by default. */
  readonly kernelInitializer?: InitializerLike;
  /** `orthogonal` by default. */
  readonly recurrentInitializer?: InitializerLike;
  /** `zeros` by default. */
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike;
  readonly recurrentRegularizer?: RegularizerLike;
  readonly biasRegularizer?: RegularizerLike;
  readonly kernelConstraint?: ConstraintLike;
  readonly recurrentConstraint?: ConstraintLike;
  readonly biasConstraint?: ConstraintLike;
  /** Fraction of the inputs that training drops, the same in all steps. 0 by default. */
  readonly dropout?: number;
  /** Fraction of the state that training drops, the same in all steps. 0 by default. */
  readonly recurrentDropout?: number;
}

export interface LstmGateOptions extends GateOptions {
  /** `sigmoid` by default. */
  readonly recurrentActivation?: ActivationLike;
  /** Begin with 1 in the bias of the forget gate (Jozefowicz et al. 2015). True by default. */
  readonly unitForgetBias?: boolean;
}

export interface SimpleRnnCellOptions extends GateOptions {
  /** Size of the state, and of the output's last axis. */
  readonly units: number;
}

/** What a layer over the steps of a sequence gives, and in which order it reads. */
export interface SequenceOptions {
  /** Give the outputs of all steps, [batch, steps, units], instead of the last, [batch, units]. */
  readonly returnSequences?: boolean;
  /** Give the last states as further outputs. */
  readonly returnState?: boolean;
  /** From the last step to the first; sequences come in that order, too. */
  readonly goBackwards?: boolean;
  /**
   * Begin each batch with the states in which the batch before ended, row by row; `resetStates` begins anew.
   * The model needs a fixed batch size. False by default.
   */
  readonly stateful?: boolean;
  /**
   * Give zeros for steps that a mask hides, instead of the output of the step before. False by default, and
   * true within `bidirectional` where it gives all steps.
   */
  readonly zeroOutputForMask?: boolean;
}

export interface LstmCellOptions extends SimpleRnnCellOptions, LstmGateOptions {}

export interface GruCellOptions extends SimpleRnnCellOptions {
  /** `sigmoid` by default. */
  readonly recurrentActivation?: ActivationLike;
  /** Apply the reset gate behind the recurrent product, as cuDNN does. True by default. */
  readonly resetAfter?: boolean;
}

export interface SimpleRnnOptions extends SimpleRnnCellOptions, SequenceOptions {}
export interface LstmOptions extends LstmCellOptions, SequenceOptions {}
export interface GruOptions extends GruCellOptions, SequenceOptions {}

export type AllOptions = LstmOptions & GruOptions;

type AllGates = LstmGateOptions & Pick<GruCellOptions, 'resetAfter'>;

/** Names of the options of any gates. */
export const gateOptions = [
  'activation',
  'useBias',
  ...['kernel', 'recurrent', 'bias'].flatMap(weightOptions),
  'dropout',
  'recurrentDropout',
];

/** Options of any layer over the steps of a sequence. */
export const sequenceOptions = [
  'returnSequences',
  'returnState',
  'goBackwards',
  'stateful',
  'zeroOutputForMask',
] as const;

/** What a file says of them. */
export const sequenceConfig = (options: SequenceOptions): Record<string, Json | undefined> =>
  Object.fromEntries(sequenceOptions.map(name => [name, options[name]]));

export interface Kind {
  readonly name: string;
  readonly more: readonly string[];
  cell(options: CellOptions): Cell;
}

/** Refuses what is no option of such a cell; `around` are those of a layer over its steps. */
export function checkCell(
  where: string,
  options: AllOptions,
  more: readonly string[],
  around: readonly string[] = [],
): void {
  requireOptions(where, options, [...layerOptions, 'units', ...gateOptions, ...more, ...around]);
  checkNumber(`${where}: units`, options.units, {integer: true, min: 1, max: 2 ** 24});
  checkGates(where, options, [...around, ...more]);
}

/** `flags` are what else is true or false, among which may be `recurrentActivation`. */
export function checkGates(where: string, options: GateOptions, flags: readonly string[]): void {
  for (const name of ['dropout', 'recurrentDropout'] as const)
    if (options[name] !== undefined) checkNumber(`${where}: ${name}`, options[name], {min: 0, below: 1});
  for (const name of ['useBias', ...flags]) {
    const value = options[name as keyof GateOptions];
    if (name !== 'recurrentActivation' && value !== undefined) checkBoolean(`${where}: ${name}`, value);
  }
}

interface Gates {
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  config(): Record<string, Json | undefined>;
}

/** The activations of gates, and what a file says of their options. */
export function gatesOf(where: string, options: AllGates): Gates {
  const activation = toActivation(options.activation ?? 'tanh', `${where}: activation`);
  const ofGates = options.recurrentActivation ?? 'sigmoid';
  const recurrentActivation = toActivation(ofGates, `${where}: recurrentActivation`);
  const chosen = [
    chosenWeight(options, 'kernel', 'glorotUniform', where),
    chosenWeight(options, 'recurrent', 'orthogonal', where),
    chosenWeight(options, 'bias', 'zeros', where),
  ];
  const {useBias, dropout: rate, recurrentDropout, unitForgetBias, resetAfter} = options;
  return {
    activation,
    recurrentActivation,
    config: () => ({
      activation: describeOption('activation', options.activation && activation),
      recurrentActivation: describeOption('activation', options.recurrentActivation && recurrentActivation),
      useBias,
      ...Object.assign({}, ...chosen.map(weight => weight.config())),
      dropout: rate,
      recurrentDropout,
      unitForgetBias,
      resetAfter,
    }),
  };
}

/** The cell of these options, and what a file says of them. */
export function cellOf(
  where: string,
  kind: Kind,
  options: AllOptions,
): {cell: Cell; config(): Record<string, Json | undefined>} {
  const {units, resetAfter = true} = options;
  const {activation, recurrentActivation, config} = gatesOf(where, options);
  return {
    cell: kind.cell({units, activation, recurrentActivation, resetAfter}),
    config: () => ({units, ...config()}),
  };
}

/** Ones in the forget gate, the second of four, and elsewhere what the initializer gives. */
function withForgetBias(initializer: Initializer, units: number): Initializer {
  return named('unitForgetBias', {}, (_: Shape, source: RandomSource) =>
    concatenate([initializer([units], source), ones([units]), initializer([2 * units], source)], 0),
  );
}

/** Weights of gates of these shapes; `forgets` is the size of a forget gate whose bias may begin with 1. */
export function gateWeights(
  options: AllGates,
  shapes: {readonly kernel: Shape; readonly recurrentKernel: Shape; readonly bias: Shape},
  forgets: number | undefined,
  weight: MakeWeight,
): CellWeights {
  const {useBias = true, unitForgetBias = true} = options;
  const of = (prefix: string, initial: InitializerLike) => chosenWeight(options, prefix, initial).options;
  const kernel = weight('kernel', shapes.kernel, of('kernel', 'glorotUniform'));
  const recurrentKernel = weight('recurrentKernel', shapes.recurrentKernel, of('recurrent', 'orthogonal'));
  if (!useBias) return {kernel, recurrentKernel, bias: undefined};
  const ofBias = of('bias', 'zeros');
  const initializer =
    forgets !== undefined && unitForgetBias
      ? withForgetBias(toInitializer(ofBias.initializer), forgets)
      : ofBias.initializer;
  return {kernel, recurrentKernel, bias: weight('bias', shapes.bias, {...ofBias, initializer})};
}

/** Weights of a cell for so many features. */
export function cellWeights(
  {gates, biases, states}: Cell,
  options: AllOptions,
  features: number,
  weight: MakeWeight,
): CellWeights {
  const {units} = options;
  const width = gates * units;
  const shapes = {
    kernel: [features, width],
    recurrentKernel: [units, width],
    bias: biases === 1 ? [width] : [biases, width],
  };
  return gateWeights(options, shapes, states === 2 ? units : undefined, weight);
}

/** What an input of the layer, or its state, is in all steps when training drops a part of it. */
export function keepOf(rate: number, shape: Shape, {training, random}: CallContext): Tensor | undefined {
  return training && rate > 0 ? dropout(ones(shape), rate, random()) : undefined;
}

export const simpleKind: Kind = {name: 'simpleRNN', more: [], cell: simpleCell};
export const lstmKind: Kind = {name: 'lstm', more: ['recurrentActivation', 'unitForgetBias'], cell: lstmCell};
export const gruKind: Kind = {name: 'gru', more: ['recurrentActivation', 'resetAfter'], cell: gruCell};
