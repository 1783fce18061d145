// The optimizer of a model as users see it: with the moments that it keeps for the model.
import {checkNumber, fail} from '../../core/errors.ts';
import {remember} from '../../core/named.ts';
import type {Shape} from '../../core/shape.ts';
import type {WeightData, WeightValue} from '../../nn/weights.ts';
import type {Optimizer} from '../../optim/optimizer.ts';
import type {Engine} from '../run/engine.ts';
import {matchWeights} from '../run/match-weights.ts';
import {assign, snapshot} from '../run/weights.ts';

/** What an optimizer keeps: the count of steps as `iterations`, and moments: `optimizer/dense/kernel/m`. */
export interface OptimizerWeight {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array | Int32Array;
}

export interface ModelOptimizer extends Optimizer {
  /** Steps done, and copies of the moments, of one finished step. */
  getWeights(): OptimizerWeight[];
  /** Sets them, by name as `getWeights` gives them. @throws ERR_WEIGHTS; ERR_MODEL_BUSY */
  setWeights(weights: readonly WeightValue[]): void;
}

const counter = 'iterations';
const made = new WeakMap<Engine, {readonly own: Optimizer; readonly optimizer: ModelOptimizer}>();

/** One object for each optimizer that a model was compiled with. */
export function optimizerOf(engine: Engine): ModelOptimizer {
  const own = engine.compilation('optimizer').optimizer;
  const known = made.get(engine);
  if (known?.own === own) return known.optimizer;
  const check = (what: string): void => {
    if (engine.engine.compiled?.optimizer === own) return;
    fail('ERR_OPTION', `optimizer.${what}: the model has been compiled with another since: model.optimizer.`);
  };
  const getWeights = (): OptimizerWeight[] => {
    check('getWeights');
    const count = {name: counter, shape: [], data: Int32Array.of(engine.iterations)};
    return [count, ...(snapshot(engine, engine.moments) as WeightData[])];
  };
  const setWeights = (weights: readonly WeightValue[]): void => {
    check('setWeights');
    const where = 'optimizer.setWeights';
    if (!Array.isArray(weights)) fail('ERR_WEIGHTS', `${where}: expected an array as from getWeights().`);
    const named = weights as readonly {name?: string; data?: ArrayLike<number>}[];
    const count = named.find(weight => weight?.name === counter)?.data?.[0];
    checkNumber(`${where}: ${counter}`, count, {integer: true, min: 0, max: 2 ** 31 - 1});
    const rest = weights.filter((_, index) => named[index]?.name !== counter);
    const {values} = matchWeights(where, engine.moments, rest);
    engine.writeSync(where, () => {
      assign(engine, values);
      engine.iterations = count as number;
    });
  };
  const optimizer: ModelOptimizer = Object.create(own, {
    getWeights: {value: getWeights},
    setWeights: {value: setWeights},
  });
  made.set(engine, {own, optimizer: Object.freeze(remember(optimizer as ModelOptimizer))});
  return optimizer;
}
