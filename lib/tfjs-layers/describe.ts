// One layer as JSON: from its description by tfjs to the one of this library, and back.
import {fail} from '../core/errors.ts';
import type {Config, Json} from '../core/named.ts';
import {isLayer} from '../nn/layer.ts';
import {
  byClass,
  byKind,
  type Counterpart,
  type Part,
  type TfjsLayer,
  withoutCounterpart,
} from './counterparts.ts';

/** Letters that names of layers have here; tfjs takes any. */
export const toName = (name: string): string =>
  name
    .replace(/[^\w.-]/g, '_')
    .replace(/^(?![A-Za-z_])/, '_')
    .slice(0, 100);

const isGiven = (value: Json | undefined): value is Json => value !== undefined && value !== null;

/** @throws ERR_UNKNOWN_NAME saying why a layer of tfjs has no counterpart. */
export function counterpartOf(where: string, layer: TfjsLayer): Counterpart {
  if (isLayer(layer)) return fail('ERR_OPTION', `${where}: it is a layer of chainrule already.`);
  const className = layer.getClassName();
  const found = byClass.get(className);
  if (found) return found;
  const why = withoutCounterpart.get(className) ?? 'chainrule does not know what it computes';
  return fail('ERR_UNKNOWN_NAME', `${where}: ${className} has no counterpart in chainrule: ${why}.`);
}

/** What stands for layers within one. */
export type DescribeInner = (layers: readonly TfjsLayer[]) => readonly Json[];

/** The layers of tfjs within one, as one or a list. */
export const partOf = (layer: TfjsLayer, {property}: Part): TfjsLayer | readonly TfjsLayer[] =>
  (layer as unknown as Readonly<Record<string, TfjsLayer>>)[property] as TfjsLayer;

/** A layer of tfjs as it stands in a description here, under a name. */
export function describeTfjs(
  layer: TfjsLayer,
  name: string,
  describeInner: DescribeInner,
): {readonly [key: string]: Json} {
  const where = `fromTfjs: ${layer.name}`;
  const {kind, options, always, read, refused, parts} = counterpartOf(where, layer);
  const theirs = {...(layer.getConfig() as Config), ...read(layer)};
  for (const {option, value, why} of refused) {
    if (theirs[option] === value) fail('ERR_OPTION', `${where}: ${option} ${String(value)}: ${why}.`);
  }
  const ours: {[key: string]: Json} = {kind, name, ...always};
  for (const {theirs: from, ours: to, codec} of options) {
    const given = theirs[from];
    const isValue = isGiven(given) || (given === null && codec.takesNull);
    const value = isValue ? codec.fromTfjs(given as Json, `${where}: ${from}`) : undefined;
    if (isGiven(value) || (value === null && codec.takesNull)) ours[to] = value;
  }
  const inner = parts.map(part => partOf(layer, part));
  const described = describeInner(inner.flat());
  for (const [index, part] of parts.entries()) {
    ours[part.option] = part.isList ? described : (described[index] as Json);
  }
  if (!layer.trainable) ours.trainable = false;
  return ours;
}

/** What tfjs makes a layer of. */
export interface TfjsDescription {
  readonly className: string;
  readonly config: {readonly [key: string]: Json};
}

/** Options of every layer that are said otherwise. */
const general = ['kind', 'name', 'trainable', 'inputShape', 'batchInputShape'];

/** A layer of this library, in its description, as tfjs describes its own. */
export function describeOurs(description: Config): TfjsDescription {
  const {kind, name, trainable} = description as {kind: string; name: string; trainable?: Json};
  const where = `toTfjs: ${name}`;
  const row = byKind.get(kind);
  if (!row) return fail('ERR_UNKNOWN_NAME', `${where}: ${kind} has no counterpart in tfjs-layers.`);
  const given: Config = {...row.defaults, ...description};
  const config: {[key: string]: Json} = {name, ...(trainable === false && {trainable})};
  for (const [option, value] of Object.entries(given)) {
    if (general.includes(option) || row.parts.some(part => part.option === option)) continue;
    const own = row.options.find(({ours}) => ours === option);
    if (!own) {
      checkAlways(row, where, option, value);
      continue;
    }
    const written = own.codec.toTfjs(value, `${where}: ${option}`);
    if (!isGiven(written) && !(written === null && own.codec.takesNull)) continue;
    config[own.theirs] = written;
    const refused = row.refused.find(each => each.option === own.theirs && each.value === written);
    if (refused) fail('ERR_OPTION', `${where}: ${option} ${String(value)}: ${refused.why}.`);
  }
  checkDerived(row, where, given);
  for (const [option, value] of Object.entries(row.always))
    checkAlways(row, where, option, given[option], value);
  return {className: row.className, config};
}

/** What a layer is but for its name and its direction. */
function described(value: Json | undefined): string {
  const {name, goBackwards, ...rest} = (value ?? {}) as Config;
  return JSON.stringify(rest);
}

/** A layer within that tfjs makes like the first must be like it. */
function checkDerived({parts, className}: Counterpart, where: string, given: Config): void {
  const [first] = parts;
  for (const {option, isDerived} of parts) {
    if (!isDerived || described(given[option]) === described(given[first?.option as string])) continue;
    const only = `tfjs's ${className} makes it like ${first?.option}`;
    fail('ERR_OPTION', `${where}: ${option}: it differs from ${first?.option}, and ${only}.`);
  }
}

/** An option that tfjs lacks must have the value that its layer always has. */
function checkAlways(
  {always, className}: Counterpart,
  where: string,
  option: string,
  value: Json | undefined,
  wanted = always[option],
): void {
  if (wanted !== undefined && value === wanted) return;
  const only = wanted === undefined ? '' : `, where it is always ${String(wanted)}`;
  fail(
    'ERR_OPTION',
    `${where}: ${option} ${JSON.stringify(value ?? null)}: tfjs's ${className} has no such option${only}.`,
  );
}
