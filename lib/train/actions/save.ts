// From a model to its file.
import {checkOptions, fail} from '../../core/errors.ts';
import {describe, type Json} from '../../core/named.ts';
import {writeModelFile} from '../../io/model-file.ts';
import type {WeightData} from '../../nn/weights.ts';
import {topologyOf} from '../network/topology.ts';
import type {Engine} from '../run/engine.ts';
import {snapshot} from '../run/weights.ts';
import type {Compilation} from '../step/compilation.ts';
import type {NamedMetric, OutputLoss} from '../step/compile-options.ts';

export interface SaveOptions {
  /** Loss, metrics, optimizer and its moments go into the file too. True by default. */
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

/** See `BaseModel.save`. */
export async function save(engine: Engine, path: string, options: SaveOptions): Promise<void> {
  checkOptions('save', options, ['includeOptimizer']);
  const {includeOptimizer = true} = options;
  if (typeof path !== 'string' || path === '') fail('ERR_OPTION', `save: expected a path. Received ${path}.`);
  const training = includeOptimizer ? engine.compiled : undefined;
  const topology = topologyOf(engine);
  const trainingText = training && compilationJson(engine, training);
  const moments = training ? engine.moments : [];
  const file = await engine.whenQuiet(() => ({
    topology,
    training: trainingText,
    step: training ? engine.iterations : 0,
    epochs: training ? engine.epochs : 0,
    tensors: snapshot(engine, [...engine.variables, ...moments]),
  }));
  checkFinite(file.tensors);
  await writeModelFile(path, file);
}

/** `load` would refuse such a file, and it would be in the place of a good one. */
function checkFinite(tensors: readonly WeightData[]): void {
  for (const {name, data} of tensors) {
    const bad = data.findIndex(number => !Number.isFinite(number));
    if (bad >= 0) {
      fail('ERR_NOT_FINITE', `save: ${name} holds ${data[bad]} at position ${bad}; nothing was written.`);
    }
  }
}
