// Recurrent layers: a cell over the steps of a sequence, as in Keras. What the inputs add to the gates is one
// product for all steps; the loop has only what depends on the state.
import {fail} from '../../core/errors.ts';
import {at, zip} from '../../core/lists.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import {failIn, type Tensor} from '../../core/tensor.ts';
import {mul, select, zeros} from '../../ops/map.ts';
import {reshape, transpose} from '../../ops/move.ts';
import {reverse} from '../../ops/pad.ts';
import {scan} from '../../ops/scan.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import type {Layer} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import {type Masks, stepMask} from '../masking.ts';
import {type Kept, keptStates} from './kept-states.ts';
import {type Cell, type CellWeights, inputSums} from './recurrent-cells.ts';
import {
  type AllOptions,
  cellOf,
  cellWeights,
  checkCell,
  type GruOptions,
  gruKind,
  type Kind,
  keepOf,
  type LstmOptions,
  lstmKind,
  type SimpleRnnOptions,
  sequenceConfig,
  sequenceOptions,
  simpleKind,
} from './recurrent-options.ts';

class Recurrent extends MadeLayer {
  readonly #options: AllOptions;
  readonly #cell: Cell;

  constructor(kind: Kind, options: AllOptions) {
    const where = `layers.${kind.name}`;
    checkCell(where, options, kind.more, sequenceOptions);
    const {cell, config} = cellOf(where, kind, options);
    const sequence = sequenceConfig(options);
    super(
      kind.name,
      options,
      () => ({...config(), ...sequence}),
      (_, masks): Masks => [sequence.returnSequences ? masks[0] : undefined],
    );
    this.#options = options;
    this.#cell = cell;
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
    const weights = cellWeights(this.#cell, this.#options, sequence[1] as number, weight);
    const shapes = Array.from({length: this.#cell.states}, () => [units]);
    const kept = keptStates(this.name, this.#options.stateful, shapes, weight);
    return (inputs, context) => this.#forward(weights, kept, inputs, context);
  }

  /** What the inputs add to each group of gates in all steps, [steps, batch, gates · units]. */
  #gates(weights: CellWeights, x: Tensor, context: CallContext): readonly Tensor[] {
    const {units, dropout: rate = 0} = this.#options;
    const [batch, steps, features] = x.shape as [number, number, number];
    const keep = keepOf(rate, [batch, features], context);
    const whole = transpose(x, [1, 0, 2]);
    const given = keep ? mul(whole, keep) : whole;
    const rows = reshape(given, [steps * batch, features]);
    return inputSums(this.#cell, weights, rows, units).map(sum =>
      reshape(sum, [steps, batch, at(sum.shape, 1)]),
    );
  }

  #forward(
    weights: CellWeights,
    kept: Kept,
    inputs: readonly Tensor[],
    context: CallContext,
  ): readonly Tensor[] {
    const {units, returnSequences, returnState, goBackwards = false, recurrentDropout = 0} = this.#options;
    const {zeroOutputForMask: isZero = context.zeroOutputForMask ?? false} = this.#options;
    const [x, ...given] = inputs;
    const {shape} = x as Tensor;
    const batch = shape[0] as number;
    if (shape.length !== 3)
      failIn(this.kind, 'ERR_SHAPE', `expected [batch, steps, features]. Received ${x}`);
    const {before, isGiven, keep: keepStates} = kept(x as Tensor, given, context);
    const gates = this.#gates(weights, x as Tensor, context);
    const keep = keepOf(recurrentDropout, [batch, units], context);
    const step = this.#cell.step(weights, h => (keep ? mul(h, keep) : h));
    const counting = stepMask(this.kind, context.mask, x as Tensor);
    const mask = counting && transpose(counting, [1, 0]);
    // Before the first step that counts, the output is zero, whatever the state is.
    const isApart = mask !== undefined && isGiven && !isZero;
    const isCarried = isApart || (mask !== undefined && isZero && !returnSequences);
    const {carries, outputs} = scan(
      (carried: readonly Tensor[], slices: readonly Tensor[]) => {
        const states = carried.slice(0, before.length);
        const next = step(slices.slice(0, gates.length), states);
        if (!mask) return {carries: next, outputs: returnSequences ? [at(next, 0)] : []};
        const counts = reshape(at(slices, gates.length), [batch, 1]);
        const after = zip(next, states).map(([now, old]) => select(counts, now, old));
        const hidden = isZero ? 0 : isApart ? at(carried, before.length) : undefined;
        const output = hidden === undefined ? at(after, 0) : select(counts, at(next, 0), hidden);
        return {
          carries: isCarried ? [...after, output] : after,
          outputs: returnSequences ? [output] : [],
        };
      },
      {
        carries: isCarried ? [...before, zeros([batch, units])] : before,
        sequences: mask ? [...gates, mask] : gates,
        reverse: goBackwards,
      },
    );
    const last = at(carries, isCarried ? before.length : 0);
    const output = returnSequences ? this.#sequence(at(outputs, 0), goBackwards) : last;
    const ends = carries.slice(0, before.length);
    keepStates(ends);
    return returnState ? [output, ...ends] : [output];
  }

  /** [steps, batch, units] as [batch, steps, units], in the order in which the steps were made. */
  #sequence(all: Tensor, goBackwards: boolean): Tensor {
    return transpose(goBackwards ? reverse(all, 0) : all, [1, 0, 2]);
  }
}

/**
 * A fully connected recurrent layer over [batch, steps, features]: h ← activation(x·kernel +
 * h·recurrentKernel + bias), with kernel [features, units], recurrentKernel [units, units], bias [units]
 * (Elman 1990). A mask of the steps stops state and output. `apply([x, h])` begins with a state, [batch,
 * units]; with `stateful`, each batch begins with the states that the one before left.
 *
 * @throws ERR_OPTION; ERR_SHAPE for samples that are not [steps, features].
 */
export function simpleRNN(options: SimpleRnnOptions): Layer {
  return new Recurrent(simpleKind, options);
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
