// How long one waits: for a prediction of one row and of 32, beside onnxruntime-node on the same weights;
// from `require` to the first step, in fresh processes; for the compiler. And how large the package is.
import {spawnSync} from 'node:child_process';
import path from 'node:path';
import {layers, type Sequential, sequential} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figure, Figures} from './options.ts';
import {loadOnnx, startOnnx} from './peers/onnx-peer.ts';
import type {PeerProcess} from './peers/process.ts';
import {bestOf, bestOfSync, digits, saveResults} from './report.ts';

const root = path.join(import.meta.dirname, '..');

interface Network {
  readonly name: string;
  readonly sizes: readonly number[];
  /** The goal of one row. */
  readonly figure: string;
}
const networks: readonly Network[] = [
  {name: '784-128-10', sizes: [784, 128, 10], figure: 'predict-mnist'},
  {name: '4-16-3', sizes: [4, 16, 3], figure: 'predict-tiny'},
];

interface Waiting {
  readonly network: string;
  readonly rows: number;
  /** Microseconds. */
  sync: number;
  async: number;
  onnxruntime?: number;
}

function build(sizes: readonly number[]): Sequential {
  const last = sizes.length - 2;
  return sequential(
    sizes.slice(1).map((units, index) =>
      layers.dense({
        units,
        activation: index === last ? 'softmax' : 'relu',
        ...(index === 0 && {inputShape: [sizes[0] as number]}),
      }),
    ),
  );
}

async function measure(network: Network, rows: number, peer: PeerProcess | undefined, quick: boolean) {
  const {name, sizes} = network;
  const model = build(sizes);
  const inputs = sizes[0] as number;
  const x = Float32Array.from({length: rows * inputs}, (_, index) => (index % 31) / 31);
  const given = rows === 1 ? x : {data: x, shape: [rows, inputs]};
  const version = peer && (await loadOnnx(peer, `${name}-${rows}`, model, x));
  const waiting: Waiting = {
    network: name,
    rows,
    sync: Number.POSITIVE_INFINITY,
    async: Number.POSITIVE_INFINITY,
  };
  const calls = quick ? 300 : 2000;
  for (let repeat = 0; repeat < (quick ? 3 : 10); repeat++) {
    const sync = bestOfSync(3, () => {
      for (let call = 0; call < calls; call++) model.predictSync(given);
    });
    const promised = await bestOf(1, async () => {
      for (let call = 0; call < calls; call++) await model.predict(given);
    });
    waiting.sync = Math.min(waiting.sync, (sync / calls) * 1e6);
    waiting.async = Math.min(waiting.async, (promised / calls) * 1e6);
    if (!peer) continue;
    const {microseconds} = await peer.ask<{microseconds: number}>({time: quick ? 0.03 : 0.1}, 60);
    waiting.onnxruntime = Math.min(microseconds, waiting.onnxruntime ?? Number.POSITIVE_INFINITY);
  }
  return {waiting, version};
}

/** Milliseconds of the parts of a start, each the least of several processes. */
function startup(what: 'mnist' | 'layers', processes: number): Readonly<Record<string, number>> {
  const least: Record<string, number> = {};
  for (let run = 0; run < processes; run++) {
    const args = [path.join(import.meta.dirname, 'startup.cjs'), root, what];
    const {stdout, stderr} = spawnSync(process.execPath, args, {encoding: 'utf8'});
    if (!stdout) throw new Error(`bench: startup.cjs failed: ${stderr}`);
    for (const [part, ms] of Object.entries(JSON.parse(stdout) as Record<string, number>)) {
      least[part] = Math.min(ms, least[part] ?? Number.POSITIVE_INFINITY);
    }
  }
  return least;
}

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly {readonly path: string}[];
}

function packageSize(): Packed {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const {stdout} = spawnSync('npm', args, {cwd: root, encoding: 'utf8'});
  // npm 11 prints a list, npm 12 an object by package name.
  return Object.values(JSON.parse(stdout) as Record<string, Packed>)[0] as Packed;
}

/** The bundle that a user requires. */
export function bundle(): void {
  const tool = path.join(root, 'node_modules/tsdown/dist/run.mjs');
  const {status, stderr} = spawnSync(process.execPath, [tool, '--logLevel', 'error'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`bench: tsdown failed: ${stderr}`);
}

async function predictions(options: BenchOptions): Promise<{waits: Waiting[]; figures: Figures}> {
  const peer = startOnnx(options, 1);
  const waits: Waiting[] = [];
  const figures: Record<string, Figure> = {};
  try {
    for (const network of networks) {
      for (const rows of [1, 32]) {
        const {waiting, version} = await measure(network, rows, peer, options.quick);
        waits.push(waiting);
        if (rows > 1 || waiting.onnxruntime === undefined) continue;
        const other = `onnxruntime-node ${version} ${digits(waiting.onnxruntime)} µs`;
        const note = `${digits(waiting.sync)} µs, ${other}`;
        figures[network.figure] = {value: waiting.sync / waiting.onnxruntime, note};
      }
    }
  } finally {
    peer?.stop();
  }
  const rows = waits.map(({network, rows, sync, async, onnxruntime}) => {
    const other =
      onnxruntime === undefined ? ['', ''] : [digits(onnxruntime), (sync / onnxruntime).toFixed(2)];
    return [network, String(rows), digits(sync), digits(async), ...other];
  });
  const head = ['', 'rows', 'predictSync', 'predict', 'onnxruntime', 'predictSync ÷ it'];
  console.log(`microseconds of a prediction\n${table([head, ...rows])}`);
  return {waits, figures};
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {waits, figures} = await predictions(options);
  bundle();
  const processes = options.quick ? 3 : 8;
  const starts = {mnist: startup('mnist', processes), layers: startup('layers', processes)};
  const parts = ['require', 'build', 'compile', 'all'];
  const lines = Object.entries({'784-128-10': starts.mnist, '100 layers of 16': starts.layers});
  const rows = lines.map(([name, start]) => [name, ...parts.map(part => digits(start[part] as number))]);
  const head = ['', 'require', 'build', 'compile', 'to the first step'];
  console.log(`\nmilliseconds of a fresh process\n${table([head, ...rows])}`);
  const {size, unpackedSize, files} = packageSize();
  const binaries = files.filter(({path: name}) => name.endsWith('.node')).length;
  console.log(
    `\nthe package: ${digits(size / 1024)} KiB, unpacked ${digits(unpackedSize / 1024)} KiB, ` +
      `with ${binaries} binar${binaries === 1 ? 'y' : 'ies'}`,
  );
  const all: Figures = {
    ...figures,
    'first-step': {value: starts.mnist.all as number},
    'compile-mnist': {value: starts.mnist.compile as number},
    'compile-100': {value: starts.layers.compile as number},
  };
  saveResults('latency', {waits, starts, package: {size, unpackedSize, binaries}, figures: all});
  return all;
}
