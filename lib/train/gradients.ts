import type {TypedArray} from '../core/dtype.ts';
import {checkNumber, checkOptions} from '../core/errors.ts';
import {seedWords} from '../core/seed.ts';
import type {Shape} from '../core/shape.ts';
import {ascendingRows} from '../data/order.ts';
import {arraysOf, bindSamples, classCounts, keyOfSamples} from './batches.ts';
import {type Engine, inputsOf} from './engine.ts';
import {failByGuard} from './failures.ts';
import {checkFlag} from './forward.ts';
import {gradientOutput, gradientsGraph, inputGradientOutput} from './graphs.ts';
import {inStructure, type PortData} from './ports.ts';
import type {Prediction, ShapedResult} from './predict.ts';
import {type LayerGradientRecord, readRecords, recordedProgram} from './records.ts';
import type {Weighting} from './sample-weights.ts';

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
  /** Where records were asked for: the gradient of the loss with respect to `x`, as it was given. */
  readonly inputs: Prediction | undefined;
}

/** The backward pass on its own: gradients of the loss over all rows of `x` as one batch. */
export async function gradientsOf(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: GradientsOptions = {},
): Promise<GradientsResult> {
  const where = 'gradients';
  checkOptions(where, options, ['training', 'seed', 'record', 'sampleWeight', 'classWeight']);
  const {training = false, seed = engine.seed, record = false, sampleWeight, classWeight} = options;
  checkFlag(`${where}: training`, training);
  checkFlag(`${where}: record`, record);
  checkNumber(`${where}: seed`, seed, {integer: true});
  const samples = bindSamples(engine, where, x, y, {sampleWeight, classWeight});
  const batch = samples.count;
  const rows = ascendingRows(batch);
  const key = keyOfSamples(`gradients ${training}`, batch, samples);
  const {network} = engine;
  const {program, recorder} = recordedProgram(engine, key, record, made =>
    gradientsGraph(network, engine.training(where), {
      batch,
      ...samples,
      training,
      ...(made && {recorder: made}),
    }),
  );
  const offered: Record<string, TypedArray> = {
    ...arraysOf(samples),
    rows,
    seed: Int32Array.from(seedWords(seed)),
    step: Int32Array.of(engine.iterations),
  };
  const result = await program.run(inputsOf(program, offered), {steps: 1});
  if (result.end === 'guard') {
    failByGuard(result, {where, ...samples, rows, batch, classesOf: classCounts(engine, where)});
  }
  const resultOf = (name: string, shape: Shape): ShapedResult => {
    return {data: result.outputs[name] as Float32Array, shape};
  };
  const gradients = network.trainable.map(({variable: {name, shape}}, index) => {
    return [name, resultOf(gradientOutput(index), shape)] as const;
  });
  const inputs = network.inputs.map(({shape}, index) =>
    resultOf(inputGradientOutput(index), [batch, ...shape]),
  );
  const all = ['preActivation', 'activation', 'errorSignal'] as const;
  return {
    loss: result.outputs.loss?.[0] as number,
    gradients: Object.fromEntries(gradients),
    layers: recorder ? readRecords(recorder, result.outputs, all) : [],
    inputs: recorder && inStructure(network.inputStructure, network.inputs, inputs),
  };
}
