// Cells as layers: one step of a recurrent layer, from [x, …states] to [output, …next states].
import {fail, requireOptions} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import {at} from '../../core/lists.ts';
import {formatShape, type Shape, sameShape} from '../../core/shape.ts';
import type {Tensor} from '../../core/tensor.ts';
import {mul} from '../../ops/map.ts';
import type {ForwardAll, MakeWeight} from '../call-context.ts';
import {type Layer, type LayerOptions, layerOptions} from '../layer.ts';
import {describeInner, type LayerLike, toLayer} from '../layer-like.ts';
import {MadeLayer} from '../make-layer.ts';
import {sampleOutputs} from '../output-shapes.ts';
import {type Cell, inputSums} from './recurrent-cells.ts';
import {
  type AllOptions,
  cellOf,
  cellWeights,
  checkCell,
  type GruCellOptions,
  gruKind,
  type Kind,
  keepOf,
  type LstmCellOptions,
  lstmKind,
  type SimpleRnnCellOptions,
  simpleKind,
} from './recurrent-options.ts';
import {Wrapper} from './wrapper.ts';

/** A layer from [x, …states] to [output, …next states] that knows the shapes of its states. */
export interface CellLayer extends Layer {
  /** Of the states of one sample: a size each, or a shape. */
  readonly stateSize: StateSizes;
}

/** A size, or a shape, of each state of a sample. */
export type StateSizes = number | readonly (number | Shape)[];

/** Shapes of the states of a sample. @throws ERR_OPTION */
export function stateShapes(where: string, given: unknown): Shape[] {
  const list: unknown[] = isList(given) ? Array.from(given) : [given];
  return list.map(size => {
    const shape: unknown[] = isList(size) ? Array.from(size) : [size];
    if (shape.every(each => Number.isInteger(each) && (each as number) > 0)) return shape as number[];
    const wanted = 'expected the size of the state, or a size or shape for each of several';
    return fail('ERR_OPTION', `${where}: ${wanted}. Received ${show(given)}.`);
  });
}

/** Refuses other states than those of a cell. */
export function checkStates(name: string, given: readonly Shape[], wanted: readonly Shape[]): void {
  if (given.length === wanted.length && given.every((shape, index) => sameShape(shape, at(wanted, index)))) {
    return;
  }
  const [shapes, received] = [wanted, given].map(list => list.map(formatShape).join(', ') || 'none');
  fail('ERR_SHAPE', `${name}: expected states ${shapes}. Received ${received}.`);
}

class KnownCell extends MadeLayer implements CellLayer {
  readonly stateSize: readonly number[];
  readonly #options: AllOptions;
  readonly #cell: Cell;

  constructor(kind: Kind, options: AllOptions) {
    const name = `${kind.name}Cell`;
    const where = `layers.${name}`;
    checkCell(where, options, kind.more);
    const {cell, config} = cellOf(where, kind, options);
    super(name, options, config);
    this.stateSize = new Array<number>(cell.states).fill(options.units);
    this.#options = options;
    this.#cell = cell;
    Object.freeze(this);
  }

