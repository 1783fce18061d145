// onnxruntime-node making texts, one token after another: the keys and values of a step are inputs of the
// next. A JSON object a line in, one out. onnxruntime-generation.ts MODE THREADS.
import {createRequire} from 'node:module';
import path from 'node:path';
import {answerLines} from './answer-lines.ts';

interface Request {
  readonly load?: {
    readonly file: string;
    readonly blocks: number;
    readonly heads: number;
    readonly width: number;
  };
  /** Logits behind these tokens. */
  readonly logits?: readonly number[];
  /** Tokens to make, and of how many a text consists. */
  readonly steps?: number;
  readonly length?: number;
}

interface Tensor {
  readonly data: Float32Array;
}
type Tensors = Record<string, Tensor>;
interface Session {
  run(feeds: Tensors): Promise<Tensors>;
}
interface Onnxruntime {
  readonly InferenceSession: {create(file: string, options: object): Promise<Session>};
  readonly Tensor: new (
    dtype: string,
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ) => Tensor;
}

const ort = createRequire(path.join(process.cwd(), 'peers.js'))('onnxruntime-node') as Onnxruntime;

class Text {
  readonly #session: Session;
  #kept: Tensors;
  #position = 0;

  constructor(session: Session, {blocks, heads, width}: NonNullable<Request['load']>) {
    this.#session = session;
    const none = new ort.Tensor('float32', new Float32Array(0), [1, heads, 0, width]);
    const names = Array.from({length: blocks}, (_, block) => [`past.${block}.key`, `past.${block}.value`]);
    this.#kept = Object.fromEntries(names.flat().map(name => [name, none]));
  }

  /** Logits of what follows a token. */
  async read(token: number): Promise<Float32Array> {
    const whole = (value: number) => new ort.Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);
    const feeds = {ids: whole(token), position: whole(this.#position++), ...this.#kept};
    const {logits, ...present} = await this.#session.run(feeds);
    const pairs = Object.entries(present).map(([name, value]) => [name.replace('present', 'past'), value]);
    this.#kept = Object.fromEntries(pairs) as Tensors;
    return (logits as Tensor).data;
  }
}

/** A token from the softmax of its logits. */
function draw(logits: Float32Array): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logits.map(logit => Math.exp(logit - most));
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let token = 0; token < weights.length; token++) {
    left -= weights[token] as number;
    if (left < 0) return token;
  }
  return weights.length - 1;
}

let model: NonNullable<Request['load']> | undefined;
let session: Session | undefined;

async function generate(steps: number, length: number): Promise<number> {
  if (!session || !model) throw new Error('no model is loaded');
  const started = performance.now();
  for (let made = 0; made < steps; made += length) {
    const text = new Text(session, model);
    let token = 0;
    for (let step = 0; step < Math.min(length, steps - made); step++) token = draw(await text.read(token));
  }
  return ((performance.now() - started) / steps) * 1000;
}

/** With one thread or all, whichever is faster. */
async function fastest(file: string, length: number): Promise<Session> {
  let best: {readonly time: number; readonly session: Session} | undefined;
  for (const threads of new Set([1, Number(process.argv[3])])) {
    session = await ort.InferenceSession.create(file, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    });
    await generate(4 * length, length);
    const time = await generate(8 * length, length);
    if (!best || time < best.time) best = {time, session};
  }
  if (!best) throw new Error('no session');
  return best.session;
}

async function answer({load, logits, steps = 0, length = 1}: Request): Promise<object> {
  if (load) {
    model = load;
    session = await fastest(load.file, length);
    return {};
  }
  if (!session || !model) throw new Error('no model is loaded');
  if (!logits) return {microseconds: await generate(steps, length)};
  const text = new Text(session, model);
  let last: Float32Array = new Float32Array(0);
  for (const token of logits) last = await text.read(token);
  return {logits: Array.from(last)};
}

await answerLines(answer);
