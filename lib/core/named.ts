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

/**
 * A function of the user's own as a member: a file knows it by its name, and `customObjects` says then what
 * the name means.
 */
export function ownFunction<Member extends Named>(given: (...values: never[]) => unknown): Member {
  const {name} = given;
  const behaviour = Object.assign(given.bind(undefined), traitsOf(given));
  return named(customKind, {name: name === '' ? undefined : name}, behaviour) as unknown as Member;
}

/**
 * What losses (`targets`, `counted`), metrics (`accumulation`) and optimizers (`slots`) say of themselves
 * beside what they compute.
 */
function traitsOf(given: object): object {
  const traits = ['targets', 'counted', 'accumulation', 'slots'];
  const said = traits.filter(trait => (given as Record<string, unknown>)[trait] !== undefined);
  return Object.fromEntries(said.map(trait => [trait, (given as Record<string, unknown>)[trait]]));
}

/** As JSON: the bare name where all options are defaults. */
export function describe(what: string, {kind, config}: Named): Json {
  if (kind === customKind && config.name === undefined) {
    fail('ERR_OPTION', `save: the ${what} is a function without a name and cannot be written to a file.`);
  }
  return Object.keys(config).length === 0 ? kind : {kind, ...config};
}

/** What the names of functions and classes of the user's own stand for in a description. */
export type CustomObjects = Readonly<Record<string, unknown>>;

let customObjects: CustomObjects = {};

/** Reads descriptions in which these names may stand, as within Keras's custom_object_scope. */
export function withCustomObjects<Result>(objects: CustomObjects | undefined, read: () => Result): Result {
  const before = customObjects;
  customObjects = {...before, ...objects};
  try {
    return read();
  } finally {
    customObjects = before;
  }
}

function customObject(what: string, name: string): unknown {
  if (Object.hasOwn(customObjects, name)) return customObjects[name];
  return fail(
    'ERR_UNKNOWN_NAME',
    `the ${what} ${JSON.stringify(name)} is one of your own: say what it is, {customObjects: {${name}: …}}.`,
  );
}

type AnyFunction = (...values: never[]) => unknown;

const isClass = (value: unknown): value is new (options: object) => object =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

/** An object of a class of the user's own, whose `call` is the member; its `config` makes another. */
function ownObject<Member extends Named>(value: object): Member | undefined {
  const {call, config = {}} = value as {call?: unknown; config?: Config};
  const kind = value.constructor?.name;
  if (typeof call !== 'function' || !kind || kind === 'Object') return undefined;
  const behaviour = (...values: never[]): unknown => (call as AnyFunction).apply(value, values as never);
  return named(kind, config, Object.assign(behaviour, traitsOf(value))) as unknown as Member;
}

interface ResolveRules<Member> {
  /** Other spellings of names. */
  aliases?: Readonly<Record<string, string>>;
  /** What a function of the user's own becomes; without it, functions are refused. */
  custom?: ((given: (...values: never[]) => unknown) => Member) | undefined;
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
    if (Object.hasOwn(namespace, name)) return (namespace[name] as (options: object) => Member)(options);
    const own = Object.hasOwn(customObjects, name) ? customObjects[name] : undefined;
    if (isClass(own)) return resolve(what, namespace, new own(options), {aliases, custom});
    if (typeof own === 'function' && custom) return custom(own as AnyFunction);
    return unknownName(what, given, [...Object.keys(namespace), ...Object.keys(aliases)]);
  };
  if (typeof value === 'string') return make(value, {});
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
    if (made.has(value)) return value as Member;
    // `activations.relu` without its call.
    if (Object.values(namespace).includes(value)) return (value as (options: object) => Member)({});
    if (isClass(value)) fail('ERR_OPTION', `${what}: expected an object of the class: new ${value.name}(…).`);
    if (typeof value === 'function' && custom) return custom(value as AnyFunction);
    if ('kind' in value && typeof value.kind === 'string') {
      const {kind, ...options} = value as {kind: string};
      if (kind !== customKind || !custom) return make(kind, options);
      const found = customObject(what, String((options as {name?: unknown}).name));
      return resolve(what, namespace, found, {aliases, custom});
    }
    const own = custom && ownObject<Member>(value);
    if (own) return own;
  }
  return unknownName(what, value, Object.keys(namespace));
}
