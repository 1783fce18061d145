// A step of the optimizer by gradients that the user gives, changed or made as they like.

import {fail} from '../../core/errors.ts';
import {isObject, isRecord, show} from '../../core/kinds.ts';
import type {Shape} from '../../core/shape.ts';
import type {WeightNumbers} from '../../nn/weights.ts';
import {writeHyper} from '../../optim/optimizer.ts';
import type {Engine} from '../run/engine.ts';
import {inputsOf} from '../run/inputs.ts';
import {matchWeights} from '../run/match-weights.ts';
import {runInputs} from '../run/row-run.ts';
import {applyGradientsGraph} from '../step/commit.ts';

/** Gradients by the names of their weights, as `gradients` of `model.gradients(…)` has them. */
export type GradientValues = Readonly<
  Record<string, ArrayLike<number> | {readonly data: ArrayLike<number>; readonly shape?: Shape}>
>;

/** See `Model.applyGradients`. */
export async function applyGradients(engine: Engine, gradients: GradientValues): Promise<void> {
  const where = 'applyGradients';
  const compilation = engine.compilation(where);
  if (!isRecord(gradients)) {
    const wanted = 'expected {name: gradient, …} as gradients() gives them';
    fail('ERR_WEIGHTS', `${where}: ${wanted}. Received ${show(gradients)}.`);
  }
  await engine.write(where, async () => {
    engine.checkTrainable(where);
    const {network} = engine;
    const {values} = matchWeights(
      where,
      network.trainable.map(({variable}) => variable),
      Object.entries(gradients).map(([name, value]) =>
        isObject(value) && 'data' in value
          ? {name, ...(value as {data: WeightNumbers; shape?: Shape})}
          : {name, data: value as WeightNumbers},
      ),
    );
    const program = engine.program(where, () => applyGradientsGraph(network, compilation));
    const hyper = new Float32Array(compilation.optimizer.hyperCount);
    writeHyper(compilation.optimizer, engine.iterations, 1, hyper);
    const named = Object.fromEntries([...values].map(([{name}, data]) => [name, data]));
    const result = await runInputs(program, inputsOf(program, {...named, hyper}), {steps: 1});
    engine.iterations += result.steps;
    if (result.end !== 'guard') return;
    fail(
      'ERR_NOT_FINITE',
      `${where}: the norm of the gradients is not finite; the weights stay as they are.`,
    );
  });
}
