// What a layer asks of the memory in which its weights lie: to be read and written on its own, and whether a
// training is under way.
import {renamed, type Variable} from '../../core/tensor.ts';
import type {LayerWeight} from '../../nn/layer.ts';
import type {LayerMemory} from '../../nn/layer-memory.ts';
import type {SetWeightsOptions, WeightData, WeightsSet, WeightValue} from '../../nn/weights.ts';
import {compileProgram} from '../../session/compile.ts';
import type {VariableStore} from '../../session/store.ts';
import {accessOf} from './access.ts';
import {matchWeights} from './match-weights.ts';
import {assign, type Programs, snapshot} from './weights.ts';

/** Under the names that they have in their layer. */
const variablesOf = (weights: readonly Pick<LayerWeight, 'name' | 'variable'>[]): Variable[] =>
  weights.map(({name, variable}) => renamed(variable, name, () => variable.trainable));

export class StoreMemory implements LayerMemory {
  readonly #store: VariableStore;
  /** Seldom called: a program each time, instead of many that are kept. */
  readonly #programs: Programs = {
    program: (_, graph) => compileProgram({...graph(), store: this.#store.current}),
  };

  constructor(store: VariableStore) {
    this.#store = store;
  }

  checkNoTraining(where: string): void {
    accessOf(this.#store).checkNoTraining(where);
  }

  read(_where: string, weights: Parameters<LayerMemory['read']>[1]): WeightData[] {
    return snapshot(this.#programs, variablesOf(weights));
  }

  write(
    where: string,
    weights: Parameters<LayerMemory['write']>[1],
    given: readonly WeightValue[],
    options: SetWeightsOptions,
  ): WeightsSet {
    const {values, report} = matchWeights(where, variablesOf(weights), given, options);
    accessOf(this.#store).checkWrite(where);
    assign(this.#programs, values);
    return report;
  }
}