  override buildAll([x, ...states]: readonly Shape[], weight: MakeWeight): ForwardAll {
    const {units, dropout = 0, recurrentDropout = 0} = this.#options;
    const cell = this.#cell;
    if (x?.length !== 1) {
      const received = x ? formatShape(x) : 'nothing';
      return fail('ERR_SHAPE', `${this.name}: expected samples [features]. Received ${received}.`);
    }
    checkStates(this.name, states, stateShapes(this.name, this.stateSize));
    const [features] = x as [number];
    const weights = cellWeights(cell, this.#options, features, weight);
    return ([input, ...before], context) => {
      const batch = (input as Tensor).shape[0] as number;
      const once = <Made>(make: () => Made): Made => context.once?.(make) ?? make();
      const keep = once(() => [
        keepOf(dropout, [batch, features], context),
        keepOf(recurrentDropout, [batch, units], context),
      ]);
      const [ofInput, ofState] = keep;
      const given = ofInput ? mul(input as Tensor, ofInput) : (input as Tensor);
      const gates = inputSums(cell, weights, given, units);
      const next = cell.step(weights, h => (ofState ? mul(h, ofState) : h))(gates, before);
      return [at(next, 0), ...next];
    };
  }
}

/**
 * One step of `simpleRNN`: [x, h] to [h, h], for `layers.rnn` and `layers.stackedRNNCells`.
 *
 * @throws ERR_OPTION
 */
export const simpleRNNCell = (options: SimpleRnnCellOptions): CellLayer => new KnownCell(simpleKind, options);

/** One step of `lstm`: [x, h, c] to [h, h, c]. @throws ERR_OPTION */
export const lstmCell = (options: LstmCellOptions): CellLayer => new KnownCell(lstmKind, options);

/** One step of `gru`: [x, h] to [h, h]. @throws ERR_OPTION */
export const gruCell = (options: GruCellOptions): CellLayer => new KnownCell(gruKind, options);

export interface StackedCellsOptions extends LayerOptions {
  /** The first reads the input, each of the others what the one before gives. */
  readonly cells: readonly LayerLike[];
}

/** The shapes of a cell's states. @throws ERR_OPTION for a layer that does not say them */
export function statesOfCell(where: string, cell: Layer): Shape[] {
  const {stateSize} = cell as Partial<CellLayer>;
  if (stateSize !== undefined) return stateShapes(`${where}: stateSize of ${cell.name}`, stateSize);
  const instead = 'give rnn its stateSize, or a class of your own a field stateSize';
  return fail('ERR_OPTION', `${where}: ${cell.name} does not say the size of its states: ${instead}.`);
}

/**
 * The shape of what a cell gives, for one sample; the shapes given are those of its input and its states.
 *
 * @throws ERR_SHAPE where what follows the output are no such states.
 */
export function outputsOfCell(scope: string, cell: Layer, run: ForwardAll, shapes: readonly Shape[]): Shape {
  const inputs = shapes.map(shape => ({shape, dtype: 'float32' as const, maskShape: undefined}));
  const [output, ...states] = sampleOutputs(scope, cell, run, inputs).map(({shape}) => shape);
  checkStates(`${scope}: of what ${cell.name} gives behind its output`, states, shapes.slice(1));
  return output as Shape;
}

class StackedCells extends Wrapper implements CellLayer {
  readonly stateSize: readonly Shape[];
  readonly #cells: readonly Layer[];

  constructor(options: StackedCellsOptions) {
    const where = 'layers.stackedRNNCells';
    requireOptions(where, options, [...layerOptions, 'cells']);
    const given: unknown = options.cells;
    if (!Array.isArray(given) || given.length === 0) {
      fail('ERR_OPTION', `${where}: cells: expected an array of cells. Received ${show(given)}.`);
    }
    const cells = Array.from(given as unknown[], (cell, index) => toLayer(`${where}: cells: ${index}`, cell));
    super('stackedRNNCells', options, new Map(cells.map((cell, index) => [`cell_${index}`, cell])), () => ({
      cells: cells.map(describeInner),
    }));
    this.stateSize = cells.flatMap(cell => statesOfCell(where, cell));
    this.#cells = cells;
    Object.freeze(this);
  }

  override buildAll([x, ...states]: readonly Shape[], _: MakeWeight): ForwardAll {
    const {name} = this;
    checkStates(name, states, this.stateSize);
    let shape = x as Shape;
    const runs = this.#cells.map((cell, index) => {
      const own = statesOfCell(name, cell);
      const run = cell.forwardFor([shape, ...own], `${name}/cell_${index}`);
      shape = outputsOfCell(name, cell, run, [shape, ...own]);
      return {run, count: own.length};
    });
    return ([input, ...before], context) => {
      let [value, from] = [input as Tensor, 0];
      const next = runs.flatMap(({run, count}) => {
        const [output, ...after] = run([value, ...before.slice(from, from + count)], context);
        value = output as Tensor;
        from += count;
        return after;
      });
      return [value, ...next];
    };
  }
}

/**
 * Cells one above the other as one cell, whose states are those of all of them, in order.
 *
 * @throws ERR_OPTION
 */
export const stackedRNNCells = (options: StackedCellsOptions): CellLayer => new StackedCells(options);
