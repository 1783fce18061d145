// Recurrent layers: a cell over the steps of a sequence, as in Keras. What the inputs add to the gates is one
// product for all steps; the loop has only what depends on the state.
import {checkBoolean, checkNumber, fail, requireOptions} from '../../core/errors.ts';
import {at, zip} from '../../core/lists.ts';
import {named} from '../../core/named.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import {failIn, type RandomSource, type Tensor} from '../../core/tensor.ts';
import {dropout} from '../../ops/composite.ts';
import {matmul} from '../../ops/gemm.ts';
import {concatenate} from '../../ops/join.ts';
import {add, mul, ones, select, zeros} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
import {reverse} from '../../ops/pad.ts';
import {scan} from '../../ops/scan.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import type {Initializer} from '../initializers.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import type {Masks} from '../masking.ts';
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
  biasRow,
  type Cell,
  type CellOptions,
  type CellWeights,
  gatesOf,
  gruCell,
  lstmCell,
  simpleCell,
} from './recurrent-cells.ts';
import {chosenWeight, weightOptions} from './spatial-options.ts';

export interface SimpleRnnOptions extends LayerOptions {
  /** Size of the state, and of the output's last axis. */
  readonly units: number;
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
  /** Give the outputs of all steps, [batch, steps, units], instead of the last, [batch, units]. */
  readonly returnSequences?: boolean;
  /** Give the last states as further outputs. */
  readonly returnState?: boolean;
  /** From the last step to the first; sequences come in that order, too. */
  readonly goBackwards?: boolean;
}

export interface LstmOptions extends SimpleRnnOptions {
  /** `sigmoid` by default. */
  readonly recurrentActivation?: ActivationLike;
  /** Begin with 1 in the bias of the forget gate (Jozefowicz et al. 2015). True by default. */
  readonly unitForgetBias?: boolean;
}

export interface GruOptions extends SimpleRnnOptions {
  /** `sigmoid` by default. */
  readonly recurrentActivation?: ActivationLike;
  /** Apply the reset gate behind the recurrent product, as cuDNN does. True by default. */
  readonly resetAfter?: boolean;
}

type AllOptions = LstmOptions & GruOptions;

const known = [
  ...layerOptions,
  'units',
  'activation',
  'useBias',
  ...['kernel', 'recurrent', 'bias'].flatMap(weightOptions),
  'dropout',
  'recurrentDropout',
  'returnSequences',
  'returnState',
  'goBackwards',
];

interface Kind {
  readonly name: string;
  readonly more: readonly string[];
  cell(options: CellOptions): Cell;
}

function checkRecurrent(where: string, options: AllOptions, more: readonly string[]): void {
  if ((options as {stateful?: unknown} | undefined)?.stateful === true) {
    fail('ERR_OPTION', `${where}: stateful: not supported. Return the state and give it as initial state.`);
  }
  requireOptions(where, options, [...known, ...more]);
  checkNumber(`${where}: units`, options.units, {integer: true, min: 1, max: 2 ** 24});
  for (const name of ['dropout', 'recurrentDropout'] as const)
    if (options[name] !== undefined) checkNumber(`${where}: ${name}`, options[name], {min: 0, below: 1});
  const flags = ['useBias', 'returnSequences', 'returnState', 'goBackwards', ...more] as const;
  for (const name of flags) {
    const value = options[name as keyof AllOptions];
    if (name !== 'recurrentActivation' && value !== undefined) checkBoolean(`${where}: ${name}`, value);
  }
}

/** Ones in the forget gate, the second of four, and elsewhere what the initializer gives. */
function withForgetBias(initializer: Initializer, units: number): Initializer {
  return named('unitForgetBias', {}, (_: Shape, source: RandomSource) =>
    concatenate([initializer([units], source), ones([units]), initializer([2 * units], source)], 0),
  );
}

/** What an input of the layer, or its state, is in all steps when training drops a part of it. */
function keepOf(rate: number, shape: Shape, {training, random}: CallContext): Tensor | undefined {
  return training && rate > 0 ? dropout(ones(shape), rate, random()) : undefined;
}

class Recurrent extends MadeLayer {
  readonly #options: AllOptions;
  readonly #cell: Cell;

