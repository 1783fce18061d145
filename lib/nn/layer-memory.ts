// The memory in which weights of layers lie, as a layer sees it.
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

/** States become zeros, or the values given. */
export function writeStates(
  memory: () => LayerMemory,
  where: string,
  states: readonly Stored[],
  values?: readonly WeightValue[],
): void {
  const zeros = ({variable: {shape, tensor}}: Stored): WeightValue => {
    return {shape, data: new Float32Array(tensor.size)};
  };
  if (states.length > 0 || values?.length) memory().write(where, states, values ?? states.map(zeros), {});
}
