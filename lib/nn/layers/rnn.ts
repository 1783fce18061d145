// A recurrent layer over any cell.
import {checkBoolean, fail, requireOptions} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import {formatShape, type Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {cast, zeros} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {slice} from '../../ops/pad.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {isLayer, type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, toLayer} from '../layer-like.ts';
import {type Masks, stepMask} from '../masking.ts';
import {
  checkStates,
  outputsOfCell,
  type StateSizes,
  stackedRNNCells,
  stateShapes,
  statesOfCell,
} from './cell-layers.ts';
import {keptStates} from './kept-states.ts';
import {lambda} from './lambda.ts';
import {type SequenceOptions, sequenceConfig, sequenceOptions} from './recurrent-options.ts';
import {onceForAll, overSteps} from './steps.ts';
import {Wrapper} from './wrapper.ts';

/** One step as a function of ops: from [x, …states] to [output, …next states], [batch, …] each. */
export type CellFunction = (inputs: readonly Tensor[], context: CallContext) => readonly Tensor[];

export interface RnnOptions extends LayerOptions, SequenceOptions {
  /**
   * What happens in a step: a layer from [x, …states] to [output, …next states], such as
   * `layers.lstmCell({units: 8})` or one of your own; several, one above the other; or a function of ops.
   */
  readonly cell: LayerLike | CellFunction | readonly LayerLike[];
  /** The size or shape of the state, or of each of several, where the cell is none that says it. */
  readonly stateSize?: StateSizes;
}

function cellOf(where: string, given: unknown): Layer {
  if (Array.isArray(given)) return stackedRNNCells({cells: given});
  if (typeof given === 'function' && !isLayer(given)) return lambda({function: given as never});
  return toLayer(`${where}: cell`, given);
}

/** [batch, steps, …] at the last step. */
function lastStep(all: Tensor): Tensor {
  const [batch, steps, ...rest] = all.shape as [number, number, ...number[]];
  return reshape(slice(all, 1, steps - 1, 1), [batch, ...rest]);
}

class Rnn extends Wrapper {
  readonly #cell: Layer;
  readonly #states: readonly Shape[];
  readonly #options: SequenceOptions;

  constructor(options: RnnOptions) {
    const where = 'layers.rnn';
    requireOptions(where, options, [...layerOptions, 'cell', 'stateSize', ...sequenceOptions]);
    const {stateSize} = options;
    for (const name of sequenceOptions)
      if (options[name] !== undefined) checkBoolean(`${where}: ${name}`, options[name]);
    const cell = cellOf(where, options.cell);
    const states =
      stateSize === undefined ? statesOfCell(where, cell) : stateShapes(`${where}: stateSize`, stateSize);
    const sequence = sequenceConfig(options);
    super(
      'rnn',
      options,
      new Map([['cell', cell]]),
      () => ({
        cell: describeInner(cell),
        stateSize: stateSize === undefined ? undefined : states,
        ...sequence,
      }),
      (_, masks): Masks => [sequence.returnSequences ? masks[0] : undefined],
    );
    this.#cell = cell;
    this.#states = states;
    this.#options = {...options};
    Object.freeze(this);
  }

  override buildAll([sequence, ...given]: readonly Shape[], weight: MakeWeight): ForwardAll {
    const {name} = this;
    if (!sequence || sequence.length < 2) {
      const received = sequence ? formatShape(sequence) : 'nothing';
      return fail('ERR_SHAPE', `${name}: expected samples [steps, …features]. Received ${received}.`);
    }
    if (given.length > 0) checkStates(name, given, this.#states);
    const features = sequence.slice(1);
    const shapes = [features, ...this.#states];
    const run = this.#cell.forwardFor(shapes, `${name}/cell`);
    outputsOfCell(`${name}/cell`, this.#cell, run, shapes);
    const kept = keptStates(name, this.#options.stateful, this.#states, weight);
    const {returnSequences = false, returnState = false, goBackwards = false} = this.#options;
    const {zeroOutputForMask} = this.#options;
    return ([x, ...own], context) => {
      const input = x as Tensor;
      const batch = input.shape[0] as number;
      const {before: states, keep} = kept(input, own, context);
      const once = onceForAll({...context, mask: undefined, masks: undefined, stream: undefined});
      const like = run([cast(zeros([batch, ...features]), input.dtype), ...states], once.before);
      const step = (slices: readonly Tensor[], carried: readonly Tensor[]) =>
        run([at(slices, 0), ...carried], once.inBody()) as [Tensor, ...Tensor[]];
      const mask = stepMask('rnn', context.mask, input);
      const first = at(like, 0);
      // A step that does not count repeats what the last of the part before gave.
      const last = mask && context.stream?.carry({shape: first.shape, dtype: first.dtype});
      const [output, ...ends] = overSteps(step, {
        ...{sequences: [input], states, mask, returnSequences, goBackwards},
        ...{
          zeroOutputForMask: zeroOutputForMask ?? context.zeroOutputForMask,
          last: last?.now(),
          like: first,
        },
      });
      last?.replace(lastStep(output));
      keep(ends);
      return returnState ? [output, ...ends] : [output];
    };
  }
}

/**
 * Applies a cell to the steps of a sequence, each with the states that the one before gave: [batch, steps,
 * …features] to the last output, or with `returnSequences` to all. States begin as zeros; `apply([x,
 * …states])` begins with others. A step that a mask leaves out changes nothing, and its output is the one
 * before.
 *
 * ```ts
 * const decay = layers.rnn({
 *   cell: ([x, h]) => {
 *     const next = ops.add(ops.mul(h, 0.9), x);
 *     return [next, next];
 *   },
 *   stateSize: 3,
 * });
 * ```
 *
 * @throws ERR_OPTION where the size of the states is not known; ERR_SHAPE where the cell gives others.
 */
export function rnn(options: RnnOptions): Layer {
  return new Rnn(options);
}
