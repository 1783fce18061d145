// Members of the namespaces (layers, losses, optimizers, …): each is made by a function of one options object
// and remembers its name and options, so that a model file can say them again.
import {fail, unknownName} from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json};
export type Config = {readonly [key: string]: Json};

/** How something was made: by the function `kind` of its namespace, with the options `config`. */
export interface Named {
  /** `custom` for a function of the user's own. */
  readonly kind: string;
  readonly config: Config;
}

/** What a function of the user's own is called. */
export const customKind = 'custom';

const made = new WeakSet<object>();

/** Marks `member` as made by a function of a namespace. */
export function remember<Member extends Named>(member: Member): Member {
  made.add(member);
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

/** As JSON: the bare name where all options are defaults. */
export function describe(what: string, {kind, config}: Named): Json {
  if (kind === customKind) {
    fail('ERR_OPTION', `save: the ${what} is a function of your own and cannot be written to a file.`);
  }
  return Object.keys(config).length === 0 ? kind : {kind, ...config};
}

interface ResolveRules<Member> {
  /** Other spellings of names. */
  aliases?: Readonly<Record<string, string>>;
  /** What a function of the user's own becomes; without it, functions are refused. */
  custom?(given: (...values: never[]) => unknown): Member;
}

/** Members by name; a module's namespace object is one. */
export type Namespace = Readonly<Record<string, unknown>>;

/**
 * The member that a user means by a name, a member, `{kind, …options}` as it stands in a file, or a function.
 *
 * @throws ERR_UNKNOWN_NAME with the nearest known name.
 */
export function resolve<Member extends Named>(
  what: string,
  namespace: Namespace,
  value: unknown,
  {aliases = {}, custom}: ResolveRules<Member> = {},
): Member {
  const make = (given: string, options: object): Member => {
    const name = Object.hasOwn(aliases, given) ? (aliases[given] as string) : given;
    if (!Object.hasOwn(namespace, name)) {
      unknownName(what, given, [...Object.keys(namespace), ...Object.keys(aliases)]);
    }
    return (namespace[name] as (options: object) => Member)(options);
  };
  if (typeof value === 'string') return make(value, {});
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
    if (made.has(value)) return value as Member;
    // `activations.relu` without its call.
    if (Object.values(namespace).includes(value)) return (value as (options: object) => Member)({});
    if (typeof value === 'function' && custom) return custom(value as (...values: never[]) => unknown);
    if ('kind' in value && typeof value.kind === 'string') {
      const {kind, ...options} = value;
      return make(kind as string, options);
    }
  }
  return unknownName(what, value, Object.keys(namespace));
}
