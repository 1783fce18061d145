// The moving averages of the weights, where the optimizer keeps them, take the weights' place.
import type {Variable} from '../core/tensor.ts';
import type {Engine} from './engine.ts';
import {averagesGraph} from './updates.ts';

/** Does nothing where none are kept, or before the first update. */
export async function useAverages(engine: Engine): Promise<void> {
  const training = engine.compiled;
  const slot = training?.optimizer.averageSlot;
  if (!training || slot === undefined || engine.iterations < training.optimizer.accumulationSteps) return;
  const position = training.optimizer.slots.indexOf(slot);
  const averages = training.slots.map(slots => slots[position] as Variable);
  await engine.program('averages', () => averagesGraph(engine.network, averages)).run({}, {steps: 1});
}
