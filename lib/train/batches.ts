// The user's arrays, checked against the model before anything runs, and the table of rows that each step
// reads.
import type {TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {type Rows, toRows} from '../data/arrays.ts';
import {keepSafe} from '../session/compile.ts';
import type {Engine} from './engine.ts';
import {targetShape} from './graphs.ts';
import type {Network, Port} from './network.ts';
import {dataOfPorts, type PortData, sourceName} from './ports.ts';
import {type Weighting, weightsOf} from './sample-weights.ts';
import {type OutputLoss, targetPorts} from './training.ts';

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
export function bindInputs(engine: Engine, where: string, x: PortData, allowSingle = false): Rows[] {
  const {inputs} = engine.network;
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

function bindTargets(engine: Engine, where: string, y: PortData): Rows[] {
  const training = engine.training(where);
  const ports = targetPorts(engine.network, training);
  const rows = dataOfPorts(`${where}: y`, ports, y).map((data, index) => {
    const {loss} = training.losses[index] as OutputLoss;
    const port = ports[index] as Port;
    const what = place(where, 'y', ports, port);
    const classes = loss.targets === 'classes';
    const bound = toRows(data, {what, rowShape: targetShape(port, loss), integers: classes});
    if (classes && bound.scale !== 1) {
      fail('ERR_OPTION', `${what}: class numbers have no scale. Received ${bound.scale}.`);
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
  engine: Engine,
  where: string,
  x: PortData,
  y: PortData,
  weighting: Weighting = {},
): Samples {
  const inputs = bindInputs(engine, where, x).map(safe);
  const targets = bindTargets(engine, where, y).map(safe);
  const [{count}, target] = [inputs[0] as Rows, targets[0] as Rows];
  if (count !== target.count) fail('ERR_SHAPE', `${where}: x has ${count} rows and y ${target.count}.`);
  if (weighting.classWeight !== undefined && targets.length > 1) {
    fail(
      'ERR_OPTION',
      `${where}: classWeight: the model has ${targets.length} outputs with classes of their own.`,
    );
  }
  const weights = weightsOf(where, target, weighting, classesOf(engine));
  const named = namedRows(engine, where, inputs, targets);
  return {
    x: inputs,
    y: targets,
    count,
    ...(weights && {weights}),
    sources: weights ? {...named, weights} : named,
  };
}

function namedRows(
  engine: Engine,
  where: string,
  x: readonly Rows[],
  y: readonly Rows[],
): Record<string, Rows> {
  const {network} = engine;
  const ports = targetPorts(network, engine.training(where));
  return Object.fromEntries([
    ...namedInputs(network, x),
    ...y.map((rows, index) => [sourceName('y', ports, ports[index] as Port), rows] as const),
  ]);
}

/** The arrays of the inputs by the names that programs have for them. */
export function namedInputs({inputs}: Network, x: readonly Rows[]): [string, Rows][] {
  return x.map((rows, index) => [sourceName('x', inputs, inputs[index] as Port), rows]);
}

/** How many classes the model tells apart: two where it gives one number. */
export function classesOf({network}: Engine): number {
  return Math.max(2, network.outputShape.at(-1) as number);
}

/** For messages about labels: how many classes there are in the output that an array is about. */
export function classCounts(engine: Engine, where: string): (source: string) => number {
  const ports = targetPorts(engine.network, engine.training(where));
  return source => {
    const port = ports.find(each => sourceName('y', ports, each) === source);
    return port?.shape.at(-1) ?? 0;
  };
}

/** What a plan depends on, as a key. */
export function keyOf(purpose: string, batch: number, ...data: readonly (Rows | undefined)[]): string {
  const specs = data.flatMap(rows => (rows ? [`${rows.dtype}[${rows.rowShape}]*${rows.scale}`] : []));
  return [purpose, batch, ...specs].join(' ');
}

/** The same for a program over all arrays of the samples. */
export function keyOfSamples(purpose: string, batch: number, {x, y, weights}: Samples): string {
  return keyOf(weights ? `${purpose} weighted` : purpose, batch, ...x, ...y, weights);
}

/** The arrays as the programs name them. */
export function arraysOf({sources}: Pick<Samples, 'sources'>): Record<string, TypedArray> {
  return Object.fromEntries(Object.entries(sources).map(([name, {data}]) => [name, data]));
}

/** Batches of these sizes have plans; a row's bits do not depend on the batch that it is in. */
const buckets = [1, 8, 32, 128];

/** Rows in steps of one size that cover all given; the last row is read again to fill the last step. */
export function inBuckets(given: Int32Array): {batch: number; steps: number; rows: Int32Array} {
  const batch = buckets.find(size => size >= given.length) ?? (buckets.at(-1) as number);
  const steps = Math.ceil(given.length / batch);
  const rows = new Int32Array(new SharedArrayBuffer(4 * steps * batch));
  rows.set(given);
  rows.fill(given.at(-1) as number, given.length);
  return {batch, steps, rows};
}
