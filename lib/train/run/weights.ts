// Reading and writing a model's weights: copies of one finished step, new values committed at once.

import type {TypedArray} from '../../core/dtype.ts';
import {fail, nearest} from '../../core/errors.ts';
import {isList, type NumericArray, show} from '../../core/kinds.ts';
import {type NestedArray, nestedShape, visitNested} from '../../core/nested.ts';
import {numberOf} from '../../core/numbers.ts';
import {formatShape, maxRank, type Shape, sameShape} from '../../core/shape.ts';
import type {Variable} from '../../core/tensor.ts';
import {assignGraph, snapshotGraph} from '../step/graphs.ts';
import type {Engine} from './engine.ts';
import {inputsOf} from './inputs.ts';

/** One weight by its name, e.g. `dense/kernel`. */
export interface WeightData {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** A weight as `setWeights` takes it. */
export interface WeightValue {
  readonly name: string;
  readonly shape?: Shape;
  readonly data: ArrayLike<number> | NumericArray | NestedArray;
}

const namesOf = (variables: readonly Variable[]): string => variables.map(({name}) => name).join();

/** Copies of variables, all of the same finished step, also while a training runs. */
export function snapshot(engine: Engine, variables: readonly Variable[]): WeightData[] {
  if (variables.length === 0) return [];
  const program = engine.program(`snapshot ${namesOf(variables)}`, () => snapshotGraph(variables));
  const {outputs} = program.runSync({}, {steps: 1});
  return variables.map(({name, shape}) => ({name, shape, data: outputs[name] as Float32Array}));
}

/** Writes all at once: a prediction sees all old or all new values. */
export function assign(engine: Engine, values: ReadonlyMap<Variable, Float32Array>): void {
  if (values.size === 0) return;
  const variables = [...values.keys()];
  const program = engine.program(`assign ${namesOf(variables)}`, () => assignGraph(variables));
  const available = Object.fromEntries([...values].map(([{name}, data]) => [name, data as TypedArray]));
  program.runSync(inputsOf(program, available), {steps: 1});
}

/** The numbers of nested arrays, whose shape must be that of the weight; anything else is flat already. */
function flattened(where: string, name: string, data: readonly unknown[], shape: Shape): ArrayLike<unknown> {
  if (!Array.isArray(data) || !data.some(isList)) return data;
  const given = nestedShape(data, maxRank);
  const refuse = (): never =>
    fail(
      'ERR_WEIGHTS',
      `${where}: ${name} ${formatShape(shape)}: the arrays are ${formatShape(given)}, or ragged.`,
    );
  if (!sameShape(given, shape)) refuse();
  const flat: unknown[] = [];
  visitNested(data, shape, {element: value => flat.push(value), ragged: refuse});
  return flat;
}

function checkValue(where: string, {name, shape}: Variable, value: WeightValue): Float32Array {
  const {data} = value;
  if (!isList(data)) {
    fail('ERR_WEIGHTS', `${where}: ${name}: expected {name, data}, an array. Received ${show(data)}.`);
  }
  const size = shape.reduce((product, length) => product * length, 1);
  const wanted = formatShape(shape);
  if (value.shape !== undefined && !sameShape(value.shape, shape)) {
    fail('ERR_WEIGHTS', `${where}: ${name} has the shape ${wanted}. Received ${formatShape(value.shape)}.`);
  }
  const flat = flattened(where, name, data, shape);
  if (flat.length !== size) {
    fail('ERR_WEIGHTS', `${where}: ${name} ${wanted} holds ${size} values. Received ${flat.length}.`);
  }
  const numbers = Float32Array.from(flat, number => numberOf(number) ?? Number.NaN);
  const bad = numbers.findIndex(number => !Number.isFinite(number));
  if (bad >= 0) fail('ERR_WEIGHTS', `${where}: ${name} would hold ${show(flat[bad])} at position ${bad}.`);
  return numbers;
}

/**
 * Values for exactly these variables, checked.
 *
 * @throws ERR_WEIGHTS naming the first that does not fit.
 */
export function matchWeights(
  where: string,
  variables: readonly Variable[],
  values: readonly WeightValue[],
): Map<Variable, Float32Array> {
  if (!Array.isArray(values)) fail('ERR_WEIGHTS', `${where}: expected an array as from getWeights().`);
  const byName = new Map(variables.map(variable => [variable.name, variable]));
  const matched = new Map<Variable, Float32Array>();
  for (const value of values) {
    const name = String(value?.name);
    const variable = byName.get(name);
    if (!variable) {
      const near = nearest(name, [...byName.keys()]);
      const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
      return fail('ERR_WEIGHTS', `${where}: the model has no weight ${JSON.stringify(name)}.${hint}`);
    }
    if (matched.has(variable)) fail('ERR_WEIGHTS', `${where}: ${name} is given twice.`);
    matched.set(variable, checkValue(where, variable, value));
  }
  const missing = variables.filter(variable => !matched.has(variable)).map(({name}) => name);
  if (missing.length > 0) fail('ERR_WEIGHTS', `${where}: values are missing for ${missing.join(', ')}.`);
  return matched;
}
