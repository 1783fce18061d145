// Values of options that the two libraries write differently, in both directions: activations, initializers,
// regularizers, constraints. All are JSON.
import {fail} from '../core/errors.ts';
import {isRecord, show} from '../core/kinds.ts';
import type {Config, Json} from '../core/named.ts';

/** An option's value; `where` is for errors. Undefined: the option is left out. */
export interface Codec {
  readonly fromTfjs: (value: Json, where: string) => Json | undefined;
  readonly toTfjs: (value: Json, where: string) => Json | undefined;
  /** Whether null is a value, and not the lack of one. */
  readonly takesNull?: boolean;
}

/** tfjs writes an object as the name of its class and the class's options. */
interface TfjsObject {
  readonly className: string;
  readonly config: Config;
}

const asObject = (value: Json): TfjsObject | undefined =>
  isRecord(value) && typeof value.className === 'string' ? (value as unknown as TfjsObject) : undefined;

/** `'relu'` and `{kind: 'relu', …options}` alike. */
function asKind(value: Json): {readonly kind: string; readonly options: Config} {
  if (typeof value === 'string') return {kind: value, options: {}};
  const {kind, ...options} = value as {readonly kind: string; readonly [name: string]: Json};
  return {kind, options};
}

const numberOf = (value: Json | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;

const refuse = (where: string, value: unknown, library: string): never =>
  fail('ERR_OPTION', `${where}: ${show(value)} has no counterpart in ${library}.`);

/** The same in both. */
export const plain: Codec = {
  // What went through JSON has no undefined values, and no holes.
  fromTfjs: value => JSON.parse(JSON.stringify(value)) as Json,
  toTfjs: value => value,
};

/** The same in both, where null says something. */
export const nullable: Codec = {fromTfjs: value => value, toTfjs: value => value, takesNull: true};

/** tfjs knows paddings of windows by their names alone. */
export const namedPadding: Codec = {
  fromTfjs: plain.fromTfjs,
  toTfjs: (value, where) => (typeof value === 'string' ? value : refuse(where, value, 'tfjs-layers')),
};

/** So many positions before and after each of two axes, which tfjs takes as two pairs. */
export const sidesOfAxes: Codec = {
  fromTfjs: plain.fromTfjs,
  toTfjs(value) {
    const axes = Array.isArray(value) ? (value as Json[]) : [value, value];
    return axes.map(side => (Array.isArray(side) ? side : [side, side]));
  },
};

/** Where nothing but channels that come last has a counterpart, they need not be said. */
export const channelsLast: Codec = {
  fromTfjs: (value, where) => (value === 'channelsLast' ? undefined : refuse(where, value, 'chainrule')),
  toTfjs: value => value,
};

/** tfjs keeps a size that follows from the others as null. */
export const knownSizes: Codec = {
  fromTfjs: value => (value as (number | null)[]).map(size => size ?? -1),
  toTfjs: value => value,
};

const slopeOfTfjs = 0.2;

/** By their names in tfjs's files. */
const activations: readonly (readonly [theirs: string, kind: string, options?: Config])[] = [
  ...['elu', 'linear', 'logSoftmax', 'mish', 'relu', 'relu6', 'selu', 'sigmoid', 'softmax'].map(
    name => [name, name] as const,
  ),
  ...['softplus', 'softsign', 'swish', 'tanh', 'gelu'].map(name => [name, name] as const),
  ['swish', 'silu'],
  ['elu', 'elu', {alpha: 1}],
  ['gelu', 'gelu', {approximate: false}],
  ['gelu_new', 'gelu', {approximate: true}],
  ['hardSigmoid', 'hardSigmoid', {slope: slopeOfTfjs}],
];

const sameOptions = (a: Config, b: Config): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every(key => a[key] === b[key]);

export const activation: Codec = {
  fromTfjs(value, where) {
    const name = asObject(value)?.className ?? value;
    const row = activations.find(([theirs]) => theirs === name);
    if (!row) return refuse(where, name, 'chainrule');
    const [, kind, options] = row;
    return options ? {kind, ...options} : kind;
  },
  toTfjs(value, where) {
    const {kind, options} = asKind(value);
    const row = activations.find(([, own, given = {}]) => own === kind && sameOptions(given, options));
    return row ? row[0] : refuse(where, value, 'tfjs-layers');
  },
};

interface InitializerRow {
  readonly className: string;
  readonly kind: string;
  readonly options?: readonly string[];
}

const initializers: readonly InitializerRow[] = [
  {className: 'Zeros', kind: 'zeros'},
  {className: 'Ones', kind: 'ones'},
  {className: 'Constant', kind: 'constant', options: ['value']},
  {className: 'RandomUniform', kind: 'randomUniform', options: ['minval', 'maxval']},
  {className: 'RandomNormal', kind: 'randomNormal', options: ['mean', 'stddev']},
  {className: 'TruncatedNormal', kind: 'truncatedNormal', options: ['mean', 'stddev']},
  {className: 'Identity', kind: 'identity', options: ['gain']},
  {className: 'Orthogonal', kind: 'orthogonal', options: ['gain']},
  {className: 'VarianceScaling', kind: 'varianceScaling', options: ['scale', 'mode', 'distribution']},
  {className: 'GlorotUniform', kind: 'glorotUniform'},
  {className: 'GlorotNormal', kind: 'glorotNormal'},
  {className: 'HeUniform', kind: 'heUniform'},
  {className: 'HeNormal', kind: 'heNormal'},
  {className: 'LeCunUniform', kind: 'lecunUniform'},
  {className: 'LeCunNormal', kind: 'lecunNormal'},
];

/** tfjs calls a truncated normal distribution `normal`. */
const distributions = {fromTfjs: {normal: 'truncatedNormal'}, toTfjs: {truncatedNormal: 'normal'}};

function picked(given: Config, names: readonly string[], renamed: Readonly<Record<string, string>>): Config {
  const rows = names.filter(name => given[name] !== undefined && given[name] !== null);
  return Object.fromEntries(
    rows.map(name => [name, renamed[String(given[name])] ?? (given[name] as Json)] as const),
  );
}

/** One that has no counterpart is left out: weights come with their values. */
export const initializer: Codec = {
  fromTfjs(value) {
    const {className, config = {}} = asObject(value) ?? {};
    const row = initializers.find(each => each.className === className);
    if (!row) return undefined;
    return {kind: row.kind, ...picked(config, row.options ?? [], distributions.fromTfjs)};
  },
  toTfjs(value) {
    const {kind, options} = asKind(value);
    const row = initializers.find(each => each.kind === kind);
    if (!row || options.distribution === 'untruncatedNormal') return undefined;
    const config = {seed: null, ...picked(options, row.options ?? [], distributions.toTfjs)};
    return {className: row.className, config};
  },
};

export const regularizer: Codec = {
  fromTfjs(value, where) {
    const {className, config = {}} = asObject(value) ?? {};
    if (className !== 'L1L2') return refuse(where, className ?? value, 'chainrule');
    return {kind: 'l1l2', l1: numberOf(config.l1, 0), l2: numberOf(config.l2, 0)};
  },
  toTfjs(value, where) {
    const {kind, options} = asKind(value);
    if (!['l1', 'l2', 'l1l2'].includes(kind)) return refuse(where, value, 'tfjs-layers');
    const share = (name: 'l1' | 'l2'): number => (kind.includes(name) ? numberOf(options[name], 0.01) : 0);
    return {className: 'L1L2', config: {l1: share('l1'), l2: share('l2')}};
  },
};

const constraints: Readonly<Record<string, string>> = {
  MaxNorm: 'maxNorm',
  MinMaxNorm: 'minMaxNorm',
  NonNeg: 'nonNeg',
  UnitNorm: 'unitNorm',
};

export const constraint: Codec = {
  fromTfjs(value, where) {
    const {className = '', config = {}} = asObject(value) ?? {};
    const kind = constraints[className];
    return kind === undefined ? refuse(where, className, 'chainrule') : {kind, ...config};
  },
  toTfjs(value, where) {
    const {kind, options} = asKind(value);
    const className = Object.keys(constraints).find(name => constraints[name] === kind);
    return className === undefined ? refuse(where, value, 'tfjs-layers') : {className, config: {...options}};
  },
};
