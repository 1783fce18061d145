// The forward pass on its own, with what the layers compute on the way.
import {checkBoolean, checkNumber, checkOptions} from '../../core/errors.ts';
import type {Shape} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import {keyOf} from '../feed/plan-key.ts';
import {bindInputs, networkOver, sourcesOfInputs} from '../feed/samples.ts';
import {inStructure, type PortData, sourceName} from '../network/ports.ts';
import type {Prediction, ShapedResult} from '../network/results.ts';
import {checkOneBatch, rowNumbers} from '../run/buckets.ts';
import type {Engine} from '../run/engine.ts';
import {recordedProgram} from '../run/recorded-program.ts';
import {randomOf, runRows} from '../run/row-run.ts';
import {predictGraph} from '../step/graphs.ts';
import {type LayerRecord, readRecords} from '../step/recorder.ts';

export interface ForwardOptions {
  /** Give every layer's pre-activation and activation too. False by default. */
  readonly record?: boolean;
  /** Dropout and the like are on, as in `fit`. False by default. */
  readonly training?: boolean;
  /** Of the random numbers in training; the model's by default. */
  readonly seed?: number;
}

export interface ForwardResult<Output = Prediction> {
  /** As `predict` gives it. */
  readonly output: Output;
  /** Of each call of a layer, in order, where they were asked for. */
  readonly layers: readonly LayerRecord[];
}

/** The forward pass on its own, over all rows of `x` as one batch. */
export async function forward(
  engine: Engine,
  x: PortData,
  options: ForwardOptions = {},
): Promise<ForwardResult> {
  const where = 'forward';
  checkOptions(where, options, ['record', 'training', 'seed']);
  const {record = false, training = false, seed = engine.seed} = options;
  checkBoolean(`${where}: record`, record);
  checkBoolean(`${where}: training`, training);
  checkNumber(`${where}: seed`, seed, {integer: true});
  const network = networkOver(engine.network, where, x, true);
  const bound = bindInputs(network, where, x, true);
  const [{count: batch, single}] = bound as [Rows];
  checkOneBatch(where, network.batchSize, batch);
  const rows = rowNumbers(batch);
  const {program, recorder} = recordedProgram(
    engine,
    keyOf(`forward ${training}`, batch, ...bound),
    record,
    made => predictGraph(network, {batch, x: bound, training, ...(made && {recorder: made})}),
  );
  const sources = sourcesOfInputs(network, bound);
  const run = {where, sources, rows, batch, random: randomOf(engine, seed)};
  const result = await runRows(engine, program, run, {steps: 1});
  const shapeOf = (shape: Shape): Shape => (single ? shape : [batch, ...shape]);
  const outputs = network.outputs.map((port): ShapedResult => {
    const data = result.outputs[sourceName('output', network.outputs, port)] as Float32Array;
    return {data, shape: shapeOf(port.shape)};
  });
  return {
    output: inStructure(network.outputStructure, network.outputs, outputs),
    layers: recorder ? readRecords(recorder, result.outputs, ['preActivation', 'activation']) : [],
  };
}
