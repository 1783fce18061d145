import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {seedWords} from '../core/seed.ts';
import type {Shape} from '../core/shape.ts';
import type {Rows} from '../data/arrays.ts';
import {ascendingRows} from '../data/order.ts';
import {arraysOf, bindInputs, keyOf, namedInputs} from './batches.ts';
import {type Engine, inputsOf} from './engine.ts';
import {failByGuard} from './failures.ts';
import {predictGraph} from './graphs.ts';
import {inStructure, type PortData, sourceName} from './ports.ts';
import type {Prediction, ShapedResult} from './predict.ts';
import {type LayerRecord, readRecords, recordedProgram} from './records.ts';

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

export function checkFlag(what: string, value: unknown): void {
  if (typeof value !== 'boolean')
    fail('ERR_OPTION', `${what}: expected true or false. Received ${String(value)}.`);
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
  checkFlag(`${where}: record`, record);
  checkFlag(`${where}: training`, training);
  checkNumber(`${where}: seed`, seed, {integer: true});
  const {network} = engine;
  const bound = bindInputs(engine, where, x, true);
  const [{count: batch, single}] = bound as [Rows];
  const rows = ascendingRows(batch);
  const {program, recorder} = recordedProgram(
    engine,
    keyOf(`forward ${training}`, batch, ...bound),
    record,
    made => predictGraph(network, {batch, x: bound, training, ...(made && {recorder: made})}),
  );
  const sources = Object.fromEntries(namedInputs(network, bound));
  const offered = {
    ...arraysOf({sources}),
    rows,
    seed: Int32Array.from(seedWords(seed)),
    step: Int32Array.of(engine.iterations),
  };
  const result = await program.run(inputsOf(program, offered), {steps: 1});
  if (result.end === 'guard') failByGuard(result, {where, sources, rows, batch});
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