  constructor(kind: Kind, options: AllOptions) {
    const where = `layers.${kind.name}`;
    checkRecurrent(where, options, kind.more);
    const [activation, recurrentActivation] = [
      toActivation(options.activation ?? 'tanh'),
      toActivation(options.recurrentActivation ?? 'sigmoid'),
    ];
    const chosen = [
      chosenWeight(options, 'kernel', 'glorotUniform'),
      chosenWeight(options, 'recurrent', 'orthogonal'),
      chosenWeight(options, 'bias', 'zeros'),
    ];
    const {units, useBias, returnSequences, returnState, goBackwards} = options;
    const {dropout: rate, recurrentDropout, unitForgetBias, resetAfter} = options;
    super(
      kind.name,
      options,
      () => ({
        units,
        activation: describeOption('activation', options.activation && activation),
        recurrentActivation: describeOption('activation', options.recurrentActivation && recurrentActivation),
        useBias,
        ...Object.assign({}, ...chosen.map(weight => weight.config())),
        dropout: rate,
        recurrentDropout,
        returnSequences,
        returnState,
        goBackwards,
        unitForgetBias,
        resetAfter,
      }),
      (_, masks): Masks => [returnSequences ? masks[0] : undefined],
    );
    this.#options = options;
    this.#cell = kind.cell({units, activation, recurrentActivation, resetAfter: resetAfter ?? true});
    Object.freeze(this);
  }

  override buildAll([sequence, ...states]: readonly Shape[], weight: MakeWeight): ForwardAll {
    const {units} = this.#options;
    if (sequence?.length !== 2) {
      const received = sequence ? formatShape(sequence) : 'nothing';
      fail('ERR_SHAPE', `${this.name}: expected samples [steps, features]. Received ${received}.`);
    }
    if (states.length > 0 && states.length !== this.#cell.states) {
      const wanted = `${this.#cell.states} initial states, or none`;
      fail('ERR_SHAPE', `${this.name}: expected ${wanted}. Received ${states.length}.`);
    }
    const other = states.find(shape => !sameShape(shape, [units]));
    if (other) {
      fail('ERR_SHAPE', `${this.name}: expected states [${units}]. Received ${formatShape(other)}.`);
    }
    const weights = this.#weights(sequence[1] as number, weight);
    return (inputs, context) => this.#forward(weights, inputs, context);
  }

