// One side of the bench `before`: what a checkout of chainrule takes, by that checkout's own code, in a
// process of its own that is asked one thing at a time. The folder of the checkout is its argument.
import path from 'node:path';
import {createInterface} from 'node:readline';
import {pathToFileURL} from 'node:url';
import type {Own} from './peers/chainrule.ts';
import {resultsFolder} from './report.ts';
import {makeData, type Workload} from './workloads.ts';

/** What is timed. */
export type Subject =
  | {readonly kind: 'train'; readonly workload: Workload; readonly precision: 'float32' | 'bfloat16'}
  | {readonly kind: 'shuffled'; readonly workload: Workload}
  | {readonly kind: 'predict'; readonly workload: Workload; readonly rows: number; readonly sync: boolean}
  | {readonly kind: 'product'; readonly m: number; readonly k: number; readonly n: number};

export interface SideRequest {
  readonly prepare?: Subject;
  /** Seconds that a measurement takes, about. */
  readonly time?: number;
}

type Library = typeof import('../lib/index.ts');
type Peer = typeof import('./peers/chainrule.ts');
type Timer = (seconds: number) => Promise<number>;

const root = process.argv[2] as string;
const load = (file: string): Promise<unknown> => import(pathToFileURL(path.join(root, file)).href);
const library = (await load('lib/index.ts')) as Library;
const {Own: OwnClass, buildModel} = (await load('bench/peers/chainrule.ts')) as Peer;

/** Microseconds of one of the calls that fit into the time. */
function repeated(call: () => unknown): Timer {
  let perCall = 0;
  return async seconds => {
    const count = perCall === 0 ? 1 : Math.max(1, Math.ceil(seconds / perCall));
    const started = performance.now();
    for (let index = 0; index < count; index++) await call();
    const took = (performance.now() - started) / 1000 / count;
    perCall = Math.min(took, perCall || took);
    return took * 1e6;
  };
}

function trainTimer(own: Own, shuffle: boolean): Timer {
  return seconds => own.time(seconds, shuffle);
}

function timerOf(subject: Subject): Timer {
  if (subject.kind === 'product') {
    const {m, k, n} = subject;
    const {compile, ops} = library;
    const a = ops.input({name: 'a', shape: [m, k]});
    const b = ops.input({name: 'b', shape: [k, n]});
    const product = compile(ops.matmul(a, b));
    const arrays = {a: new Float32Array(m * k).fill(0.5), b: new Float32Array(k * n).fill(0.25)};
    return repeated(() => product.run(arrays));
  }
  const {workload} = subject;
  if (subject.kind === 'predict') {
    const model = buildModel(workload);
    const width = workload.sizes[0] as number;
    const x = {data: new Float32Array(subject.rows * width).fill(0.5), shape: [subject.rows, width]};
    return repeated(() => (subject.sync ? model.predictSync(x) : model.predict(x)));
  }
  const data = makeData(workload, path.join(resultsFolder, 'data'));
  const precision = subject.kind === 'train' ? subject.precision : 'float32';
  return trainTimer(new OwnClass(workload, data, precision), subject.kind === 'shuffled');
}

let timer: Timer | undefined;
for await (const line of createInterface({input: process.stdin})) {
  const {prepare, time = 0} = JSON.parse(line) as SideRequest;
  try {
    if (prepare) timer = timerOf(prepare);
    const microseconds = await timer?.(time);
    process.stdout.write(`${JSON.stringify({microseconds})}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({error: String(error)})}\n`);
  }
}
process.exit(0);
