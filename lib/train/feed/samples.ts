// The user's arrays, checked against the inputs and outputs of the model before anything runs.

import {fail} from '../../core/errors.ts';
import {show} from '../../core/kinds.ts';
import {nestedShape} from '../../core/nested.ts';
import {formatShape, maxRank, type Shape} from '../../core/shape.ts';
import {type DataInput, type Rows, type ShapedInput, toRows} from '../../data/arrays.ts';
import {type AnyInput, type AnyRows, toTextRows} from '../../data/text.ts';
import {formatInput, type InputShape} from '../../nn/any-length.ts';
import type {Loss} from '../../nn/losses.ts';
import {keepSafe} from '../../session/compile.ts';
import type {Network, Port} from '../network/network.ts';
import {dataOfPorts, type PortData, sourceName} from '../network/ports.ts';
import {type Compilation, type CompiledNetwork, targetPorts} from '../step/compilation.ts';
import type {OutputLoss} from '../step/compile-options.ts';
import {targetShape, weightSources} from '../step/graphs.ts';
import {type Weighting, weightingOfEach, weightsOf} from './sample-weights.ts';
import {checkProbabilities, explainTargets} from './targets.ts';

export interface Samples {
  /** The model's layers over rows of these shapes. */
  readonly network: Network;
  /** For each input of the model. */
  readonly x: readonly Rows[];
  /** For each output that has a loss. */
  readonly y: readonly Rows[];
  readonly count: number;
  /**
   * How much each row counts in the loss of each output; all alike where it is left out. The same rows for
   * all outputs stand there once for each.
   */
  readonly weights?: readonly (Rows | undefined)[] | undefined;
  /** Where they are several batches of a data set: rows of each. */
  readonly batchRows?: number;
  /** All arrays by the names that programs have for them. */
  readonly sources: Readonly<Record<string, Rows>>;
}

/** What the arrays of inputs or of targets must be. */
interface Wanted {
  readonly ports: readonly Port[];
  /** What programs call them. */
  readonly names: readonly string[];
  readonly shapes: readonly Shape[];
}

const wantedOf = (what: 'x' | 'y', ports: readonly Port[], shapes: readonly Shape[]): Wanted => {
  return {ports, names: ports.map(port => sourceName(what, ports, port)), shapes};
};

// Made once for each model: a batch of a few rows is bound in the time of a step.
const wantedInputs = new WeakMap<readonly Port[], Wanted>();
interface WantedTargets {
  readonly losses: readonly OutputLoss[];
  readonly wanted: Wanted;
}
const wantedTargets = new WeakMap<Network, WantedTargets>();

/** Of the inputs of a network, or of what its plan reads. */
function inputsWanted(ports: readonly Port[]): Wanted {
  let wanted = wantedInputs.get(ports);
  if (!wanted) {
    const shapes = ports.map(({shape}) => shape);
    wanted = wantedOf('x', ports, shapes);
    wantedInputs.set(ports, wanted);
  }
  return wanted;
}

function targetsWanted(network: Network, compilation: Pick<Compilation, 'losses'>): Wanted {
  const {losses} = compilation;
  // A network over rows of another length is another key.
  const known = wantedTargets.get(network);
  if (known?.losses === losses) return known.wanted;
  const ports = targetPorts(network, compilation);
  const shapes = ports.map((port, index) => targetShape(port, (losses[index] as OutputLoss).loss));
  const wanted = wantedOf('y', ports, shapes);
  wantedTargets.set(network, {losses, wanted});
  return wanted;
}

/**
 * The model over rows of the sizes that these have, where its inputs leave them open.
 *
 * @throws ERR_SHAPE for arrays without a shape, or that a layer cannot take.
 */
export function networkOver(network: Network, where: string, x: PortData, allowSingle = false): Network {
  if (!network.isOfAnyLength) return network;
  const {ports, names, shapes} = inputsWanted(network.inputs);
  const given = dataOfPorts(`${where}: x`, ports, x, shapes);
  return network.at(
    ports.map(({shape, tensor: {pattern}}, index): Shape => {
      if (!pattern) return shape;
      const own = shapeGiven(`${where}: ${names[index]}`, given[index] as AnyInput, pattern);
      const isSingle = allowSingle && own.length === pattern.length;
      const sample = isSingle ? own : own.slice(1);
      if (sample.includes(0)) {
        const wanted = `expected samples ${formatInput(pattern)} of one step or more`;
        fail('ERR_SHAPE', `${where}: ${names[index]}: ${wanted}. Received ${formatShape(own)}.`);
      }
      return pattern.map((size, axis) => size ?? sample[axis] ?? (shape[axis] as number));
    }),
  );
}

/** What an array says of its shape; a flat one says nothing. */
function shapeGiven(what: string, data: AnyInput, pattern: InputShape): Shape {
  const shape = Array.isArray(data) ? nestedShape(data, maxRank + 1) : (data as Partial<ShapedInput>).shape;
  if (Array.isArray(shape)) return shape;
  const wanted = `samples ${formatInput(pattern)} of any length say it: {data, shape}, or nested arrays`;
  return fail('ERR_SHAPE', `${what}: ${wanted}. Received ${show(data)}.`);
}

/**
 * The rows that a plan reads, of the data of the inputs.
 *
 * @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, e.g. `fit: x: expected the shape [rows,784]. …`, and what
 * layers ahead of the plan throw.
 */