  #weights(features: number, weight: MakeWeight): CellWeights {
    const options = this.#options;
    const {units, useBias = true, unitForgetBias = true} = options;
    const {gates, biases} = this.#cell;
    const of = (prefix: string, initial: InitializerLike) => chosenWeight(options, prefix, initial).options;
    const kernel = weight('kernel', [features, gates * units], of('kernel', 'glorotUniform'));
    const recurrentKernel = weight('recurrentKernel', [units, gates * units], of('recurrent', 'orthogonal'));
    if (!useBias) return {kernel, recurrentKernel, bias: undefined};
    const biasOptions = of('bias', 'zeros');
    const initializer =
      this.#cell.states === 2 && unitForgetBias
        ? withForgetBias(toInitializer(biasOptions.initializer), units)
        : biasOptions.initializer;
    const shape = biases === 1 ? [gates * units] : [biases, gates * units];
    return {kernel, recurrentKernel, bias: weight('bias', shape, {...biasOptions, initializer})};
  }

  /** What the inputs add to each group of gates in all steps, [steps, batch, gates · units]. */
  #gates({kernel, bias}: CellWeights, x: Tensor, context: CallContext): readonly Tensor[] {
    const {units, dropout: rate = 0} = this.#options;
    const [batch, steps, features] = x.shape as [number, number, number];
    const keep = keepOf(rate, [batch, features], context);
    const whole = transpose(x, [1, 0, 2]);
    const given = keep ? mul(whole, keep) : whole;
    const rows = reshape(given, [steps * batch, features]);
    const own = bias && biasRow(bias, 0);
    const {groups} = this.#cell;
    return groups.map((count, index) => {
      const first = groups.slice(0, index).reduce((sum, before) => sum + before, 0);
      const product = matmul(rows, gatesOf(kernel, first, count, units));
      const sum = own ? add(product, gatesOf(own, first, count, units)) : product;
      return reshape(sum, [steps, batch, count * units]);
    });
  }

  #forward(weights: CellWeights, inputs: readonly Tensor[], context: CallContext): readonly Tensor[] {
    const {units, returnSequences, returnState, goBackwards = false, recurrentDropout = 0} = this.#options;
    const [x, ...initial] = inputs;
    const {shape} = x as Tensor;
    const batch = shape[0] as number;
    if (shape.length !== 3)
      failIn(this.kind, 'ERR_SHAPE', `expected [batch, steps, features]. Received ${x}`);
    const gates = this.#gates(weights, x as Tensor, context);
    const keep = keepOf(recurrentDropout, [batch, units], context);
    const step = this.#cell.step(weights, h => (keep ? mul(h, keep) : h));
    const mask = context.mask && transpose(context.mask, [1, 0]);
    const before = Array.from(
      {length: this.#cell.states},
      (_, index) => initial[index] ?? zeros([batch, units]),
    );
    // Before the first step that counts, the output is zero, whatever the state is.
    const isApart = mask !== undefined && initial.length > 0;
    const {carries, outputs} = scan(
      (carried: readonly Tensor[], slices: readonly Tensor[]) => {
        const states = carried.slice(0, before.length);
        const next = step(slices.slice(0, gates.length), states);
        if (!mask) return {carries: next, outputs: returnSequences ? [at(next, 0)] : []};
        const counts = reshape(at(slices, gates.length), [batch, 1]);
        const kept = zip(next, states).map(([now, old]) => select(counts, now, old));
        const output = isApart ? select(counts, at(next, 0), at(carried, before.length)) : at(kept, 0);
        return {
          carries: isApart ? [...kept, output] : kept,
          outputs: returnSequences ? [output] : [],
        };
      },
      {
        carries: isApart ? [...before, zeros([batch, units])] : before,
        sequences: mask ? [...gates, mask] : gates,
        reverse: goBackwards,
      },
    );
    const last = at(carries, isApart ? before.length : 0);
    const output = returnSequences ? this.#sequence(at(outputs, 0), goBackwards) : last;
    return returnState ? [output, ...carries.slice(0, before.length)] : [output];
  }

  /** [steps, batch, units] as [batch, steps, units], in the order in which the steps were made. */
  #sequence(all: Tensor, goBackwards: boolean): Tensor {
    return transpose(goBackwards ? reverse(all, 0) : all, [1, 0, 2]);
  }
}

const simple: Kind = {name: 'simpleRNN', more: [], cell: simpleCell};
const lstmKind: Kind = {name: 'lstm', more: ['recurrentActivation', 'unitForgetBias'], cell: lstmCell};
const gruKind: Kind = {name: 'gru', more: ['recurrentActivation', 'resetAfter'], cell: gruCell};

/**
 * A fully connected recurrent layer over [batch, steps, features]: h ← activation(x·kernel +
 * h·recurrentKernel + bias), with kernel [features, units], recurrentKernel [units, units], bias [units]
 * (Elman 1990). A mask of the steps stops state and output. `apply([x, h])` begins with a state, [batch,
 * units].
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples that are not [steps, features].
 */
export function simpleRNN(options: SimpleRnnOptions): Layer {
  return new Recurrent(simple, options);
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997): kernel [features, 4·units], recurrentKernel
 * [units, 4·units], bias [4·units], gates in the order input, forget, cell, output. States are h and c:
 * `apply([x, h, c])` begins with them. Masks as in `simpleRNN`.
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples that are not [steps, features].
 */
export function lstm(options: LstmOptions): Layer {
  return new Recurrent(lstmKind, options);
}

/**
 * Gated recurrent unit (Cho et al. 2014): kernel [features, 3·units], recurrentKernel [units, 3·units],
 * gates in the order update, reset, candidate; bias [2, 3·units] with `resetAfter`, for inputs and states,
 * [3·units] without. Masks and states as in `simpleRNN`.
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples that are not [steps, features].
 */
export function gru(options: GruOptions): Layer {
  return new Recurrent(gruKind, options);
}
