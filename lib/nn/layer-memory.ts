// The memory in which weights of layers lie, as a layer sees it.
import {fail} from '../core/errors.ts';
import type {Variable} from '../core/tensor.ts';
import type {SetWeightsOptions, WeightData, WeightsSet, WeightValue} from './weights.ts';

interface Stored {
  readonly name: string;
  readonly variable: Variable;
}

/** Of a layer, once a model is made of it. */
export interface LayerMemory {
  /** @throws ERR_MODEL_BUSY while a training runs, also in its callbacks. */
  checkNoTraining(where: string): void;
  read(where: string, weights: readonly Stored[]): WeightData[];
  write(
    where: string,
    weights: readonly Stored[],
    values: readonly WeightValue[],
    options: SetWeightsOptions,
  ): WeightsSet;
}

/** The memory of a layer, which it has once a model is made of it. */
export class MemoryToCome {
  #memory: LayerMemory | undefined;

  get isKnown(): boolean {
    return this.#memory !== undefined;
  }

  become(memory: LayerMemory): void {
    this.#memory = memory;
  }

  /** @throws ERR_MODEL_BUSY while a training runs. */
  checkNoTraining(where: string): void {
    this.#memory?.checkNoTraining(where);
  }

  /** @throws ERR_GRAPH before a model is made of the layer. */
  for(where: string): LayerMemory {
    if (this.#memory) return this.#memory;
    const when = 'its weights have no values before a model is made of it';
    return fail('ERR_GRAPH', `${where}: ${when}: sequential([layer]) or model({…}).`);
  }

  /** Copies of weights or states; nothing has to be there where there are none. */
  read(where: string, stored: readonly Stored[]): WeightData[] {
    return stored.length > 0 ? this.for(where).read(where, stored) : [];
  }
}

/** States become zeros, or the values given. */
export function writeStates(
  memory: MemoryToCome,
  where: string,
  states: readonly Stored[],
  values?: readonly WeightValue[],
): void {
  const zeros = ({variable: {shape, tensor}}: Stored): WeightValue => {
    return {shape, data: new Float32Array(tensor.size)};
  };
  if (states.length > 0 || values?.length)
    memory.for(where).write(where, states, values ?? states.map(zeros), {});
}
