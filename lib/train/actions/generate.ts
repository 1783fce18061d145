// Text, token by token: calls of native code that make many each, between which the event loop has its turn.
import {arrayOf, dtypes, type TypedArray} from '../../core/dtype.ts';
import {ChainruleError, fail} from '../../core/errors.ts';
import {seedWords} from '../../core/seed.ts';
import {sizeOf} from '../../core/shape.ts';
import type {TensorSpec} from '../../core/tensor.ts';
import type {CompiledProgram} from '../../session/compile.ts';
import {failByGuard} from '../../session/guard-failure.ts';
import type {Engine} from '../run/engine.ts';
import {cachedDecoder, checkLanguageModel, type Decoder, streamed, wholeDecoder} from './generate/decoder.ts';
import {chosenName, keptName, loopGraph, nextOf, readGraph} from './generate/graphs.ts';
import {type GenerateOptions, type GenerateRequest, requestOf} from './generate/options.ts';
import {type Sampler, samplerOf} from './generate/sampler.ts';
import {Texts} from './generate/texts.ts';

export type {GenerateOptions} from './generate/options.ts';

const where = 'generate';

/** Steps that a plan may have: few sizes, so that there are few plans. Their number changes no token. */
const loopSizes = [64, 16, 4, 1];
/** Known tokens that are read at once; the rest goes through the loop. */
const readSizes = [64, 8];
/** A call should end about this often, so that the event loop and signals are served. */
const callBudgetMs = 15;
/** What is kept has room for a power of two of steps, from this on. */
const fewestPlaces = 64;

type Arrays = Readonly<Record<string, TypedArray>>;

function zerosOf({shape, dtype}: TensorSpec): TypedArray {
  const {array, bytes} = dtypes[dtype];
  const length = sizeOf(shape);
  return new array(new SharedArrayBuffer(length * bytes), 0, length);
}

const arraysOf = (specs: readonly TensorSpec[], name: (index: number) => string): Arrays =>
  Object.fromEntries(specs.map((spec, index) => [name(index), zerosOf(spec)]));

/** Steps of the next call: what fits the budget, and not more than are wanted but where it is the last. */
function stepsOfCall(wanted: number, msPerStep: number, isLast: boolean): number {
  const most = loopSizes.find(size => size * msPerStep <= callBudgetMs) ?? 1;
  if (wanted >= most) return most;
  // Less than half of its steps for nothing are better than further calls.
  const above = loopSizes.findLast(size => size >= wanted) ?? 1;
  if (isLast && above < 2 * wanted) return above;
  return loopSizes.find(size => size <= wanted) ?? 1;
}

/** The decoder for texts of so many tokens. @throws ERR_GRAPH, ERR_OPTION */
function decoderOf({network}: Engine, request: GenerateRequest, rows: number): Decoder {
  const {steps} = checkLanguageModel(network);
  const {contextLength, useCache, prompt, maxNewTokens} = request;
  if (!useCache) {
    if (contextLength === undefined || contextLength <= steps) return wholeDecoder(network, rows);
    const why = `without a cache the model reads the ${steps} steps of its input`;
    return fail('ERR_OPTION', `${where}: contextLength: ${why}. Received ${contextLength}.`);
  }
  const {most, hasPlaces} = streamed(network);
  if (contextLength !== undefined && contextLength > most) {
    const why = `the model knows ${most} positions`;
    fail('ERR_OPTION', `${where}: contextLength: ${why}. Received ${contextLength}.`);
  }
  if (!hasPlaces) return cachedDecoder(network, rows, steps);
  const needed = 2 ** Math.ceil(Math.log2(Math.max(fewestPlaces, prompt.length + maxNewTokens)));
  return cachedDecoder(network, rows, Math.min(contextLength ?? steps, needed));
}

/** Milliseconds of a step, at the least, by the way of choosing: the next text knows how many fit a call. */
const paces = new WeakMap<Decoder, Map<string, number>>();

/** One text, or the beams of it, as far as it has come. */
class Decoding {
  readonly #engine: Engine;
  readonly #request: GenerateRequest;
  readonly #sampler: Sampler;
  readonly #decoder: Decoder;
  readonly #texts: Texts;
  /** The most steps that are read before it goes on from the last half of them. */
  readonly #most: number;
  /** Where in the texts the steps begin that are kept, and how many of them have been read. */
  #begin: number;
  #position = 0;
  #kept: Arrays;
  #spare: Arrays;
  #chosen: Arrays;
  readonly #paces: Map<string, number>;

  constructor(engine: Engine, request: GenerateRequest) {
    const {prompt, contextLength = Number.POSITIVE_INFINITY} = request;
    this.#engine = engine;
    this.#request = request;
    this.#sampler = samplerOf(request);
    this.#decoder = decoderOf(engine, request, this.#sampler.rows);
    this.#texts = new Texts(prompt, this.#sampler.rows, request.stopTokens);
    this.#paces = paces.get(this.#decoder) ?? new Map();
    paces.set(this.#decoder, this.#paces);
    this.#most = Math.min(this.#decoder.most, contextLength);
    this.#begin = prompt.length > this.#most ? this.#half(prompt.length) : 0;
    this.#kept = arraysOf(this.#decoder.kept, keptName);
    this.#spare = arraysOf(this.#decoder.kept, keptName);
    this.#chosen = Object.fromEntries(
      this.#sampler.kept.map(({spec, initial}, index) => [chosenName(index), arrayOf(initial, spec.dtype)]),
    );
  }

