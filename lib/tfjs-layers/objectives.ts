// Losses and metrics: names of one library for those of the other.
import {fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {Config, Json} from '../core/named.ts';

/** What tfjs's `compile` takes for a loss or a metric: a name, or one of its functions. */
type Given = string | {readonly name: string};

const same = (names: string): [string, Json][] => names.split(' ').map(name => [name, name]);

/** By the names of tfjs-layers, and of functions of `tf.losses`. */
export const losses: ReadonlyMap<string, Json> = new Map([
  ...same('meanSquaredError meanAbsoluteError meanAbsolutePercentageError meanSquaredLogarithmicError'),
  ...same('squaredHinge hinge categoricalHinge logcosh poisson kullbackLeiblerDivergence'),
  ...same('categoricalCrossentropy sparseCategoricalCrossentropy binaryCrossentropy'),
  ['cosineProximity', 'cosineSimilarity'],
  ['absoluteDifference', 'meanAbsoluteError'],
  ['huberLoss', 'huber'],
  ['softmaxCrossEntropy', {kind: 'categoricalCrossentropy', fromLogits: true}],
  ['sigmoidCrossEntropy', {kind: 'binaryCrossentropy', fromLogits: true}],
]);

/** Those of tfjs-layers alone: tfjs's `compile` does not take names of the others. */
const namesOfLayers = [...losses.keys()].slice(0, 14);

/** By the names of tfjs-layers, and of functions of `tf.metrics`. */
export const metrics: ReadonlyMap<string, string> = new Map([
  ['accuracy', 'accuracy'],
  ['acc', 'accuracy'],
  ['crossentropy', 'crossentropy'],
  ['ce', 'crossentropy'],
  ['binaryAccuracy', 'binaryAccuracy'],
  ['categoricalAccuracy', 'categoricalAccuracy'],
  ['sparseCategoricalAccuracy', 'sparseCategoricalAccuracy'],
  ['precision', 'precision'],
  ['recall', 'recall'],
  ['r2Score', 'r2'],
  ['binaryCrossentropy', 'binaryCrossentropy'],
  ['categoricalCrossentropy', 'categoricalCrossentropy'],
  ['sparseCategoricalCrossentropy', 'sparseCategoricalCrossentropy'],
  ['mse', 'meanSquaredError'],
  ['meanSquaredError', 'meanSquaredError'],
  ['mae', 'meanAbsoluteError'],
  ['meanAbsoluteError', 'meanAbsoluteError'],
  ['mape', 'meanAbsolutePercentageError'],
  ['meanAbsolutePercentageError', 'meanAbsolutePercentageError'],
]);

/** Names that tfjs's `compile` takes for metrics. */
const namedMetrics = ['accuracy', 'crossentropy', 'binaryAccuracy', 'categoricalAccuracy', 'precision'];
const shortMetrics = ['categoricalCrossentropy', 'sparseCategoricalCrossentropy', 'mse', 'mae', 'mape'];
const metricsOfTfjs = [...namedMetrics, ...shortMetrics];

/** tfjs's functions are called `softmaxCrossEntropy__op`, and names like MSE stand beside mse. */
const nameOf = (given: Given): string =>
  typeof given === 'string' ? given : (given?.name ?? '').replace(/__op$/, '');

const inLowerCase = (name: string): string => (/^[A-Z]+$/.test(name) ? name.toLowerCase() : name);

const withoutTraining = (function_: string): string =>
  `${function_}(model, {compile: false}) leaves loss, metrics and optimizer out`;

export function lossFromTfjs(given: Given): Json {
  const found = losses.get(nameOf(given));
  if (found !== undefined) return found;
  const instead = withoutTraining('fromTfjs');
  return fail('ERR_OPTION', `fromTfjs: loss: ${show(given)} has no counterpart in chainrule. ${instead}.`);
}

export function metricFromTfjs(given: Given): Json {
  const found = metrics.get(inLowerCase(nameOf(given)));
  if (found !== undefined) return found;
  const instead = withoutTraining('fromTfjs');
  return fail('ERR_OPTION', `fromTfjs: metrics: ${show(given)} has no counterpart in chainrule. ${instead}.`);
}

/** Each value of what is one, a list, or by name of an output. */
export function mapEach<From, To>(
  given: From | readonly From[] | Readonly<Record<string, From>>,
  isOne: (value: unknown) => boolean,
  map: (value: From) => To,
): To | To[] | Record<string, To> {
  if (isOne(given)) return map(given as From);
  if (Array.isArray(given)) return (given as From[]).map(map);
  const entries = Object.entries(given as Readonly<Record<string, From>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, map(value)]));
}

const isDescription = (value: Json): value is Config & {kind: string} =>
  typeof value === 'object' && value !== null && 'kind' in value;

const isSame = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

export function lossToTfjs(given: Json): string {
  const name = namesOfLayers.find(theirs => isSame(losses.get(theirs) as Json, given));
  if (name !== undefined) return name;
  const what = isDescription(given) ? `${given.kind} with options` : show(given);
  return fail(
    'ERR_OPTION',
    `toTfjs: loss: ${what} has no counterpart in tfjs-layers. ${withoutTraining('toTfjs')}.`,
  );
}

export function metricToTfjs(given: Json): string {
  const short = typeof given === 'string' ? inLowerCase(given) : '';
  const ours = metrics.get(short) ?? short;
  const name = metricsOfTfjs.find(theirs => metrics.get(theirs) === ours);
  if (name !== undefined) return name;
  const what = isDescription(given) ? given.kind : show(given);
  return fail(
    'ERR_OPTION',
    `toTfjs: metrics: ${what} has no counterpart in tfjs-layers. ${withoutTraining('toTfjs')}.`,
  );
}
