// From a model to its file.

import {checkOptions, fail} from '../../core/errors.ts';
import {describe, type Json} from '../../core/named.ts';
import {toPath} from '../../core/path.ts';
import {
  encodeModel,
  fileError,
  type ModelContents,
  type ModelSource,
  openModelFile,
  writeModelFile,
} from '../../io/model-file.ts';
import type {SetWeightsOptions, WeightData, WeightsSet} from '../../nn/weights.ts';
import {topologyOf} from '../network/topology.ts';
import type {Engine} from '../run/engine.ts';
import {checkSetOptions, matchWeights} from '../run/match-weights.ts';
import {assign, snapshot} from '../run/weights.ts';
import type {Compilation} from '../step/compilation.ts';
import type {NamedMetric, OutputLoss} from '../step/compile-options.ts';

export interface SaveOptions {
  /**
   * Loss, metrics, optimizer and its moments go into the file too, as do the states of stateful layers. True
   * by default.
   */
  readonly includeOptimizer?: boolean;
}

const isSeveral = ({network}: Engine): boolean => network.outputs.length > 1;

function metricJson({own, metric}: NamedMetric): Json {
  return metric.kind !== 'custom' && Object.keys(metric.config).length === 0
    ? own
    : describe('metric', metric);
}

/** As `compile` takes it; for several outputs by their names. */
function compilationJson(engine: Engine, {optimizer, losses, metrics, precision, warn}: Compilation): Json {
  const byOutput = <Value extends Json>(of: (loss: OutputLoss) => Value): {[name: string]: Value} =>
    Object.fromEntries(losses.map(loss => [loss.name, of(loss)]));
  const one = losses[0] as OutputLoss;
  const weighted = losses.some(({weight}) => weight !== 1);
  const listed = (wanted: boolean) => {
    const of = (loss: OutputLoss): Json[] =>
      metrics.filter(metric => metric.of === loss && metric.weighted === wanted).map(metricJson);
    return isSeveral(engine) ? byOutput(of) : of(one);
  };
  return {
    optimizer: describe('optimizer', optimizer),
    loss: isSeveral(engine) ? byOutput(({loss}) => describe('loss', loss)) : describe('loss', one.loss),
    ...(weighted && {lossWeights: byOutput(({weight}) => weight)}),
    metrics: listed(false),
    ...(metrics.some(metric => metric.weighted) && {weightedMetrics: listed(true)}),
    ...(precision !== 'float32' && {precision}),
    ...(!warn && {warn}),
  };
}

/** What a file of the model holds, of one finished step. */
async function contentsOf(engine: Engine, where: string, options: SaveOptions): Promise<ModelContents> {
  checkOptions(where, options, ['includeOptimizer']);
  const {includeOptimizer = true} = options;
  const training = includeOptimizer ? engine.compiled : undefined;
  const topology = topologyOf(engine);
  const trainingText = training && compilationJson(engine, training);
  const moments = training ? engine.moments : [];
  const contents = await engine.whenQuiet(() => ({
    topology,
    training: trainingText,
    step: training ? engine.iterations : 0,
    epochs: training ? engine.epochs : 0,
    tensors: snapshot(engine, [
      ...engine.variables,
      ...(includeOptimizer ? engine.network.states : []),
      ...moments,
    ]),
  }));
  checkFinite(where, contents.tensors);
  return contents;
}

/** See `BaseModel.save`. */
export async function save(engine: Engine, path: string | URL, options: SaveOptions): Promise<void> {
  const file = toPath('save', path);
  await writeModelFile('save', file, await contentsOf(engine, 'save', options));
}

/** See `BaseModel.toBytes`. */
export async function toBytes(engine: Engine, options: SaveOptions): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(encodeModel(await contentsOf(engine, 'toBytes', options))));
}

/** See `BaseModel.saveWeights`. */
export async function saveWeights(engine: Engine, path: string | URL): Promise<void> {
  const file = toPath('saveWeights', path);
  const tensors = snapshot(engine, engine.variables);
  checkFinite('saveWeights', tensors);
  const contents = {topology: undefined, training: undefined, step: 0, epochs: 0, tensors};
  await writeModelFile('saveWeights', file, contents);
}

/** See `BaseModel.loadWeights`. */
export async function loadWeights(
  engine: Engine,
  source: ModelSource,
  options: SetWeightsOptions,
): Promise<WeightsSet> {
  const where = 'loadWeights';
  checkSetOptions(where, options);
  const file = await openModelFile(where, source);
  const own = new Set(engine.variables.map(({name}) => name));
  const states = new Set(engine.network.states.map(({name}) => name));
  const given: WeightData[] = [];
  try {
    for (const {name, shape} of file.entries) {
      if (own.has(name) || !(name.startsWith('optimizer/') || states.has(name)))
        given.push({name, shape, data: await file.read(name)});
    }
  } catch (error) {
    throw fileError(where, file.from, error);
  } finally {
    await file.close();
  }
  const {values, report} = matchWeights(where, engine.variables, given, options);
  engine.writeSync(where, () => assign(engine, values));
  return report;
}

/** `load` would refuse such a file, and it would be in the place of a good one. */
function checkFinite(where: string, tensors: readonly WeightData[]): void {
  for (const {name, data} of tensors) {
    const bad = data.findIndex(number => !Number.isFinite(number));
    if (bad >= 0) {
      fail('ERR_NOT_FINITE', `${where}: ${name} holds ${data[bad]} at position ${bad}; nothing was written.`);
    }
  }
}
