// The moving averages of the weights, where the optimizer keeps them.
import type {Variable} from '../../core/tensor.ts';
import type {Engine} from './engine.ts';
import {averagesGraph} from '../step/commit.ts';

/** For each trainable weight the variable that holds its average; none where none are kept. */
function averagesOf({compiled}: Engine): readonly Variable[] {
  const slot = compiled?.optimizer.averageSlot;
  if (!compiled || slot === undefined) return [];
  const position = compiled.optimizer.slots.indexOf(slot);
  return compiled.slots.map(slots => slots[position] as Variable);
}

/** The average of a weight that is trained from now on starts where the weight is. */
export function startAverages(engine: Engine, fresh: readonly Variable[]): void {
  const {network, store} = engine;
  averagesOf(engine).forEach((average, index) => {
    const weight = network.trainable[index]?.variable as Variable;
    if (fresh.includes(average)) store.write(average, store.read(weight));
  });
}

/** Does nothing where no averages are kept, or before the first update. */
export async function useAverages(engine: Engine): Promise<void> {
  const averages = averagesOf(engine);
  const {accumulationSteps = 1} = engine.compiled?.optimizer ?? {};
  if (averages.length === 0 || engine.iterations < accumulationSteps) return;
  await engine.program('averages', () => averagesGraph(engine.network, averages)).run({}, {steps: 1});
}
