// Runs a piece of JavaScript against the library in a process of its own.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {bundleFile} from './bundle.ts';

export interface ChildOptions {
  /** Arguments for Node itself. */
  readonly nodeArguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Called with all that was printed so far; may send signals. */
  readonly onOutput?: (printed: string, kill: (signal: NodeJS.Signals) => void) => void;
  readonly node?: string;
  readonly timeoutMs?: number;
}

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** True where tests run at full count. */
export const deep = process.env.CHAINRULE_DEEP === '1';

/** `full` repeats in `npm run test:deep`, a tenth or fewer otherwise. */
export function repeats(full: number, normal = Math.floor(full / 10)): number {
  return deep ? full : normal;
}

/** For children whose memory is measured: the address sanitizer would keep back what was freed. */
export const freesAtOnce = {
  ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0`,
};

/** Runs `source` as a module in which `chainrule` holds the library's exports. */
export async function runChild(source: string, options: ChildOptions = {}): Promise<ChildResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-child-'));
  const file = path.join(folder, 'main.mjs');
  const library = JSON.stringify(pathToFileURL(bundleFile).href);
  writeFileSync(file, `import * as chainrule from ${library};\nconst library = ${library};\n${source}`);
  const root = path.resolve(import.meta.dirname, '../..');
  const binary = process.env.CHAINRULE_BINARY ?? path.join(root, 'build/Release/chainrule.node');
  const child = spawn(options.node ?? process.execPath, [...(options.nodeArguments ?? []), file], {
    env: {...process.env, CHAINRULE_BINARY: binary, NODE_OPTIONS: '', ...options.env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
    options.onOutput?.(stdout, signal => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
    child.on('close', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
  });
  clearTimeout(timer);
  rmSync(folder, {recursive: true, force: true});
  return {code, signal, stdout, stderr};
}

/**
 * Source for children that run with `--expose-gc`: by how many MB resident memory grew in the middle one of
 * five rounds. A leak grows in each of them; V8 takes and gives back tens of MB in one or another. And by how
 * much it grew in all of them, and what JavaScript holds: objects, and arrays outside of its heap.
 */
export const typicalGrowth = `
async function memoryMb() {
  for (let repeat = 0; repeat < 3; repeat++) { gc(); await new Promise(resolve => setTimeout(resolve, 20)); }
  const {rss, heapUsed, external} = process.memoryUsage();
  return {resident: rss / 1048576, held: (heapUsed + external) / 1048576};
}
const residentMb = async () => (await memoryMb()).resident;
async function growthsMb(round) {
  const growths = [];
  const first = await memoryMb();
  let before = first;
  for (let index = 0; index < 5; index++) {
    await round();
    const after = await memoryMb();
    growths.push(after.resident - before.resident);
    before = after;
  }
  const typical = growths.sort((a, b) => a - b)[2];
  return {typical, whole: before.resident - first.resident, held: before.held - first.held};
}
const typicalGrowthMb = async round => (await growthsMb(round)).typical;
`;

/** Source of a model in training, for children: `training` is the promise of an endless fit. */
export const endlessTraining = `
const {layers, sequential} = chainrule;
const model = sequential([
  layers.dense({units: 64, activation: 'relu', inputShape: [32]}),
  layers.dense({units: 3, activation: 'softmax'}),
]);
model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
const x = {data: Float32Array.from({length: 640 * 32}, (_, i) => (i % 13) / 13), shape: [640, 32]};
const y = Uint8Array.from({length: 640}, (_, i) => i % 3);
const training = model.fit(x, y, {epochs: 1_000_000, batchSize: 32, verbose: 0});
training.catch(() => {});
`;
