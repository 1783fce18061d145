// From what a user may write (a name, a member, a description, a function or object of their own) to a member
// of a namespace.
import {fail, unknownName} from './errors.ts';
import {foreignKind, fromMap, isClass, isObject, isRecord, show} from './kinds.ts';
import {type AnyFunction, customKind, isMember, type Named, ownInstance} from './named.ts';

/** What the names of functions and classes of the user's own stand for in a description. */
export type CustomObjects = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>;

let customObjects: Readonly<Record<string, unknown>> = {};

/** Reads descriptions in which these names may stand, as within Keras's custom_object_scope. */
export function withCustomObjects<Result>(objects: CustomObjects | undefined, read: () => Result): Result {
  const before = customObjects;
  const given = fromMap(objects ?? {});
  if (!isRecord(given)) {
    const wanted = 'expected functions and classes by name';
    fail('ERR_OPTION', `customObjects: ${wanted}. Received ${show(objects)}.`);
  }
  customObjects = {...before, ...given};
  try {
    return read();
  } finally {
    customObjects = before;
  }
}

/** Members by name; a module's namespace object is one. */
export type Namespace = Readonly<Record<string, unknown>>;

interface ResolveRules<Member> {
  /** Other spellings of names. */
  aliases?: Readonly<Record<string, string>>;
  /** Makes a member of a function of the user's own; without it, such functions are refused. */
  custom?: ((given: AnyFunction) => Member) | undefined;
  /** The option that holds the value, which errors begin with: `layers.dense: activation`. */
  where?: string | undefined;
}

interface Resolution<Member> extends ResolveRules<Member> {
  readonly aliases: Readonly<Record<string, string>>;
  /** For errors: `loss`. */
  readonly what: string;
  readonly namespace: Namespace;
}

/**
 * The member that a user means by a name, a member, `{kind, …options}` as it stands in a file, a function, or
 * an instance of a class with `call`.
 *
 * @throws ERR_UNKNOWN_NAME with the nearest known name.
 */
export function resolve<Member extends Named>(
  what: string,
  namespace: Namespace,
  value: unknown,
  {aliases = {}, custom, where}: ResolveRules<Member> = {},
): Member {
  return resolveValue({what, namespace, aliases, custom, where}, value);
}

function resolveValue<Member extends Named>(resolution: Resolution<Member>, value: unknown): Member {
  const {what, namespace, custom, where} = resolution;
  if (typeof value === 'string') return byName(resolution, value, {});
  if (!isObject(value) && typeof value !== 'function') {
    return unknownName(what, value, Object.keys(namespace), where);
  }
  if (isMember(value)) return value as Member;
  if (foreignKind(value) !== undefined) fail('ERR_OPTION', `${what}: received ${show(value)}.`);
  return (
    (typeof value === 'function' ? fromFunction(resolution, value as AnyFunction) : undefined) ??
    fromDescription(resolution, value) ??
    (custom && ownInstance<Member>(value)) ??
    unknownName(what, value, Object.keys(namespace), where)
  );
}

/** A member by its name, in the namespace or among the custom objects. */
function byName<Member extends Named>(
  resolution: Resolution<Member>,
  given: string,
  options: object,
): Member {
  const {what, namespace, aliases, custom, where} = resolution;
  const name = Object.hasOwn(aliases, given) ? (aliases[given] as string) : given;
  if (Object.hasOwn(namespace, name)) return (namespace[name] as (options: object) => Member)(options);
  const own = Object.hasOwn(customObjects, name) ? customObjects[name] : undefined;
  if (isClass(own)) return resolveValue(resolution, new own(options));
  if (typeof own === 'function' && custom) return custom(own as AnyFunction);
  return unknownName(what, given, [...Object.keys(namespace), ...Object.keys(aliases)], where);
}

/** `activations.relu` without its call, or a function of the user's own. */
function fromFunction<Member extends Named>(
  {what, namespace, custom}: Resolution<Member>,
  given: AnyFunction,
): Member | undefined {
  if (Object.values(namespace).includes(given)) return (given as (options: object) => Member)({});
  if (isClass(given)) fail('ERR_OPTION', `${what}: expected an object of the class: new ${given.name}(…).`);
  return custom?.(given);
}

/** `{kind, …options}`, where the kind `custom` stands for a function of the user's own by its name. */
function fromDescription<Member extends Named>(
  resolution: Resolution<Member>,
  value: object,
): Member | undefined {
  if (!('kind' in value) || typeof value.kind !== 'string') return undefined;
  const {kind, ...options} = value as {kind: string; name?: unknown};
  if (kind !== customKind || !resolution.custom) return byName(resolution, kind, options);
  const name = String(options.name);
  if (Object.hasOwn(customObjects, name)) return resolveValue(resolution, customObjects[name]);
  return fail(
    'ERR_UNKNOWN_NAME',
    `the ${resolution.what} ${JSON.stringify(name)} is one of your own: ` +
      `say what it is, {customObjects: {${name}: …}}.`,
  );
}
