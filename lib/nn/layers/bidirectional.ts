// A recurrent layer in both directions.
import {checkChoice, fail, requireOptions} from '../../core/errors.ts';
import {at} from '../../core/lists.ts';
import type {Shape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {concatenate} from '../../ops/join.ts';
import {add, mul} from '../../ops/map.ts';
import {reverse} from '../../ops/pad.ts';
import type {CallContext, ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, layerLike, toLayer} from '../layer-like.ts';
import {callWithMasks} from '../masking.ts';
import {Wrapper} from './wrapper.ts';

export interface BidirectionalOptions extends LayerOptions {
  /** What reads from the first step to the last: `layers.lstm({…})`, or any that has `goBackwards`. */
  readonly layer: LayerLike;
  /** What reads the other way; by default a layer like the first, with weights of its own. */
  readonly backwardLayer?: LayerLike;
  /**
   * How the outputs of both are joined: along the last axis (`concat`, the default), by sum, product or mean,
   * or not at all (null), which gives two outputs.
   */
  readonly mergeMode?: MergeMode | null;
}

export type MergeMode = 'concat' | 'sum' | 'mul' | 'ave';

const merges: Readonly<Record<MergeMode, (a: Tensor, b: Tensor) => Tensor>> = {
  concat: (a, b) => concatenate([a, b], -1),
  sum: add,
  mul,
  ave: (a, b) => mul(add(a, b), 0.5),
};

const flags = ['goBackwards', 'returnSequences', 'returnState', 'stateful'] as const;

/** Flags that a layer was made with. */
const flagsOf = ({config}: Layer) =>
  Object.fromEntries(flags.map(name => [name, config[name] === true])) as Record<
    (typeof flags)[number],
    boolean
  >;

class Bidirectional extends Wrapper {
  readonly #both: readonly [Layer, Layer];
  readonly #mergeMode: MergeMode | null;

  constructor(options: BidirectionalOptions) {
    const where = 'layers.bidirectional';
    requireOptions(where, options, [...layerOptions, 'layer', 'backwardLayer', 'mergeMode']);
    const {mergeMode = 'concat'} = options;
    if (mergeMode !== null) checkChoice(`${where}: mergeMode`, mergeMode, Object.keys(merges));
    const layer = toLayer(`${where}: layer`, options.layer);
    const own = flagsOf(layer);
    const backward =
      options.backwardLayer === undefined
        ? layerLike(where, layer, {name: `backward_${layer.name}`, goBackwards: !own.goBackwards})
        : toLayer(`${where}: backwardLayer`, options.backwardLayer);
    for (const name of flags) {
      if ((flagsOf(backward)[name] === own[name]) === (name !== 'goBackwards')) continue;
      const wanted = name === 'goBackwards' ? 'another' : 'the same';
      const received = `Received ${flagsOf(backward)[name]}`;
      fail('ERR_OPTION', `${where}: backwardLayer: expected ${wanted} ${name} as of layer. ${received}.`);
    }
    super(
      'bidirectional',
      options,
      new Map([
        ['forward', layer],
        ['backward', backward],
      ]),
      () => ({
        layer: describeInner(layer),
        backwardLayer: describeInner(backward),
        mergeMode: options.mergeMode,
      }),
      (_, [mask]) => (own.returnSequences ? (mergeMode === null ? [mask, mask] : [mask]) : []),
    );
    this.#both = [layer, backward];
    this.#mergeMode = mergeMode;
    Object.freeze(this);
  }

  override buildAll([sequence, ...states]: readonly Shape[], _: MakeWeight): ForwardAll {
    const {name} = this;
    if (!sequence || states.length % 2 > 0) {
      const received = `Received ${states.length + (sequence ? 1 : 0)} inputs`;
      return fail(
        'ERR_SHAPE',
        `${name}: expected a sequence, and initial states for both ways. ${received}.`,
      );
    }
    const half = states.length / 2;
    const shapes = [states.slice(0, half), states.slice(half)];
    const scopes = [`${name}/forward`, `${name}/backward`];
    const runs = this.#both.map((layer, index) =>
      layer.forwardFor([sequence, ...at(shapes, index)], at(scopes, index)),
    );
    const {returnSequences} = flagsOf(this.#both[0]);
    return ([x, ...initial], context) => {
      const run = (index: number): readonly Tensor[] => {
        const begin = initial.slice(index * half, (index + 1) * half);
        return this.#run(index, at(runs, index), [x as Tensor, ...begin], context);
      };
      const [first, ...ends] = run(0) as [Tensor, ...Tensor[]];
      const [last, ...otherEnds] = run(1) as [Tensor, ...Tensor[]];
      // What read backwards gave its steps in the order in which it read.
      const second = returnSequences ? reverse(last, 1) : last;
      const mode = this.#mergeMode;
      return [...(mode === null ? [first, second] : [merges[mode](first, second)]), ...ends, ...otherEnds];
    };
  }

  #run(index: number, forward: ForwardAll, inputs: readonly Tensor[], context: CallContext) {
    const scope = `${this.name}/${index === 0 ? 'forward' : 'backward'}`;
    const layer = at(this.#both, index);
    // As in Keras, which so gives each step what both ways know of it, or nothing.
    const own = {...context, zeroOutputForMask: flagsOf(layer).returnSequences};
    return callWithMasks(scope, layer, forward, inputs, [context.mask], own).outputs;
  }
}

/**
 * A recurrent layer that reads the steps in both directions, with weights of its own for each (Schuster and
 * Paliwal 1997). With `returnSequences`, what was read backwards is put beside the steps that it belongs to.
 * `apply([x, …states])` begins with those of the first layer, then those of the second; with `returnState`
 * they come back in that order. Stateful layers keep states each, that which reads backwards too. Steps that
 * a mask hides are zeros in what both layers give, unless their `zeroOutputForMask` is false.
 *
 * @throws ERR_OPTION where both layers read the same way, or give different things.
 */
export function bidirectional(options: BidirectionalOptions): Layer {
  return new Bidirectional(options);
}
