// What `generate` is asked for, checked.
import {checkBoolean, checkNumber, checkOptions, fail} from '../../../core/errors.ts';
import {isAbortSignal, isList, isNumericArray, show} from '../../../core/kinds.ts';
import type {Engine} from '../../run/engine.ts';

export interface GenerateOptions {
  /** Tokens to make. 20 by default. */
  readonly maxNewTokens?: number;
  /**
   * What logits are divided by before a token is drawn from their softmax: below 1 likely tokens become
   * likelier. 1 by default; 0 takes the likeliest token each time.
   */
  readonly temperature?: number;
  /** Only so many of the likeliest tokens are drawn from. All by default. */
  readonly topK?: number;
  /**
   * Only the fewest of the likeliest tokens are drawn from whose probabilities reach this sum (Holtzman et
   * al. 2020). 1, all, by default.
   */
  readonly topP?: number;
  /**
   * Keeps so many beginnings and goes on with those of the largest probability as a whole, without drawing:
   * beam search. 1, none, by default.
   */
  readonly numBeams?: number;
  /** Of what is drawn; the model's by default. The same seed draws the same tokens. */
  readonly seed?: number;
  /** A token, or several, behind which the text ends. None by default. */
  readonly stopTokens?: number | readonly number[];
  /**
   * How many steps the model reads at most. By default those of its input, where anything in it depends on
   * them, as attention does; any number where not, as in recurrent nets. When so many are read, it goes on
   * from the last half of them.
   */
  readonly contextLength?: number;
  /**
   * Keep what each layer knows of the tokens before, keys and values or states, instead of computing them
   * again for each token; the tokens are the same. True by default.
   */
  readonly useCache?: boolean;
  /** Ends the generation between two calls of native code: the loop then throws ERR_ABORTED. */
  readonly signal?: AbortSignal;
}

const known = [
  'maxNewTokens',
  'temperature',
  'topK',
  'topP',
  'numBeams',
  'seed',
  'stopTokens',
  'contextLength',
  'useCache',
  'signal',
];

export interface GenerateRequest {
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topK: number | undefined;
  readonly topP: number;
  readonly numBeams: number;
  readonly seed: number;
  readonly stopTokens: readonly number[];
  readonly contextLength: number | undefined;
  readonly useCache: boolean;
  readonly signal: AbortSignal | undefined;
}

const where = 'generate';
const counts = {integer: true, min: 1, max: 2 ** 24};
const ids = {integer: true, min: 0, max: 2 ** 31 - 1};

function promptOf(given: unknown): number[] {
  if ((!isList(given) && !isNumericArray(given)) || given.length === 0) {
    const wanted = 'expected the ids of at least one token, such as [12, 7]';
    return fail('ERR_OPTION', `${where}: prompt: ${wanted}. Received ${show(given)}.`);
  }
  return Array.from(given as ArrayLike<unknown>, (id, at) => {
    checkNumber(`${where}: prompt[${at}]`, id as number, ids);
    return id as number;
  });
}

function stopTokensOf(given: GenerateOptions['stopTokens']): readonly number[] {
  if (given === undefined) return [];
  const list: readonly number[] = typeof given === 'number' ? [given] : given;
  if (!isList(list)) {
    fail(
      'ERR_OPTION',
      `${where}: stopTokens: expected the id of a token, or several. Received ${show(given)}.`,
    );
  }
  for (const id of list) checkNumber(`${where}: stopTokens`, id, ids);
  return [...new Set(list)];
}

/** @throws ERR_OPTION */
export function requestOf(engine: Engine, prompt: unknown, options: GenerateOptions): GenerateRequest {
  checkOptions(where, options, known);
  const {maxNewTokens = 20, temperature, topK, topP, numBeams = 1, seed = engine.seed} = options;
  const {contextLength, useCache = true, signal} = options;
  checkNumber(`${where}: maxNewTokens`, maxNewTokens, {integer: true, min: 0, max: 2 ** 31 - 1});
  if (temperature !== undefined) checkNumber(`${where}: temperature`, temperature, {min: 0, max: 1e30});
  if (topK !== undefined) checkNumber(`${where}: topK`, topK, counts);
  if (topP !== undefined) checkNumber(`${where}: topP`, topP, {above: 0, max: 1});
  checkNumber(`${where}: numBeams`, numBeams, {integer: true, min: 1, max: 1024});
  checkNumber(`${where}: seed`, seed, {integer: true});
  if (contextLength !== undefined) checkNumber(`${where}: contextLength`, contextLength, {...counts, min: 2});
  checkBoolean(`${where}: useCache`, useCache);
  if (signal !== undefined && !isAbortSignal(signal)) {
    fail('ERR_OPTION', `${where}: signal: expected an AbortSignal. Received ${show(signal)}.`);
  }
  const drawing = Object.entries({temperature, topK, topP}).find(([, value]) => value !== undefined);
  if (numBeams > 1 && drawing) {
    const why = 'beam search takes what is likeliest and draws nothing';
    fail('ERR_OPTION', `${where}: ${drawing[0]}: ${why}; give either numBeams or ${drawing[0]}.`);
  }
  return {
    prompt: promptOf(prompt),
    maxNewTokens,
    temperature: temperature ?? 1,
    topK,
    topP: topP ?? 1,
    numBeams,
    seed,
    stopTokens: stopTokensOf(options.stopTokens),
    contextLength,
    useCache,
    signal,
  };
}
