// The moving averages of the weights, where the optimizer keeps them.
import type {Variable} from '../../core/tensor.ts';
import type {VariableStore} from '../../session/store.ts';
import type {Network} from '../network/network.ts';
import type {Compilation} from '../step/compilation.ts';

/** For each trainable weight the variable that holds its average; none where none are kept. */
export function averagesOf({
  optimizer,
  slots,
}: Pick<Compilation, 'optimizer' | 'slots'>): readonly Variable[] {
  const {averageSlot} = optimizer;
  if (averageSlot === undefined) return [];
  return slots.map(own => own.find(({name}) => name.endsWith(`/${averageSlot}`)) as Variable);
}

/** The average of a weight that is trained from now on starts where the weight is. */
export function startAverages(
  compilation: Compilation,
  network: Network,
  store: VariableStore,
  fresh: readonly Variable[],
): void {
  averagesOf(compilation).forEach((average, index) => {
    const weight = network.trainable[index]?.variable as Variable;
    if (fresh.includes(average)) store.write(average, store.read(weight));
  });
}
