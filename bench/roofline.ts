// The least that a training step can take on this machine: its arithmetic at the multiply-add peak, and the
// bytes that must move at the bandwidth of the level where they live. Activations stay in the cache and are
// not counted, nor is what the threads tell each other: the bound is below what any program reaches.
import {bandwidthOf, type Ceiling, levelOf, peakOf} from './ceiling.ts';
import {flopsPerStep, type Workload} from './workloads.ts';

export interface StepBound {
  readonly microseconds: number;
  readonly arithmetic: number;
  /** Parameters, gradients and moments, read and written by the optimizer. */
  readonly update: number;
  readonly updateLevel: string;
  /** The batch, read from the data set. */
  readonly data: number;
  readonly dataLevel: string;
}

/** Bytes of a parameter that an optimizer keeps with its gradient, and those that it reads and writes. */
export const updateBytes: Readonly<
  Record<Workload['optimizer']['name'] | 'momentum', {kept: number; moved: number}>
> = {
  sgd: {kept: 8, moved: 12},
  momentum: {kept: 12, moved: 20},
  rmsprop: {kept: 12, moved: 20},
  adam: {kept: 16, moved: 28},
};

export function parametersOf({sizes}: Pick<Workload, 'sizes'>): number {
  return sizes.slice(1).reduce((sum, units, layer) => sum + ((sizes[layer] as number) + 1) * units, 0);
}

/** GB/s are thousands of bytes per microsecond. */
export function boundOfStep(workload: Workload, ceiling: Ceiling, threads: number): StepBound {
  const {sizes, batch, batches, optimizer} = workload;
  const parameters = parametersOf(workload);
  const {kept, moved} = updateBytes[optimizer.name];
  const updateLevel = levelOf(ceiling, kept * parameters, threads);
  const rowBytes = 4 * ((sizes[0] as number) + 1);
  const dataLevel = levelOf(ceiling, batch * batches * rowBytes, threads);
  const arithmetic = flopsPerStep(workload) / (peakOf(ceiling, threads) * 1e3);
  const update = (moved * parameters) / (bandwidthOf(updateLevel, threads, 'in place') * 1e3);
  const data = (batch * rowBytes) / (bandwidthOf(dataLevel, threads, 'read') * 1e3);
  return {
    microseconds: arithmetic + update + data,
    arithmetic,
    update,
    updateLevel: updateLevel.name,
    data,
    dataLevel: dataLevel.name,
  };
}
