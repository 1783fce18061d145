// At the end of a training the moving averages take the place of the weights, where the optimizer keeps them.
import {averagesOf} from '../run/averages.ts';
import type {Engine} from '../run/engine.ts';
import {averagesGraph} from '../step/commit.ts';

/** Does nothing where no averages are kept, or before the first update. */
export async function useAverages(engine: Engine): Promise<void> {
  const {compiled, iterations, network} = engine;
  const averages = compiled ? averagesOf(compiled) : [];
  const {accumulationSteps = 1} = compiled?.optimizer ?? {};
  if (averages.length === 0 || iterations < accumulationSteps) return;
  await engine.program('averages', () => averagesGraph(network, averages)).run({}, {steps: 1, inline: true});
}
