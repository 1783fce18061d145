// Optimizers: hyperparameters and the values kept for each weight, by the names and in the units of either
// library.
import type {Optimizer} from '@tensorflow/tfjs-core';
import {fail} from '../core/errors.ts';
import type {Config, Json} from '../core/named.ts';

/** A value kept for each weight. */
export interface Slot {
  readonly ours: string;
  /** From a number of tfjs's to the one here, by tfjs's options; the same by default. */
  readonly scale?: (theirs: Config) => {readonly factor: number; readonly offset: number};
}

interface OptimizerRow {
  readonly className: string;
  readonly kind: string;
  /** Names of options, theirs and ours. */
  readonly options: Readonly<Record<string, string>>;
  /** In the order in which tfjs lists them; none where it cannot give them. */
  readonly slots: (theirs: Config) => readonly Slot[];
  readonly refused?: {readonly option: string; readonly value: Json};
}

const rate = {learningRate: 'learningRate'};
const betas = {beta1: 'beta1', beta2: 'beta2', epsilon: 'epsilon'};
const number = (value: Json | undefined): number => value as number;

const rows: readonly OptimizerRow[] = [
  {className: 'SGD', kind: 'sgd', options: rate, slots: () => []},
  {
    className: 'Momentum',
    kind: 'sgd',
    options: {...rate, momentum: 'momentum', useNesterov: 'nesterov'},
    slots: () => [{ours: 'velocity'}],
  },
  {className: 'Adam', kind: 'adam', options: {...rate, ...betas}, slots: () => [{ours: 'm'}, {ours: 'v'}]},
  {
    className: 'RMSProp',
    kind: 'rmsprop',
    options: {...rate, decay: 'rho', momentum: 'momentum', epsilon: 'epsilon', centered: 'centered'},
    slots: ({centered}) => [
      {ours: 'v'},
      // There the velocity has the learning rate in it.
      {ours: 'velocity', scale: theirs => ({factor: 1 / number(theirs.learningRate), offset: 0})},
      ...(centered ? [{ours: 'mean'}] : []),
    ],
  },
  {
    className: 'Adagrad',
    kind: 'adagrad',
    options: {...rate, initialAccumulatorValue: 'initialAccumulatorValue'},
    // There sums begin with the initial value, which is added to them here.
    slots: () => [
      {
        ours: 'sum',
        scale: theirs => ({factor: 1, offset: -number(theirs.initialAccumulatorValue)}),
      },
    ],
  },
  {
    className: 'Adadelta',
    kind: 'adadelta',
    options: {...rate, rho: 'rho', epsilon: 'epsilon'},
    slots: () => [{ours: 'v'}, {ours: 'delta'}],
  },
  {
    className: 'Adamax',
    kind: 'adamax',
    options: {...rate, ...betas},
    slots: () => [],
    refused: {option: 'decay', value: 0},
  },
];

/** Defaults here, written out on the way to tfjs. */
const defaults: Readonly<Record<string, Config>> = {
  sgd: {learningRate: 0.01, momentum: 0, nesterov: false},
  adam: {learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, amsgrad: false},
  adamax: {learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7},
  rmsprop: {learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false},
  adagrad: {learningRate: 0.001, initialAccumulatorValue: 0.1},
  adadelta: {learningRate: 0.001, rho: 0.95, epsilon: 1e-7},
};

/** tfjs adds the epsilon of RMSprop below the root, which its own root beside it comes nearest to. */
const isBelowRoot = (row: OptimizerRow, option: string): boolean =>
  row.kind === 'rmsprop' && option === 'epsilon';

const rowOf = (className: string): OptimizerRow | undefined => rows.find(row => row.className === className);

/** An optimizer of tfjs as `compile` takes it here. */
export function optimizerFromTfjs(optimizer: Optimizer): Json {
  const className = optimizer.getClassName();
  const row = rowOf(className);
  const config = optimizer.getConfig() as Config;
  const refused = row?.refused && config[row.refused.option] !== row.refused.value;
  if (!row || refused) {
    const what = row?.refused ? `${className} with ${row.refused.option}` : className;
    const instead = 'fromTfjs(model, {compile: false}) leaves loss, metrics and optimizer out';
    return fail('ERR_OPTION', `fromTfjs: the optimizer ${what} has no counterpart in chainrule. ${instead}.`);
  }
  const options = Object.entries(row.options).flatMap(([theirs, ours]): [string, Json][] => {
    const value = config[theirs];
    if (value === undefined || value === null) return [];
    return [[ours, isBelowRoot(row, theirs) ? Math.sqrt(number(value)) : value]];
  });
  return {kind: row.kind, ...Object.fromEntries(options)};
}

export interface TfjsOptimizer {
  readonly className: string;
  readonly config: Config;
}

/** A description as it stands in a file, as tfjs makes its optimizers of it. */
export function optimizerToTfjs(description: Json): TfjsOptimizer {
  const {kind, ...given} = (typeof description === 'string' ? {kind: description} : description) as Config;
  const options = {...defaults[kind as string], ...given};
  const hasMomentum = kind === 'sgd' && options.momentum !== 0;
  const row = rows.find(
    each => each.kind === kind && (kind !== 'sgd' || 'momentum' in each.options === hasMomentum),
  );
  const own = Object.entries(row?.options ?? {});
  const unknown = Object.keys(given).find(
    name => !own.some(([, ours]) => ours === name) && given[name] !== defaults[kind as string]?.[name],
  );
  if (!row || unknown !== undefined || typeof options.learningRate !== 'number') {
    const what = unknown ?? (row ? 'a schedule of the learning rate' : undefined);
    const instead = 'toTfjs(model, {compile: false}) leaves loss, metrics and optimizer out';
    return fail(
      'ERR_OPTION',
      `toTfjs: the optimizer ${String(kind)}${what === undefined ? '' : ` with ${what}`} has no ` +
        `counterpart in TensorFlow.js. ${instead}.`,
    );
  }
  const config = own.map(([theirs, ours]): [string, Json] => {
    const value = options[ours] as Json;
    return [theirs, isBelowRoot(row, theirs) ? number(value) ** 2 : value];
  });
  return {className: row.className, config: Object.fromEntries(config)};
}

/** The values that tfjs keeps for each weight, in its order. */
export function slotsOf({className, config}: TfjsOptimizer): readonly Slot[] {
  return rowOf(className)?.slots(config) ?? [];
}

/** A slot of tfjs's in the units of this library. */
export function slotFromTfjs({scale}: Slot, values: Float32Array, config: Config): Float32Array {
  const {factor, offset} = scale?.(config) ?? {factor: 1, offset: 0};
  return scale ? values.map(value => value * factor + offset) : values;
}

/** The other way; of what was not kept here, zeros. */
export function slotToTfjs({scale}: Slot, values: Float32Array, config: Config): Float32Array {
  const {factor, offset} = scale?.(config) ?? {factor: 1, offset: 0};
  return scale ? values.map(value => (value - offset) / factor) : values;
}
