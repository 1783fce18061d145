// The user's arrays, checked against the inputs and outputs of the model before anything runs.
import {fail} from '../../core/errors.ts';
import {type Rows, toRows} from '../../data/arrays.ts';
import {keepSafe} from '../../session/compile.ts';
import type {Network, Port} from '../network/network.ts';
import {dataOfPorts, type PortData, sourceName} from '../network/ports.ts';
import {type CompiledNetwork, targetPorts} from '../step/compilation.ts';
import type {OutputLoss} from '../step/compile-options.ts';
import {targetShape} from '../step/graphs.ts';
import {type Weighting, weightsOf} from './sample-weights.ts';

export interface Samples {
  /** For each input of the model. */
  readonly x: readonly Rows[];
  /** For each output that has a loss. */
  readonly y: readonly Rows[];
  readonly count: number;
  /** How much each row counts in the loss; all alike where it is left out. */
  readonly weights?: Rows | undefined;
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

function bindTargets(model: CompiledNetwork, where: string, y: PortData): Rows[] {
  const compilation = model.compilation(where);
  const ports = targetPorts(model.network, compilation);
  const rows = dataOfPorts(`${where}: y`, ports, y).map((data, index) => {
    const {loss} = compilation.losses[index] as OutputLoss;
    const port = ports[index] as Port;
    const what = place(where, 'y', ports, port);
    const classes = loss.targets === 'classes';
    const bound = toRows(data, {what, rowShape: targetShape(port, loss), integers: classes});
    if (classes && bound.scale !== 1) {
      fail('ERR_OPTION', `${what}: class labels have no scale. Received ${bound.scale}.`);
    }
    return bound;
  });
  checkCounts(where, ports, rows);
  return rows;
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
  const targets = bindTargets(model, where, y).map(safe);
  const [{count}, target] = [inputs[0] as Rows, targets[0] as Rows];
  if (count !== target.count) fail('ERR_SHAPE', `${where}: x has ${count} rows and y ${target.count}.`);
  if (weighting.classWeight !== undefined && targets.length > 1) {
    fail(
      'ERR_OPTION',
      `${where}: classWeight: the model has ${targets.length} outputs with classes of their own.`,
    );
  }
  const weights = weightsOf(where, target, weighting, classesOf(model.network));
  const named = namedRows(model, where, inputs, targets);
  return {
    x: inputs,
    y: targets,
    count,
    ...(weights && {weights}),
    sources: weights ? {...named, weights} : named,
  };
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

/** How many classes the model tells apart: two where it gives one number. */
function classesOf({outputShape}: Network): number {
  return Math.max(2, outputShape.at(-1) as number);
}

/** For messages about labels: how many classes there are in the output that an array is about. */
export function classCount(model: CompiledNetwork, where: string, source: string): number {
  const ports = targetPorts(model.network, model.compilation(where));
  const port = ports.find(each => sourceName('y', ports, each) === source);
  return port?.shape.at(-1) ?? 0;
}
