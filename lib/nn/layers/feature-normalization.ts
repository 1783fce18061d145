// Features brought to mean 0 and deviation 1 inside the model, so that it takes rows as they are.
import {checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {sizeOf} from '../../core/shape.ts';
import {constant, type Tensor} from '../../core/tensor.ts';
import {type DataInput, toRows} from '../../data/arrays.ts';
import {columnStatistics} from '../../data/standardize.ts';
import {shapeOfTable} from '../../data/table.ts';
import {div, maximum, sqrt, sub} from '../../ops/map.ts';
import {reshape} from '../../ops/move.ts';
import type {Forward, MakeWeight} from '../call-context.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {MadeLayer} from '../make-layer.ts';

export interface NormalizationOptions extends LayerOptions {
  /** Of each feature; `adapt` computes them from data. 0 by default. */
  readonly mean?: readonly number[];
  /** Of each feature; 1 by default. */
  readonly variance?: readonly number[];
}

/** Less than any deviation that counts, as in Keras: a feature that never changes becomes 0. */
const epsilon = 1e-7;

function checkStatistic(what: string, values: unknown, min: number): readonly number[] | undefined {
  if (values === undefined) return undefined;
  if (!Array.isArray(values)) return fail('ERR_OPTION', `${what}: expected a number for each feature.`);
  for (const value of values) checkNumber(what, value, {min, max: 3e38});
  return [...values];
}

/**
 * (x − mean) / √variance of each feature, the last axis, inside the model, so that a model that was saved takes
 * raw rows: `const scale = layers.normalization({inputShape: [3]}); scale.adapt(rows)`.
 */
export function normalization(options: NormalizationOptions = {}): NormalizationLayer {
  return new NormalizationLayer(options);
}

/** What `layers.normalization` gives. */
export class NormalizationLayer extends MadeLayer {
  readonly #statistics: {mean: readonly number[] | undefined; variance: readonly number[] | undefined};

  /** @internal */
  constructor(options: NormalizationOptions) {
    const where = 'layers.normalization';
    checkOptions(where, options, [...layerOptions, 'mean', 'variance']);
    const statistics = {
      mean: checkStatistic(`${where}: mean`, options.mean, -3e38),
      variance: checkStatistic(`${where}: variance`, options.variance, 0),
    };
    super('normalization', options, () => ({...statistics}));
    this.#statistics = statistics;
    Object.freeze(this);
  }

  /**
   * Takes mean and variance of each feature, the last axis, from rows of the training data; before or after a
   * model is made of the layer. They are saved with the model.
   *
   * @throws ERR_SHAPE, ERR_DTYPE; ERR_NOT_FINITE naming a value that is missing; ERR_MODEL_BUSY
   */
  adapt(rows: DataInput): void {
    const where = `${this.name}: adapt`;
    const shape = shapeOfTable(where, rows as never);
    const {data, scale} = toRows(rows, {what: where, rowShape: shape.slice(1)});
    const features = shape.length === 1 ? 1 : (shape.at(-1) as number);
    const [wanted = this.inputShape?.at(-1) ?? features] = this.weights.map(
      ({variable}) => variable.shape[0],
    );
    if (features !== wanted) {
      fail('ERR_SHAPE', `${where}: the rows have ${features} features, the layer takes ${wanted}.`);
    }
    const odd = (data as Float32Array).findIndex(value => !Number.isFinite(value));
    if (odd >= 0) {
      const place = `row ${Math.floor(odd / sizeOf(shape.slice(1)))}, feature ${odd % features}`;
      fail('ERR_NOT_FINITE', `${where}: ${place} holds ${data[odd]}. Replace missing values.`);
    }
    const {mean, deviation} = columnStatistics(data, features, scale);
    const variance = deviation.map(value => value ** 2);
    if (this.isAttached) this.setWeights([mean, variance]);
    this.#statistics.mean = mean;
    this.#statistics.variance = variance;
  }

  override build(inputShape: readonly number[], weight: MakeWeight): Forward {
    const size = inputShape.at(-1) as number;
    const make = (name: 'mean' | 'variance', byDefault: number): Tensor => {
      const values = this.#statistics[name] ?? new Array<number>(size).fill(byDefault);
      if (values.length !== size) {
        fail('ERR_SHAPE', `normalization: ${name} has ${values.length} numbers for ${size} features.`);
      }
      // Read when the first values are made: `adapt` may come before.
      const initializer = () => constant(Float32Array.from(this.#statistics[name] ?? values), [size]);
      return weight(name, [size], {initializer, trainable: false});
    };
    const [mean, variance] = [make('mean', 0), make('variance', 1)];
    return x => {
      const rows = reshape(x, [sizeOf(x.shape) / size, size]);
      return reshape(div(sub(rows, mean), maximum(sqrt(variance), epsilon)), x.shape);
    };
  }
}
