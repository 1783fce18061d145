// The user's arrays, checked against the inputs and outputs of the model before anything runs.
import {fail} from '../../core/errors.ts';
import {type DataInput, type Rows, toRows} from '../../data/arrays.ts';
import type {Loss} from '../../nn/losses.ts';
import {keepSafe} from '../../session/compile.ts';
import type {Network, Port} from '../network/network.ts';
import {dataOfPorts, type PortData, sourceName} from '../network/ports.ts';
import {type CompiledNetwork, targetPorts} from '../step/compilation.ts';
import type {OutputLoss} from '../step/compile-options.ts';
import {targetShape, weightSources} from '../step/graphs.ts';
import {type Weighting, weightingOfEach, weightsOf} from './sample-weights.ts';
import {checkProbabilities, explainTargets} from './targets.ts';

export interface Samples {
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

/** `fit: x`, or `fit: x.left` where there are several. */
const place = (where: string, what: 'x' | 'y', ports: readonly Port[], port: Port): string =>
  `${where}: ${sourceName(what, ports, port)}`;

/** @throws ERR_SHAPE, ERR_DTYPE or ERR_DETACHED, e.g. `fit: x: expected the shape [rows,784]. …` */
export function bindInputs(
  {inputs}: Pick<Network, 'inputs'>,
  where: string,
  x: PortData,
  allowSingle = false,
): Rows[] {
  const rows = dataOfPorts(`${where}: x`, inputs, x).map((data, index) => {
    const port = inputs[index] as Port;
    return toRows(data, {what: place(where, 'x', inputs, port), rowShape: port.shape, allowSingle});
  });
  checkCounts(where, inputs, rows);
  return rows;
}

function checkCounts(where: string, ports: readonly Port[], rows: readonly Rows[]): void {
  const [first] = rows as [Rows];
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
  const ports = targetPorts(model.network, compilation);
  const rows = dataOfPorts(`${where}: y`, ports, y).map((data, index) => {
    const {loss} = compilation.losses[index] as OutputLoss;
    const port = ports[index] as Port;
    const what = place(where, 'y', ports, port);
    const classes = loss.targets === 'classes';
    const bound = explained(where, data, loss, count, () =>
      toRows(data, {what, rowShape: targetShape(port, loss), integers: classes}),
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
const safe = (rows: Rows): Rows => ({...rows, data: keepSafe(rows.data)});

/** Inputs and targets of the same number of rows. */
export function bindSamples(
  model: CompiledNetwork,
  where: string,
  x: PortData,
  y: PortData,
  weighting: Weighting = {},
): Samples {
  const inputs = bindInputs(model.network, where, x).map(safe);
  const {count} = inputs[0] as Rows;
  const targets = bindTargets(model, where, y, count).map(safe);
  const weights = bindWeights(model, where, targets, weighting);
  const named = namedRows(model, where, inputs, targets);
  return {
    x: inputs,
    y: targets,
    count,
    ...(weights && {weights}),
    sources: {...named, ...(weights && namedWeights(model, where, weights))},
  };
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
      classesOf(ports[index] as Port),
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

function namedRows(
  model: CompiledNetwork,
  where: string,
  x: readonly Rows[],
  y: readonly Rows[],
): Record<string, Rows> {
  const {network} = model;
  const ports = targetPorts(network, model.compilation(where));
  const targets = y.map((rows, index) => [sourceName('y', ports, ports[index] as Port), rows] as const);
  return {...sourcesOfInputs(network, x), ...Object.fromEntries(targets)};
}

/** The arrays of the inputs by the names that programs have for them. */
export function sourcesOfInputs({inputs}: Network, x: readonly Rows[]): Record<string, Rows> {
  return Object.fromEntries(x.map((rows, index) => [sourceName('x', inputs, inputs[index] as Port), rows]));
}

/** How many classes an output tells apart: two where it gives one number. */
function classesOf({shape}: Port): number {
  return Math.max(2, shape.at(-1) as number);
}

/** For messages about labels: how many classes there are in the output that an array is about. */
export function classCount(model: CompiledNetwork, where: string, source: string): number {
  const ports = targetPorts(model.network, model.compilation(where));
  const port = ports.find(each => sourceName('y', ports, each) === source);
  return port?.shape.at(-1) ?? 0;
}
