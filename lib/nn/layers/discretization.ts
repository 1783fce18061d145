// Numbers as the ranges that they lie in, whose bounds are given or learned: quantiles of the data.
import {checkChoice, checkNumber, checkOptions, fail} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import type {DataInput} from '../../data/arrays.ts';
import type {AnyRows} from '../../data/text.ts';
import {checkSampleType, type SampleType} from '../ahead.ts';
import {AheadLayer, numbersIn, onlyInput, placeIn, rowsOfAny} from '../ahead-layer.ts';
import {type LayerOptions, layerOptions} from '../layer.ts';
import {type AdaptBatches, isBatches, tablesOf} from './adapt.ts';
import {type CategoryMode, encoded, encodedSample} from './category-modes.ts';
import {QuantileSummary} from './quantiles.ts';

export interface DiscretizationOptions extends LayerOptions {
  /** Bounds of the bins, in order: the first bin is below the first, the last from the last one on. */
  readonly binBoundaries?: readonly number[] | Float32Array | null;
  /** How many bins `adapt` makes of the data. With `binBoundaries` these are what it has made. */
  readonly numBins?: number | null;
  /** How exact the quantiles are that it takes, as a share of the data. 0.01 by default. */
  readonly epsilon?: number;
  /** `int` by default. */
  readonly outputMode?: Exclude<CategoryMode, 'tfIdf'>;
}

function checkBoundaries(where: string, given: unknown): Float32Array {
  const what = `${where}: binBoundaries`;
  if (!isList(given) || given.length === 0) {
    return fail('ERR_OPTION', `${what}: expected an array of numbers. Received ${show(given)}.`);
  }
  for (const bound of given) checkNumber(what, bound, {min: -3e38, max: 3e38});
  const bounds = Float32Array.from(given as readonly number[]);
  const odd = bounds.findIndex((bound, at) => at > 0 && bound < (bounds[at - 1] as number));
  if (odd > 0) fail('ERR_OPTION', `${what}: ${bounds[odd]} stands behind ${bounds[odd - 1]}; sort them.`);
  return bounds;
}

/** How many bounds are not above a number: its bin. */
function binOf(number: number, bounds: Float32Array): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] as number) <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Learned {
  bounds: Float32Array | undefined;
  /** How many bins a model counts on. */
  depth: number | undefined;
}

/** What `layers.discretization` gives. */
export class DiscretizationLayer extends AheadLayer {
  readonly firstInput = {dtype: 'float32'} as const;
  readonly #numBins: number | undefined;
  readonly #epsilon: number;
  readonly #mode: CategoryMode;
  readonly #learned: Learned;

  /** @internal */
  constructor(options: DiscretizationOptions) {
    const where = 'layers.discretization';
    checkOptions(where, options, [...layerOptions, 'binBoundaries', 'numBins', 'epsilon', 'outputMode']);
    const {binBoundaries, numBins, epsilon = 0.01, outputMode = 'int'} = options ?? {};
    const bins = numBins ?? undefined;
    if (bins !== undefined) checkNumber(`${where}: numBins`, bins, {integer: true, min: 2, max: 2 ** 24});
    checkNumber(`${where}: epsilon`, epsilon, {above: 0, below: 1});
    checkChoice(`${where}: outputMode`, outputMode, ['int', 'oneHot', 'multiHot', 'count']);
    const isGiven = (binBoundaries ?? null) !== null;
    if (!isGiven && bins === undefined) {
      fail('ERR_OPTION', `${where}: expected binBoundaries, or numBins, which adapt(data) makes of data.`);
    }
    const learned: Learned = {
      bounds: isGiven ? checkBoundaries(where, binBoundaries) : undefined,
      depth: undefined,
    };
    super('discretization', options, () => ({
      binBoundaries: learned.bounds && Array.from(learned.bounds),
      numBins: bins,
      epsilon: options.epsilon,
      outputMode: options.outputMode,
    }));
    this.#numBins = bins;
    this.#epsilon = epsilon;
    this.#mode = outputMode;
    this.#learned = learned;
    Object.freeze(this);
  }

