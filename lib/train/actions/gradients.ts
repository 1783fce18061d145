// The backward pass on its own: the loss of some rows and its gradients, without an update.
import type {TypedArray} from '../../core/dtype.ts';
import {checkBoolean, checkNumber, checkOptions} from '../../core/errors.ts';
import type {Shape} from '../../core/shape.ts';
import {keyOfSamples, specsOf} from '../feed/plan-key.ts';
import type {Weighting} from '../feed/sample-weights.ts';
import {bindSamples, type Samples} from '../feed/samples.ts';
import type {Network} from '../network/network.ts';
import {inStructure, type PortData} from '../network/ports.ts';
import type {Prediction, ShapedResult} from '../network/results.ts';
import {checkOneBatch, rowNumbers} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {recordedProgram} from '../run/recorded-program.ts';
import {randomOf, runRows} from '../run/row-run.ts';
import {fewestRows} from '../run/step-runner.ts';
import {type Graph, gradientOutput, gradientsGraph, inputGradientOutput} from '../step/graphs.ts';
import {type LayerGradientRecord, readRecords} from '../step/recorder.ts';

export interface GradientsOptions extends Weighting {
  /** Dropout and the like are on, as in `fit`. False by default. */
  readonly training?: boolean;
  /** Of the random numbers in training; the model's by default. */
  readonly seed?: number;
  /** Give every layer's values and error signal, and the gradients of the inputs, too. False by default. */
  readonly record?: boolean;
}

export interface GradientsResult {
  /** Mean over the samples, penalties included. */
  readonly loss: number;
  /** By the parameter's name, e.g. `dense/kernel`. */
  readonly gradients: Record<string, ShapedResult>;
  /** Of each call of a layer, in order, where they were asked for. */
  readonly layers: readonly LayerGradientRecord[];
  /**
   * Where records were asked for: the gradient of the loss with respect to `x`, as it was given. Missing
   * for a model with layers ahead of the plan.
   */
  readonly inputs: Prediction | undefined;
}

/** The graph for each number of rows; refers to none of the samples, for it is kept. */
function gradientsOfRows(
  engine: Engine,
  network: Network,
  specs: ReturnType<typeof specsOf>,
  training: boolean,
): (batch: number) => Graph {
  return batch => gradientsGraph(network, engine.compilation('gradients'), {batch, ...specs, training});
}

function programOf(
  engine: Engine,
  samples: Samples,
  training: boolean,
  record: boolean,
): ReturnType<typeof recordedProgram> {
  const purpose = `gradients ${training}`;
  const {count: batch} = samples;
  if (!record) {
    const graph = () => gradientsOfRows(engine, samples.network, specsOf(samples), training);
    const key = keyOfSamples(purpose, 'rows', samples);
    const program =
      (engine.network.batchSize === undefined
        ? engine.programForRows(key, {rows: batch, fewest: fewestRows}, graph)
        : undefined) ?? engine.program(`${key} of ${batch}`, () => graph()(batch));
    return {program, recorder: undefined};
  }
  const compilation = engine.compilation('gradients');
  return recordedProgram(engine, keyOfSamples(purpose, batch, samples), true, recorder =>
    gradientsGraph(samples.network, compilation, {
      batch,
      ...samples,
      training,
      ...(recorder && {recorder}),
    }),
  );
}

const known = ['training', 'seed', 'record', 'sampleWeight', 'classWeight'];

/** The backward pass on its own: gradients of the loss over all rows of `x` as one batch. */
export async function gradientsOf(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: GradientsOptions = {},
): Promise<GradientsResult> {
  const where = 'gradients';
  checkOptions(where, options, known);
  const {training = false, seed = engine.seed, record = false, sampleWeight, classWeight} = options;
  checkBoolean(`${where}: training`, training);
  checkBoolean(`${where}: record`, record);
  checkNumber(`${where}: seed`, seed, {integer: true});
  const samples = bindSamples(engine, where, x, y, {sampleWeight, classWeight});
  const batch = samples.count;
  const rows = rowNumbers(batch);
  const {network, sources} = samples;
  checkOneBatch(where, network.batchSize, batch);
  const {program, recorder} = programOf(engine, samples, training, record);
  const run = {where, sources, rows, batch, random: randomOf(engine, seed)};
  const {outputs} = await runRows(engine, program, run, {steps: 1});
  const gradients: Record<string, ShapedResult> = {};
  for (const [index, {variable}] of network.trainable.entries()) {
    gradients[variable.name] = resultOf(outputs, gradientOutput(index), variable.shape);
  }
  return {
    loss: outputs.loss?.[0] as number,
    gradients,
    layers: recorder ? readRecords(recorder, outputs, recorded) : [],
    inputs: recorder && !network.runsAhead ? inputGradients(network, outputs, batch) : undefined,
  };
}

const recorded = ['preActivation', 'activation', 'errorSignal'] as const;

type Outputs = Readonly<Record<string, TypedArray>>;

function resultOf(outputs: Outputs, name: string, shape: Shape): ShapedResult {
  return {data: outputs[name] as Float32Array, shape};
}

function inputGradients({inputs, inputStructure}: Network, outputs: Outputs, batch: number): Prediction {
  const all = inputs.map(({shape}, index) =>
    resultOf(outputs, inputGradientOutput(index), [batch, ...shape]),
  );
  return inStructure(inputStructure, inputs, all);
}
