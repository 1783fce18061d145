// The hyperparameters of each step: those of the rule, then those of decay, average and pause, in the order
// of ops/optimizer.ts.
import type {Common} from './options.ts';

/** The hyperparameters of a rule for update `step`, from 0. */
type RuleHyper = (step: number, learningRate: number) => readonly number[];

export class Hyperparameters {
  /** [groups of weights, hyperparameters of each]; weights excluded from decay are a group of their own. */
  readonly shape: readonly [number, number];
  readonly #rule: RuleHyper;
  readonly #common: Common;
  /** Whether there are none but those of the rule. */
  readonly #isPlain: boolean;

  constructor(rule: RuleHyper, common: Common) {
    this.#rule = rule;
    this.#common = common;
    const {weightDecay, useEma, accumulationSteps} = common;
    this.#isPlain = weightDecay <= 0 && !useEma && accumulationSteps <= 1;
    const groups = common.hasExclusions ? 2 : 1;
    this.shape = [groups, this.#row(0, 0, common.weightDecay).length];
  }

  /** Those of a step at its learning rate, for all groups. */
  at(step: number, rate: number): readonly number[] {
    const {weightDecay, hasExclusions} = this.#common;
    const row = this.#row(step, rate, weightDecay);
    return hasExclusions ? [...row, ...this.#row(step, rate, 0)] : row;
  }

  #row(step: number, rate: number, decay: number): readonly number[] {
    const {weightDecay, decoupled, useEma, emaMomentum, emaOverwriteFrequency, accumulationSteps} =
      this.#common;
    const update = Math.floor(step / accumulationSteps);
    const own = this.#rule(update, rate);
    if (this.#isPlain) return own;
    const row = [...own];
    if (weightDecay > 0) row.push(...(decoupled ? [1 - rate * decay, 0] : [1, decay]));
    if (useEma) {
      // The first average is the weights themselves.
      const momentum = update === 0 ? 0 : emaMomentum;
      const overwrites = emaOverwriteFrequency !== undefined && (update + 1) % emaOverwriteFrequency === 0;
      row.push(momentum, 1 - momentum, Number(overwrites));
    }
    if (accumulationSteps > 1) row.push(Number((step + 1) % accumulationSteps === 0));
    return row;
  }
}
