// Values that a user gives for weights, found by name or by order and checked.
import {isFloat32} from '../../core/dtype.ts';
import {checkBoolean, checkOptions, fail, nearest} from '../../core/errors.ts';
import {isList, show} from '../../core/kinds.ts';
import {nestedShape, visitNested} from '../../core/nested.ts';
import {numberOf} from '../../core/numbers.ts';
import {formatShape, maxRank, type Shape, sameShape, sizeOf} from '../../core/shape.ts';
import type {Variable} from '../../core/tensor.ts';
import type {SetWeightsOptions, WeightNumbers, WeightsSet, WeightValue} from '../../nn/weights.ts';

/** What is to be written, and what is to be said of it. */
export interface MatchedWeights {
  readonly values: ReadonlyMap<Variable, Float32Array>;
  readonly report: WeightsSet;
}

interface Given {
  readonly name: string | undefined;
  readonly shape: Shape | undefined;
  readonly data: WeightNumbers;
}

/** A typed array that went through JSON is a table `{0: …, 1: …}`. */
function fromTable(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || 'length' in data) return data;
  const keys = Object.keys(data);
  return keys.every((key, at) => key === String(at)) ? Object.values(data) : data;
}

/** Nested arrays as one list, with their shape. @throws ERR_WEIGHTS where they are ragged. */
function flatten(what: string, data: readonly unknown[]): {data: readonly unknown[]; shape?: Shape} {
  if (!data.some(isList)) return {data};
  const shape = nestedShape(data, maxRank);
  const flat: unknown[] = [];
  visitNested(data, shape, {
    element: value => flat.push(value),
    ragged: () => fail('ERR_WEIGHTS', `${what}: the rows of its nested arrays have different lengths.`),
  });
  return {data: flat, shape};
}

function toGiven(where: string, value: WeightValue, index: number): Given {
  const {name, shape, data} = (isList(value) ? {data: value} : (value ?? {})) as Partial<Given>;
  const what = `${where}: ${name ?? `value ${index}`}`;
  const numbers = fromTable(data);
  const isNumbers = typeof numbers === 'object' && numbers !== null && 'length' in numbers;
  if (!isNumbers) {
    const wanted = '{name, data} with numbers as data, or an array';
    return fail('ERR_WEIGHTS', `${what}: expected ${wanted}. Received ${show(data)}.`);
  }
  if (shape !== undefined && !isList(shape)) {
    fail('ERR_WEIGHTS', `${what}: expected a shape such as [3, 2]. Received ${show(shape)}.`);
  }
  const flat: {data: unknown; shape?: Shape} = Array.isArray(numbers)
    ? flatten(what, numbers)
    : {data: numbers};
  return {name, shape: shape ?? flat.shape, data: flat.data as ArrayLike<number>};
}

/** Why a value is of another shape, if it is. */
function mismatchOf({name, shape}: Variable, {shape: given, data}: Given): string | undefined {
  const length = (data as ArrayLike<number>).length;
  if (given !== undefined && !sameShape(given, shape)) {
    return `${name} has the shape ${formatShape(shape)}. Received ${formatShape(given)}.`;
  }
  if (length === sizeOf(shape)) return undefined;
  return `${name} ${formatShape(shape)} holds ${sizeOf(shape)} values. Received ${length}.`;
}

function numbersOf(where: string, {name}: Variable, {data}: Given): Float32Array {
  const numbers = isFloat32(data)
    ? new Float32Array(data)
    : Float32Array.from(data as ArrayLike<unknown>, number => numberOf(number) ?? Number.NaN);
  let bad = 0;
  while (bad < numbers.length && Number.isFinite(numbers[bad])) bad++;
  if (bad === numbers.length) return numbers;
  const received = show((data as ArrayLike<unknown>)[bad]);
  return fail('ERR_WEIGHTS', `${where}: ${name} would hold ${received} at position ${bad}.`);
}

/** Pairs of a weight and its value; a name that is not there has none. */
function pairs(where: string, variables: readonly Variable[], given: readonly Given[]): [Given, Variable?][] {
  const named = given.filter(({name}) => name !== undefined).length;
  if (named > 0 && named < given.length) {
    fail('ERR_WEIGHTS', `${where}: some values have names and some have none; the order needs all without.`);
  }
  if (named > 0 || given.length === 0) {
    const byName = new Map(variables.map(variable => [variable.name, variable]));
    return given.map(value => [value, byName.get(String(value.name))]);
  }
  if (given.length !== variables.length) {
    const names = variables.map(({name}) => name).join(', ');
    fail(
      'ERR_WEIGHTS',
      `${where}: without names there must be one for each weight, in order: ${names}. ` +
        `Received ${given.length} for ${variables.length}.`,
    );
  }
  return given.map((value, index) => [value, variables[index]]);
}

function failUnknown(where: string, name: string | undefined, variables: readonly Variable[]): never {
  const near = nearest(
    String(name),
    variables.map(variable => variable.name),
  );
  const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
  return fail('ERR_WEIGHTS', `${where}: the model has no weight ${JSON.stringify(name)}.${hint}`);
}

/** @throws ERR_OPTION */
export function checkSetOptions(where: string, options: SetWeightsOptions): void {
  checkOptions(where, options, ['partial', 'skipMismatch']);
  for (const name of ['partial', 'skipMismatch'] as const) {
    if (options?.[name] !== undefined) checkBoolean(`${where}: ${name}`, options[name]);
  }
}

/**
 * Values for these variables: for all of them, or for those that fit where that is asked for.
 *
 * @throws ERR_WEIGHTS naming the first that does not fit, or where none does.
 */
export function matchWeights(
  where: string,
  variables: readonly Variable[],
  values: readonly WeightValue[],
  options: SetWeightsOptions = {},
): MatchedWeights {
  checkSetOptions(where, options);
  const {skipMismatch = false, partial = skipMismatch} = options;
  if (!Array.isArray(values)) fail('ERR_WEIGHTS', `${where}: expected an array as from getWeights().`);
  const given = Array.from(values as readonly WeightValue[], (value, index) => toGiven(where, value, index));
  const matched = new Map<Variable, Float32Array>();
  const [unexpected, mismatched]: [string[], string[]] = [[], []];
  const seen = new Set<Variable>();
  for (const [value, variable] of pairs(where, variables, given)) {
    if (!variable) {
      if (!partial) failUnknown(where, value.name, variables);
      unexpected.push(String(value.name));
      continue;
    }
    if (seen.has(variable)) fail('ERR_WEIGHTS', `${where}: ${variable.name} is given twice.`);
    seen.add(variable);
    const mismatch = mismatchOf(variable, value);
    if (mismatch !== undefined && !skipMismatch) fail('ERR_WEIGHTS', `${where}: ${mismatch}`);
    if (mismatch === undefined) matched.set(variable, numbersOf(where, variable, value));
    else mismatched.push(variable.name);
  }
  const missing = variables.filter(variable => !seen.has(variable)).map(({name}) => name);
  if (missing.length > 0 && !partial) {
    fail('ERR_WEIGHTS', `${where}: values are missing for ${missing.join(', ')}.`);
  }
  if (matched.size === 0 && variables.length > 0) {
    const names = variables.map(({name}) => name).join(', ');
    fail('ERR_WEIGHTS', `${where}: none of the ${given.length} values fits a weight. There are ${names}.`);
  }
  const set = [...matched.keys()].map(({name}) => name);
  return {values: matched, report: {set, missing, unexpected, mismatched}};
}
