import {otherNames} from './familiar.ts';
import {isObject} from './kinds.ts';

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

/** Every error that chainrule throws on purpose. The message says what, where, and what instead. */
export class ChainruleError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ChainruleError';
    this.code = code;
  }
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

/** The known name most like `name`, where one is near enough for a typing mistake. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
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

/** `unknown loss "mse2". Did you mean "mse"? Known: …` */
export function unknownName(what: string, name: unknown, known: readonly string[]): never {
  const received = typeof name === 'string' ? JSON.stringify(name) : String(name);
  fail('ERR_UNKNOWN_NAME', `unknown ${what} ${received}.${hintFor(name, known)} Known: ${known.join(', ')}.`);
}

/** Refuses options that `where` does not have, by name. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (!isObject(options) || Array.isArray(options)) {
    fail('ERR_OPTION', `${where}: expected an object of options. Received ${String(options)}.`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const hint = hintFor(key, known);
    const all = known.length === 0 ? 'It takes no options' : `Known: ${known.join(', ')}`;
    fail('ERR_OPTION', `${where}: unknown option ${JSON.stringify(key)}.${hint} ${all}.`);
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
  const parts = [integer ? 'an integer' : 'a finite number'];
  if (min !== undefined) parts.push(`>= ${min}`);
  if (above !== undefined) parts.push(`> ${above}`);
  if (max !== undefined) parts.push(`<= ${max}`);
  if (below !== undefined) parts.push(`< ${below}`);
  fail('ERR_OPTION', `${where}: expected ${parts.join(' ')}. Received ${String(value)}.`);
}

export function checkBoolean(where: string, value: unknown): asserts value is boolean {
  if (typeof value === 'boolean') return;
  fail('ERR_OPTION', `${where}: expected true or false. Received ${String(value)}.`);
}

/** Refuses what is none of `choices`, and suggests the nearest. */
export function checkChoice(where: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  const received = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const hint = hintFor(value, choices);
  fail('ERR_OPTION', `${where}: expected ${choices.join(', ')}. Received ${received}.${hint}`);
}
