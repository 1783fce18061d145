// Training steps of perceptrons that nobody chose, beside those of the peers: sizes are from one seed.
import type {BenchOptions, Figures} from './options.ts';
import {timeWorkloads} from './train.ts';
import {randomWorkloads} from './workloads.ts';

export async function bench(options: BenchOptions): Promise<Figures> {
  const {figures} = await timeWorkloads(randomWorkloads, 'random', options);
  return figures;
}
