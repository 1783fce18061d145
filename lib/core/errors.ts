import {otherNames, withoutOption} from './familiar.ts';
import {isMap, isMarked, isRecord, mark, memberNames, show} from './kinds.ts';

/** What went wrong, for programs: `error.code`. */
export type ErrorCode =
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_OPTION'
  | 'ERR_VALUE'
  | 'ERR_UNKNOWN_NAME'
  | 'ERR_GRAPH'
  | 'ERR_DETACHED'
  | 'ERR_DISPOSED'
  | 'ERR_MODEL_BUSY'
  | 'ERR_NOT_COMPILED'
  | 'ERR_NOT_FINITE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_ABORTED'
  | 'ERR_FILE'
  | 'ERR_WEIGHTS'
  | 'ERR_ADDON'
  | 'ERR_PLAN';

/** `error instanceof ChainruleError` also for an error of another copy of the package. */
function isInstance(this: unknown, value: unknown): boolean {
  if (this === ChainruleError) return isChainruleError(value);
  return Function.prototype[Symbol.hasInstance].call(this, value);
}

/** Every error that chainrule throws on purpose. The message says what, where, and what instead. */
export class ChainruleError extends Error {
  static {
    mark(ChainruleError.prototype, 'error');
    Object.defineProperty(ChainruleError, Symbol.hasInstance, {value: isInstance});
  }

  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ChainruleError';
    this.code = code;
  }
}

export function isChainruleError(value: unknown): value is ChainruleError {
  return isMarked(value, 'error');
}

export function fail(code: ErrorCode, message: string): never {
  throw new ChainruleError(code, message);
}

/** Number of single-character edits between two words (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({length: b.length + 1}, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replace = (previous[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[column] as number) + 1, (current[column - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}

const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The known name most like `name`, where one is near enough for a typing mistake. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const camel = camelCase(name);
  const other = Object.hasOwn(otherNames, camel) ? otherNames[camel] : undefined;
  if (other !== undefined && known.includes(other)) return other;
  const lower = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** ` Did you mean "mse"?`, or nothing where no name is near. */
function hintFor(name: unknown, known: readonly string[]): string {
  const near = typeof name === 'string' ? nearest(name, known) : undefined;
  return near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
}

/** What stands for an option of Keras or TensorFlow.js that there is none for. */
function whyWithout(key: string): string | undefined {
  const name = camelCase(key);
  return Object.hasOwn(withoutOption, name) ? ` ${withoutOption[name]}.` : undefined;
}

/** `unknown loss "mse2". Did you mean "mse"? Known: …` */
export function unknownName(what: string, name: unknown, known: readonly string[], where?: string): never {
  const begin = where === undefined ? '' : `${where}: `;
  const text = `unknown ${what} ${show(name)}.${hintFor(name, known)} Known: ${known.join(', ')}`;
  fail('ERR_UNKNOWN_NAME', `${begin}${text}.`);
}

/** Refuses what is no object of options: a Map, whose entries nobody would read, an array, a Date, … */
function checkRecord(where: string, options: unknown): asserts options is object {
  if (isRecord(options)) return;
  const hint = isMap(options) ? ' Object.fromEntries(map) makes an object of it.' : '';
  fail('ERR_OPTION', `${where}: expected an object of options. Received ${show(options)}.${hint}`);
}

/** Refuses options that `where` does not have, by name, also those of a prototype. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  checkRecord(where, options);
  for (const key of memberNames(options)) {
    if (!known.includes(key)) {
      const hint = whyWithout(key) ?? hintFor(key, known);
      const all = known.length === 0 ? 'It takes no options' : `Known: ${known.join(', ')}`;
      fail('ERR_OPTION', `${where}: unknown option ${JSON.stringify(key)}.${hint} ${all}.`);
    }
    // Copies of the options, e.g. for a model file, would lack it.
    if (Object.hasOwn(options, key)) continue;
    fail(
      'ERR_OPTION',
      `${where}: the option ${JSON.stringify(key)} must be the object's own, not inherited.`,
    );
  }
}

/** The same where the options must be given, because some have no default. */
export function requireOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined)
    fail('ERR_OPTION', `${where}: expected an object of options. Received undefined.`);
  checkOptions(where, options, known);
}

/** Refuses what is no finite number, or outside its range. */
export function checkNumber(
  where: string,
  value: unknown,
  range: {integer?: boolean; min?: number; max?: number; above?: number; below?: number},
): asserts value is number {
  const {integer = false, min, max, above, below} = range;
  const ok =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (!integer || Number.isSafeInteger(value)) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below);
  if (ok) return;
  const bounds: string[] = [];
  if (min !== undefined) bounds.push(` >= ${min}`);
  if (above !== undefined) bounds.push(` > ${above}`);
  if (max !== undefined) bounds.push(` <= ${max}`);
  if (below !== undefined) bounds.push(` < ${below}`);
  const wanted = `${integer ? 'an integer' : 'a finite number'}${bounds.join(' and')}`;
  fail('ERR_OPTION', `${where}: expected ${wanted}. Received ${show(value)}.`);
}

export function checkBoolean(where: string, value: unknown): asserts value is boolean {
  if (typeof value === 'boolean') return;
  fail('ERR_OPTION', `${where}: expected true or false. Received ${show(value)}.`);
}

/** Refuses what is none of `choices`, and suggests the nearest. */
export function checkChoice(where: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  const hint = hintFor(value, choices);
  fail('ERR_OPTION', `${where}: expected ${choices.join(', ')}. Received ${show(value)}.${hint}`);
}
