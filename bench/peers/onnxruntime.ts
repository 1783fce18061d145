// onnxruntime-node: one session with its optimizations, the same input tensor at each call. A JSON object a
// line in, one out.
//   onnxruntime.ts MODE THREADS, in the folder where it is installed
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {answerLines} from './answer-lines.ts';

interface Request {
  /** The model and its first input, raw float32. */
  readonly load?: {readonly model: string; readonly input: string; readonly shape: readonly number[]};
  /** Seconds to take. */
  readonly time?: number;
}

type Outputs = Readonly<Record<string, {readonly data: Float32Array}>>;
interface Session {
  run(feeds: object): Promise<Outputs>;
}
interface Onnxruntime {
  readonly InferenceSession: {create(file: string, options: object): Promise<Session>};
  readonly Tensor: new (dtype: string, data: Float32Array, shape: readonly number[]) => object;
}

const load = createRequire(path.join(process.cwd(), 'peers.js'));
const ort = load('onnxruntime-node') as Onnxruntime;
const manifest = path.join(process.cwd(), 'node_modules/onnxruntime-node/package.json');
const {version} = JSON.parse(readFileSync(manifest, 'utf8')) as {version: string};

let session: Session | undefined;
let feeds: object = {};

async function answer({load: wanted, time = 0}: Request): Promise<object> {
  if (wanted) {
    session = await ort.InferenceSession.create(wanted.model, {
      intraOpNumThreads: Number(process.argv[3]),
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    });
    const bytes = readFileSync(wanted.input);
    const data = new Float32Array(new Uint8Array(bytes).buffer);
    feeds = {x: new ort.Tensor('float32', data, wanted.shape)};
    const outputs = await session.run(feeds);
    return {version, output: Array.from(outputs.y?.data ?? [])};
  }
  if (!session) throw new Error('no model is loaded');
  let calls = 0;
  const started = performance.now();
  let taken = 0;
  while (taken < time * 1000) {
    for (let call = 0; call < 20; call++) await session.run(feeds);
    calls += 20;
    taken = performance.now() - started;
  }
  return {microseconds: (taken / calls) * 1000};
}

await answerLines(answer);