export function bindInputs(
  {inputs, preparation}: Pick<Network, 'inputs' | 'preparation'>,
  where: string,
  x: PortData,
  allowSingle = false,
): Rows[] {
  const {ports, names, shapes} = inputsWanted(inputs);
  const rows = dataOfPorts(`${where}: x`, ports, x, shapes).map((data, index): AnyRows => {
    const what = `${where}: ${names[index]}`;
    const rowShape = shapes[index] as Shape;
    const {dtype} = (ports[index] as Port).tensor;
    if (dtype === 'string') return toTextRows(data, {what, rowShape, allowSingle});
    return toRows(data as DataInput, {what, rowShape, allowSingle, dtype});
  });
  checkCounts(where, ports, rows);
  return preparation.rowsOf(where, rows) as readonly Rows[] as Rows[];
}

function checkCounts(where: string, ports: readonly Port[], rows: readonly AnyRows[]): void {
  const [first] = rows as [AnyRows];
  const other = rows.findIndex(({count, single}) => count !== first.count || single !== first.single);
  if (other < 0) return;
  const [one, two] = [ports[0] as Port, ports[other] as Port];
  const counts = `${one.name} has ${first.count} rows and ${two.name} ${(rows[other] as Rows).count}`;
  fail(
    'ERR_SHAPE',
    `${where}: ${counts}${first.count === rows[other]?.count ? ', one a single sample' : ''}.`,
  );
}

function bindTargets(model: CompiledNetwork, where: string, y: PortData, count: number): Rows[] {
  const compilation = model.compilation(where);
  const {ports, names, shapes} = targetsWanted(model.network, compilation);
  const rows = dataOfPorts(`${where}: y`, ports, y, shapes).map((data, index) => {
    const {loss} = compilation.losses[index] as OutputLoss;
    const what = `${where}: ${names[index]}`;
    const classes = loss.targets === 'classes';
    const bound = explained(where, data as DataInput, loss, count, () =>
      toRows(data as DataInput, {what, rowShape: shapes[index] as Shape, integers: classes}),
    );
    checkProbabilities(what, loss, bound);
    if (classes && bound.scale !== 1) {
      fail('ERR_OPTION', `${what}: class labels have no scale. Received ${bound.scale}.`);
    }
    return bound;
  });
  checkCounts(where, ports, rows);
  return rows;
}

/** The targets of an output, or an error that says which loss they would go with. */
function explained(where: string, data: DataInput, loss: Loss, count: number, read: () => Rows): Rows {
  try {
    const rows = read();
    if (rows.count === count) return rows;
    return fail('ERR_SHAPE', `${where}: x has ${count} rows and y ${rows.count}.`);
  } catch (error) {
    throw explainTargets(error, data, loss, count);
  }
}

/** Once for all native calls of a fit, for where memory cannot be held it is copied. */
function safe(rows: Rows): Rows {
  const data = keepSafe(rows.data);
  return data === rows.data ? rows : {...rows, data};
}

/** Inputs and targets of the same number of rows. */
export function bindSamples(
  compiled: CompiledNetwork,
  where: string,
  x: PortData,
  y: PortData,
  weighting: Weighting = {},
): Samples {
  const network = networkOver(compiled.network, where, x);
  const model: CompiledNetwork = {network, compilation: from => compiled.compilation(from)};
  const inputs = bindInputs(model.network, where, x).map(safe);
  const {count} = inputs[0] as Rows;
  const targets = bindTargets(model, where, y, count).map(safe);
  const weights = bindWeights(model, where, targets, weighting);
  const sources = sourcesOfInputs(model.network, inputs);
  addSources(sources, targetsWanted(model.network, model.compilation(where)), targets);
  if (!weights) return {network, x: inputs, y: targets, count, sources};
  Object.assign(sources, namedWeights(model, where, weights));
  return {network, x: inputs, y: targets, count, weights, sources};
}

/** Weights for each output; the same array for all where numbers for all were given. */
function bindWeights(
  model: CompiledNetwork,
  where: string,
  targets: readonly Rows[],
  weighting: Weighting,
): Samples['weights'] {
  if (weighting.sampleWeight === undefined && weighting.classWeight === undefined) return undefined;
  const ports = targetPorts(model.network, model.compilation(where));
  const names = ports.map(({name}) => name);
  const each = weightingOfEach(where, weighting, names, (targets[0] as Rows).count);
  const [first] = each as [(typeof each)[number]];
  const common = each.every(
    ({sampleWeight, classWeight}) => sampleWeight === first.sampleWeight && classWeight === undefined,
  );
  const bind = (index: number): Rows | undefined =>
    weightsOf(
      common || ports.length === 1 ? where : `${where}: ${names[index]}`,
      targets[index] as Rows,
      each[index] ?? {},
      (ports[index] as Port).shape,
    );
  if (!common) return targets.map((_, index) => bind(index));
  const shared = bind(0);
  return shared && targets.map(() => shared);
}

function namedWeights(
  model: CompiledNetwork,
  where: string,
  weights: NonNullable<Samples['weights']>,
): Record<string, Rows> {
  const ports = targetPorts(model.network, model.compilation(where));
  const names = weightSources(ports, weights);
  return Object.fromEntries(
    weights.flatMap((rows, index) => (rows ? [[names[index] as string, rows] as const] : [])),
  );
}

/** The arrays of the inputs by the names that programs have for them. */
export function sourcesOfInputs(network: Network, x: readonly Rows[]): Record<string, Rows> {
  const sources: Record<string, Rows> = {};
  addSources(sources, inputsWanted(network.feeds), x);
  return sources;
}

function addSources(sources: Record<string, Rows>, {names}: Wanted, all: readonly Rows[]): void {
  for (const [index, rows] of all.entries()) sources[names[index] as string] = rows;
}

/** For messages about labels: how many classes there are in the output that an array is about. */
export function classCount(model: CompiledNetwork, where: string, source: string): number {
  const {ports, names} = targetsWanted(model.network, model.compilation(where));
  return ports[names.indexOf(source)]?.shape.at(-1) ?? 0;
}
