import type {TypedArray} from '../core/dtype.ts';
import {checkNumber, checkOptions} from '../core/errors.ts';
import {ascendingRows, seedWords} from '../data/order.ts';
import {arraysOf, bindSamples, classCounts, keyOfSamples} from './batches.ts';
import {type Engine, inputsOf} from './engine.ts';
import {failByGuard} from './failures.ts';
import {gradientOutput, gradientsGraph} from './graphs.ts';
import type {PortData} from './ports.ts';
import type {ShapedResult} from './predict.ts';

export interface GradientsOptions {
  /** Dropout and the like are on, as in `fit`. False by default. */
  readonly training?: boolean;
  /** Of the random numbers in training; the model's by default. */
  readonly seed?: number;
}

export interface GradientsResult {
  /** Mean over the samples, penalties included. */
  readonly loss: number;
  /** By the parameter's name, e.g. `dense/kernel`. */
  readonly gradients: Record<string, ShapedResult>;
}

/** The backward pass on its own: gradients of the loss over all rows of `x` as one batch. */
export async function gradientsOf(
  engine: Engine,
  x: PortData,
  y: PortData,
  options: GradientsOptions = {},
): Promise<GradientsResult> {
  const where = 'gradients';
  checkOptions(where, options, ['training', 'seed']);
  const {training = false, seed = engine.seed} = options;
  checkNumber(`${where}: seed`, seed, {integer: true});
  const samples = bindSamples(engine, where, x, y);
  const batch = samples.count;
  const rows = ascendingRows(batch);
  const key = keyOfSamples(`gradients ${training}`, batch, samples);
  const program = engine.program(key, () =>
    gradientsGraph(engine.network, engine.training(where), {batch, ...samples, training}),
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
  const gradients = engine.network.trainable.map(({variable: {name, shape}}, index) => {
    const data = result.outputs[gradientOutput(index)] as Float32Array;
    return [name, {data, shape}] as const;
  });
  return {loss: result.outputs.loss?.[0] as number, gradients: Object.fromEntries(gradients)};
}
