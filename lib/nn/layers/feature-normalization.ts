// Features brought to mean 0 and deviation 1 inside the model, so that it takes rows as they are.
import {checkBoolean, checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {isList} from '../../core/kinds.ts';
import {nestedShape, visitNested} from '../../core/nested.ts';
import {formatShape, maxRank, type Shape, sameShape, sizeOf} from '../../core/shape.ts';
import {constant, type Tensor} from '../../core/tensor.ts';
import type {DataInput, NestedArray, NumericArray} from '../../data/arrays.ts';
import {add, div, maximum, mul, sqrt, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import {withStandIns} from '../any-length.ts';
import type {Forward, MakeWeight} from '../call-context.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';
import {
  type AdaptBatches,
  type FeatureAxes,
  isBatches,
  statisticsOfBatches,
  statisticsOfRows,
} from './adapt.ts';
import {sampleAxis} from './axes.ts';

export interface NormalizationOptions extends LayerOptions {
  /**
   * The axes whose places have a mean and a variance each, with the batch as axis 0; all others share them.
   * −1, the features, by default; null: one mean and one variance for all numbers.
   */
  readonly axis?: number | readonly number[] | null;
  /** Of each place along `axis`, or one for all; `adapt` computes them from data. 0 by default. */
  readonly mean?: number | NumericArray | NestedArray;
  /** The same; 1 by default. */
  readonly variance?: number | NumericArray | NestedArray;
  /** Whether it does the reverse: x · √variance + mean. False by default. */
  readonly invert?: boolean;
}

/** Less than any deviation that counts, as in Keras: a feature that never changes becomes 0. */
const epsilon = 1e-7;

/** A number for all, or lists of them. */
type Statistic = number | readonly Statistic[];

function checkStatistic(what: string, values: unknown, min: number): Statistic | undefined {
  if (values === undefined) return undefined;
  const plain = (value: unknown): Statistic => {
    if (isList(value)) return Array.from(value, plain);
    checkNumber(what, value, {min, max: 3e38});
    return value;
  };
  if (isList(values)) {
    visitNested(values, nestedShape(values, maxRank), {
      element() {},
      ragged: () => fail('ERR_OPTION', `${what}: its lists have different lengths.`),
    });
  }
  return plain(values);
}

function checkAxis(what: string, axis: unknown): void {
  if (axis === null || axis === undefined) return;
  const axes: readonly unknown[] = Array.isArray(axis) ? axis : [axis];
  for (const each of axes) checkNumber(what, each, {integer: true, min: -maxRank, max: maxRank});
}

/**
 * (x − mean) / √variance of each feature, the last axis, inside the model, so that a model that was saved
 * takes raw rows: `const scale = layers.normalization({inputShape: [3]}); scale.adapt(rows)`.
 */
export function normalization(options: NormalizationOptions = {}): NormalizationLayer {
  return new NormalizationLayer(options);
}

/** What `layers.normalization` gives. */
export class NormalizationLayer extends MadeLayer {
  readonly #statistics: {mean: Statistic | undefined; variance: Statistic | undefined};
  readonly #axis: NormalizationOptions['axis'];
  readonly #invert: boolean;
  /** Of one sample, once it is known; the layer is frozen. */
  readonly #built: {shape?: Shape} = {};

  /** @internal */
  constructor(options: NormalizationOptions) {
    const where = 'layers.normalization';
    checkOptions(where, options, [...layerOptions, 'axis', 'mean', 'variance', 'invert']);
    const {axis, invert = false} = options;
    checkAxis(`${where}: axis`, axis);
    checkBoolean(`${where}: invert`, invert);
    const statistics = {
      mean: checkStatistic(`${where}: mean`, options.mean, -3e38),
      variance: checkStatistic(`${where}: variance`, options.variance, 0),
    };
    super('normalization', options, () => ({axis, invert: invert || undefined, ...statistics}), true);
    this.#statistics = statistics;
    this.#axis = Array.isArray(axis) ? [...axis] : axis;
    this.#invert = invert;
    Object.freeze(this);
  }

  /**
   * Takes mean and variance of each feature, or of each place along `axis`, from the training data: rows as
   * `fit` takes them, or a data set of batches, `xs` alone or as `{xs, ys}`, of which it reads one pass.
   * Before or after a model is made of the layer. They are saved with the model.
   *
   * @throws ERR_SHAPE, ERR_DTYPE; ERR_NOT_FINITE naming a value that is missing; ERR_VALUE where a data set
   * gives nothing, or no batches; ERR_MODEL_BUSY
   */
  adapt(batches: AdaptBatches): Promise<void>;
  adapt(rows: DataInput): void;
  adapt(given: DataInput | AdaptBatches): Promise<void> | void {
    const where = `${this.name}: adapt`;
    const axes = {
      sample: this.#built.shape ?? (this.inputShape && withStandIns(this.inputShape)),
      of: (sample: Shape) => this.#axes(where, sample),
    };
    if (!isBatches(given)) return this.#take(statisticsOfRows(where, given, axes));
    return statisticsOfBatches(where, given, axes).then(statistics => this.#take(statistics));
  }

  #take({mean, variance}: {mean: readonly number[]; variance: readonly number[]}): void {
    if (this.isAttached) this.setWeights([mean, variance]);
    this.#statistics.mean = mean;
    this.#statistics.variance = variance;
  }

  /** The axes with statistics of their own, of a sample of this shape. */
  #axes(where: string, sample: Shape): FeatureAxes {
    const given = this.#axis === undefined ? [-1] : this.#axis === null ? [] : [this.#axis].flat();
    const axes = [...new Set(given.map(axis => sampleAxis(where, axis, sample) - 1))].sort((a, b) => a - b);
    return {axes, shape: axes.map(axis => sample[axis] as number)};
  }

  override build(inputShape: Shape, weight: MakeWeight): Forward {
    const where = 'normalization';
    const {axes, shape} = this.#axes(where, inputShape);
    this.#built.shape = inputShape;
    const make = (name: 'mean' | 'variance', byDefault: number): Tensor => {
      // Read when the first values are made: `adapt` may come before.
      const values = () => filled(`${where}: ${name}`, this.#statistics[name] ?? byDefault, shape);
      values();
      return weight(name, shape, {initializer: () => constant(values(), shape), trainable: false});
    };
    const [mean, variance] = [make('mean', 0), make('variance', 1)];
    const scale = (x: Tensor, [center, spread]: readonly [Tensor, Tensor]): Tensor => {
      const deviation = maximum(sqrt(spread), epsilon);
      return this.#invert ? add(mul(x, deviation), center) : div(sub(x, center), deviation);
    };
    const size = inputShape.at(-1) as number;
    if (axes.length === 1 && axes[0] === inputShape.length - 1) {
      return x => reshape(scale(reshape(x, [sizeOf(x.shape) / size, size]), [mean, variance]), x.shape);
    }
    const broadcast = inputShape.map((length, axis) => (axes.includes(axis) ? length : 1));
    return x => scale(x, [reshape(mean, broadcast), reshape(variance, broadcast)]);
  }
}

/** A statistic in its shape: one number for all, a flat list, or lists of lists. */
function filled(what: string, values: Statistic, shape: Shape): Float32Array {
  if (typeof values === 'number') return new Float32Array(sizeOf(shape)).fill(values);
  const given = nestedShape(values, maxRank);
  const isFlat = given.length === 1 && given[0] === sizeOf(shape);
  if (!isFlat && !sameShape(given, shape)) {
    const received = given.length === 1 ? `${given[0]} numbers` : `the shape ${formatShape(given)}`;
    const wanted = shape.length === 1 ? `${shape[0]} features` : formatShape(shape);
    fail('ERR_SHAPE', `${what} has ${received} for ${wanted}.`);
  }
  return Float32Array.from(values.flat(maxRank) as number[]);
}