  /** Where the last half of a text begins. */
  #half(length: number): number {
    return length - Math.max(1, Math.floor(this.#most / 2));
  }

  /** New tokens that are certain, in order. */
  async *tokens(): AsyncGenerator<number, void, undefined> {
    const {maxNewTokens, signal, prompt} = this.#request;
    const end = prompt.length + maxNewTokens;
    while (this.#texts.length < end) {
      if (signal?.aborted) {
        throw new ChainruleError('ERR_ABORTED', `${where}: stopped by its signal.`, {cause: signal.reason});
      }
      await this.#advance(end);
      const isOver = this.#texts.hasEnded;
      yield* this.#texts.take(end, isOver || this.#texts.length >= end);
      if (isOver) return;
    }
  }

  /** One call. */
  async #advance(end: number): Promise<void> {
    const {length} = this.#texts;
    // The last known token goes through the loop, which chooses the next.
    const known = length - 1 - this.#begin - this.#position;
    const size = readSizes.find(each => each <= known);
    if (size !== undefined) return this.#read(size);
    const left = known + end - length;
    const room = this.#most - this.#position;
    const msPerStep = this.#paces.get(this.#sampler.key) ?? callBudgetMs / 4;
    const steps = stepsOfCall(Math.min(left, room), msPerStep, left <= room);
    const used = Math.min(steps, left);
    const {tokens, parents} = await this.#loop(steps, known);
    this.#texts.add(tokens, parents, known, used);
    this.#position += used;
    if (this.#position >= this.#most && this.#texts.length < end) this.#startOver();
  }

  /** All places are taken: what is kept begins again with the last half of the text. */
  #startOver(): void {
    this.#begin = this.#half(this.#texts.length);
    this.#position = 0;
    for (const array of Object.values(this.#kept)) array.fill(0 as never);
  }

  #program(kind: string, steps: number): CompiledProgram {
    const {key, rows} = this.#sampler;
    const decoder = this.#decoder;
    return kind === 'read'
      ? this.#engine.program(`${where} read ${steps} ${decoder.key}`, () => readGraph(decoder, rows, steps))
      : this.#engine.program(`${where} loop ${steps} ${decoder.key} ${key}`, () =>
          loopGraph(decoder, this.#sampler, steps),
        );
  }

  async #read(steps: number): Promise<void> {
    const ids = this.#texts.slice(this.#begin + this.#position, steps);
    await this.#run(this.#program('read', steps), {ids}, {});
    this.#position += steps;
  }

  async #loop(steps: number, known: number): Promise<{tokens: Int32Array; parents: Int32Array | undefined}> {
    const {settings, kept} = this.#sampler;
    const from = this.#begin + this.#position;
    const numbers = Object.entries(settings).map(([name, value]) => [name, Float32Array.of(value)] as const);
    const chosen = arraysOf(
      kept.map(({spec}) => spec),
      chosenName,
    );
    const program = this.#program('loop', steps);
    const began = performance.now();
    const outputs = await this.#run(
      program,
      {
        token: this.#texts.slice(from, 1),
        forced: this.#texts.forced(from + 1, steps, known),
        number: Int32Array.of(from + 1),
        seed: Int32Array.from(seedWords(this.#request.seed)),
        ...Object.fromEntries(numbers),
        ...this.#chosen,
      },
      chosen,
    );
    // It may have waited for others.
    const ms = (performance.now() - began) / steps;
    this.#paces.set(this.#sampler.key, Math.min(this.#paces.get(this.#sampler.key) ?? ms, ms));
    this.#chosen = chosen;
    return {tokens: outputs.tokens as Int32Array, parents: outputs.parents as Int32Array | undefined};
  }

  /** Runs a program over what is kept, and keeps what it gives. */
  async #run(program: CompiledProgram, given: Arrays, chosen: Arrays): Promise<Arrays> {
    const available: Arrays = {...this.#kept, ...given, position: Int32Array.of(this.#position)};
    const wanted = program.plan.io.filter(({output}) => !output).map(({name}) => name);
    const inputs = Object.fromEntries(wanted.map(name => [name, available[name] as TypedArray]));
    const named = Object.entries({...this.#spare, ...chosen}).map(
      ([name, to]) => [nextOf(name), to] as const,
    );
    const outcome = await program.run(inputs, {outputs: Object.fromEntries(named), highPriority: true});
    if (outcome.end !== 'done') {
      const {guard, anomaly} = outcome;
      if (!guard) fail('ERR_PLAN', `${where}: ended for no known reason.`);
      failByGuard(where, {...guard, anomaly});
    }
    [this.#kept, this.#spare] = [this.#spare, this.#kept];
    return outcome.outputs;
  }
}

/** Tokens as they are made, for `for await`. It may be run through once. */
export class Generation implements AsyncIterable<number> {
  readonly #tokens: AsyncGenerator<number, void, undefined>;

  /** @internal */
  constructor(tokens: AsyncGenerator<number, void, undefined>) {
    this.#tokens = tokens;
  }

  [Symbol.asyncIterator](): AsyncIterator<number, void, undefined> {
    return this.#tokens;
  }

  /** All of them, once they are made. */
  async toArray(): Promise<number[]> {
    const all: number[] = [];
    for await (const token of this.#tokens) all.push(token);
    return all;
  }
}

/** See `Model.generate`. @throws ERR_OPTION, ERR_GRAPH */
export function generate(engine: Engine, prompt: unknown, options: GenerateOptions = {}): Generation {
  return new Generation(new Decoding(engine, requestOf(engine, prompt, options)).tokens());
}
