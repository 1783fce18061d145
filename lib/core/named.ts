// Members of the namespaces (layers, losses, optimizers, …): each is made by a function of one options object
// and remembers its name and options, so that a model file can describe it.
import {fail} from './errors.ts';
import {classNameOf, isOwn, mark} from './kinds.ts';

export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};
export type Config = {readonly [key: string]: Json};

/** How something was made: by the function `kind` of its namespace, with the options `config`. */
export interface Named {
  /** `custom` for a function of the user's own. */
  readonly kind: string;
  readonly config: Config;
}

export type AnyFunction = (...values: never[]) => unknown;

/** The kind of a function of the user's own. */
export const customKind = 'custom';

/** Whether a value was made by a function of a namespace. */
export function isMember(value: object): boolean {
  return isOwn(value, 'part');
}

/** Marks `member` as made by a function of a namespace. */
export function remember<Member extends Named>(member: Member): Member {
  mark(member, 'part');
  return member;
}

/** A behaviour that remembers how it was made; options left out stay out of its configuration. */
export function named<Behaviour extends object>(
  kind: string,
  options: Readonly<Record<string, Json | undefined>>,
  behaviour: Behaviour,
): Behaviour & Named {
  const config = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return remember(Object.assign(behaviour, {kind, config: config as Config}));
}

/**
 * What members declare beside what they compute: losses `targets` and what goes with it, metrics
 * `accumulation`, optimizers `slots`.
 */
const declarations = ['targets', 'targetShape', 'ofMasked', 'normalizer', 'accumulation', 'slots'];

function declarationsOf(given: object): object {
  const values = given as Readonly<Record<string, unknown>>;
  const present = declarations.filter(name => values[name] !== undefined);
  return Object.fromEntries(present.map(name => [name, values[name]]));
}

/**
 * A function of the user's own as a member. A file knows it by its name, which `customObjects` then explains.
 */
export function ownFunction<Member extends Named>(given: AnyFunction): Member {
  const {name} = given;
  const behaviour = Object.assign(given.bind(undefined), declarationsOf(given));
  return named(customKind, {name: name === '' ? undefined : name}, behaviour) as unknown as Member;
}

/**
 * An instance of a class of the user's own, whose `call` becomes the member; its `config` makes another one.
 */
export function ownInstance<Member extends Named>(instance: object): Member | undefined {
  const {call, config = {}} = instance as {call?: unknown; config?: Config};
  const kind = classNameOf(instance);
  if (typeof call !== 'function' || kind === undefined) return undefined;
  const behaviour = (...values: never[]): unknown => (call as AnyFunction).apply(instance, values);
  return named(kind, config, Object.assign(behaviour, declarationsOf(instance))) as unknown as Member;
}

/** As JSON: the bare name where all options are defaults. */
export function describe(what: string, {kind, config}: Named): Json {
  if (kind === customKind && config.name === undefined) {
    fail('ERR_OPTION', `save: the ${what} is a function without a name and cannot be written to a file.`);
  }
  return Object.keys(config).length === 0 ? kind : {kind, ...config};
}