  /** Bounds of the bins; empty before they are known. */
  get binBoundaries(): readonly number[] {
    return Array.from(this.#learned.bounds ?? []);
  }

  /**
   * Takes bounds between which equally many of the data lie: rows as `fit` takes them, or a data set of
   * batches, `xs` alone or as `{xs, ys}`, of which it reads one pass. They are saved with the model.
   *
   * @throws ERR_OPTION for a layer without numBins; ERR_NOT_FINITE; ERR_VALUE where there are too few data;
   * ERR_MODEL_BUSY
   */
  adapt(batches: AdaptBatches): Promise<void>;
  adapt(rows: DataInput): void;
  adapt(given: DataInput | AdaptBatches): Promise<void> | void {
    const where = `${this.name}: adapt`;
    if (this.#numBins === undefined) {
      fail(
        'ERR_OPTION',
        `${where}: its binBoundaries were given; numBins in their place lets it learn them.`,
      );
    }
    const summary = new QuantileSummary(this.#epsilon);
    if (isBatches(given)) return this.#adaptTo(where, given, summary);
    this.#add(where, given, summary);
    this.#learn(where, summary);
  }

  async #adaptTo(where: string, batches: AdaptBatches, summary: QuantileSummary): Promise<void> {
    for await (const {what, xs} of tablesOf(where, batches)) this.#add(what, xs, summary);
    this.#learn(where, summary);
  }

  #add(where: string, given: DataInput, summary: QuantileSummary): void {
    summary.add(this.#numbers(where, rowsOfAny(where, given)));
  }

  #learn(where: string, summary: QuantileSummary): void {
    this.checkNoTraining('adapt');
    const bounds = summary.boundaries(this.#numBins as number);
    const {depth} = this.#learned;
    if (bounds.length === 0) fail('ERR_VALUE', `${where}: there are too few numbers to make bins of.`);
    if (depth !== undefined && depth !== bounds.length + 1) {
      fail(
        'ERR_OPTION',
        `${where}: a model counts on ${depth} bins, and there would be ${bounds.length + 1}.`,
      );
    }
    this.#learned.bounds = bounds;
  }

  /** @throws ERR_NOT_FINITE naming the place. */
  #numbers(where: string, rows: AnyRows): Float32Array {
    return Float32Array.from(numbersIn(where, rows), (number, at) => {
      if (!Number.isNaN(number)) return number;
      return fail('ERR_NOT_FINITE', `${where}: ${placeIn(rows, at)} holds NaN. Replace missing values.`);
    });
  }

  #bounds(where: string): Float32Array {
    return (
      this.#learned.bounds ?? fail('ERR_OPTION', `${where}: there are no bins yet: adapt(data) makes them.`)
    );
  }

  /** @internal */
  sampleOf(scope: string, inputs: readonly SampleType[]): SampleType {
    const given = onlyInput(scope, inputs);
    checkSampleType(scope, given, 'numbers');
    if (this.#mode !== 'int') this.#learned.depth = this.#bounds(scope).length + 1;
    return encodedSample(scope, this.#mode, given.shape, this.#learned.depth);
  }

  /** @internal */
  rowsOf(where: string, [rows]: readonly AnyRows[]): AnyRows {
    const bounds = this.#bounds(where);
    const given = rows as AnyRows;
    const ids = Int32Array.from(this.#numbers(where, given), number => binOf(number, bounds));
    return encoded(where, given, ids, {mode: this.#mode, depth: bounds.length + 1});
  }
}

/**
 * The range that each number lies in: with `binBoundaries: [0, 1]` 0 below 0, 1 from 0 to below 1, 2 from 1
 * on. With `numBins` the bounds are quantiles that `adapt` finds. It runs in JavaScript ahead of the plan,
 * directly behind an input.
 *
 * @throws ERR_OPTION
 */
export function discretization(options: DiscretizationOptions): DiscretizationLayer {
  return new DiscretizationLayer(options);
}
