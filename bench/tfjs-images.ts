// Programs of TensorFlow.js that see, with chainrule/tfjs, beside its wasm and cpu backends and PyTorch: a
// training of cnn-mnist, MobileNet on one image, one convolution that is read.
import {table} from '../scripts/table.ts';
import {batchesFor, build, type ImageWorkload, imageWorkloads} from './image-workloads.ts';
import {type BenchOptions, type Figures, figuresOf, worstOf} from './options.ts';
import {writeGiven} from './peers/given.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {type PeerSpec, peerSpecs, startOf} from './peers/registry.ts';
import type {Backend} from './peers/tfjs-backend.ts';
import {digits, machine, saveResults} from './report.ts';
import {rowsOf, writeTfjsSpeed} from './tfjs-speed.ts';

type Name = Backend | 'torch';

interface Row {
  readonly name: string;
  readonly beside: readonly Name[];
  /** What each is asked to do. */
  task(on: Name): object;
  /** Steps or calls of one unit of work. */
  each(on: Name): number;
  readonly seconds: number;
}

const batch = 64;
/** An epoch of tfjs's cpu backend takes seconds for each of its batches. */
const batchesOn = (on: Name): number => (on === 'cpu' ? 1 : 8);

const conv = (images: number, size: number, channels: number, outputs: number): Row => ({
  name: `conv2d 3×3 ${channels}→${outputs} at ${size}×${size}, batch ${images}`,
  beside: ['chainrule', 'wasm'],
  task: () => ({conv: {batch: images, size, channels, outputs, kernel: 3}}),
  each: () => 1,
  seconds: 0.5,
});

const rows: readonly Row[] = [
  {
    name: 'fit cnn-mnist',
    // The wasm backend has no gradients of convolutions.
    beside: ['chainrule', 'torch', 'cpu'],
    task: on => ({fit: {batch, batches: batchesOn(on)}}),
    each: batchesOn,
    seconds: 2,
  },
  {
    name: 'MobileNet, one image of 224×224',
    beside: ['chainrule', 'wasm', 'cpu'],
    task: () => ({mobileNet: {size: 224}}),
    each: () => 1,
    seconds: 2,
  },
  conv(1, 14, 64, 64),
  conv(1, 56, 64, 64),
  conv(8, 112, 32, 64),
];

/** PyTorch's steps of the same network, from weights and over batches of ours. */
function requestOfTorch(): object {
  const [workload] = imageWorkloads as readonly [ImageWorkload];
  const net = build(workload);
  const given = writeGiven(`tfjs-${workload.name}`, net, batchesFor(workload, batchesOn('torch')));
  net.dispose();
  return {workload: workload.name, steps: 40, given};
}

class Peers {
  readonly #processes = new Map<Name, PeerProcess>();
  readonly #rounds: number;
  readonly missing: string[] = [];

  constructor({threads, quick, peers}: BenchOptions) {
    this.#rounds = quick ? 1 : 5;
    const js = {runtime: 'js', script: 'tfjs-images.ts', needs: '@tensorflow/tfjs'} as const;
    const specs: readonly (readonly [Name, PeerSpec | undefined])[] = [
      ['chainrule', {...js, name: 'tfjs-chainrule', mode: 'chainrule'}],
      ['wasm', {...js, name: 'tfjs-wasm', mode: 'wasm', needs: '@tensorflow/tfjs-backend-wasm'}],
      ['cpu', {...js, name: 'tfjs-cpu', mode: 'cpu'}],
      ['torch', peerSpecs.find(({name}) => name === 'torch')],
    ];
    for (const [name, spec] of specs) {
      const isWanted = name === 'chainrule' || (peers ? peers.includes(spec?.name ?? '') : !quick);
      if (!isWanted || !spec) continue;
      const start = startOf(name === 'torch' ? {...spec, script: 'torch_images.py'} : spec, threads);
      if (typeof start === 'string') this.missing.push(`${spec.name}: missing: ${start}`);
      else this.#processes.set(name, new PeerProcess(start));
    }
  }

  /** The least microseconds of a step on each, measured in turns. */
  async time(row: Row): Promise<Map<Name, number>> {
    const best = new Map<Name, number>();
    const chosen = [...this.#processes].filter(([name]) => row.beside.includes(name));
    for (const [name, peer] of chosen) if (name !== 'torch') await peer.ask(row.task(name), 300);
    const forTorch = chosen.some(([name]) => name === 'torch') ? requestOfTorch() : {};
    for (let round = 0; round < this.#rounds; round++) {
      for (const [name, peer] of chosen) {
        // Once is enough for what takes seconds.
        if (name === 'cpu' && round > 0) continue;
        const request = name === 'torch' ? forTorch : {time: name === 'cpu' ? 0.1 : row.seconds};
        const {microseconds} = await peer.ask<Timed>(request, 300);
        const each = name === 'torch' ? 1 : row.each(name);
        best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, microseconds / each));
      }
    }
    return best;
  }

  stop(): void {
    for (const peer of this.#processes.values()) peer.stop();
  }
}

const names: readonly Name[] = ['chainrule', 'wasm', 'cpu', 'torch'];

function ratioOf(times: ReadonlyMap<Name, number> | undefined, other: Name) {
  const [own, its] = [times?.get('chainrule'), times?.get(other)];
  return own && its ? {value: its / own} : undefined;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const peers = new Peers(options);
  const measured = new Map<string, Map<Name, number>>();
  try {
    for (const row of rows) measured.set(row.name, await peers.time(row));
  } finally {
    peers.stop();
  }
  const cells = [...measured].map(([name, times]) => [
    name,
    ...names.map(own => (times.has(own) ? digits(times.get(own) as number) : '')),
    ...names.slice(1).map(own => ratioOf(times, own)?.value.toFixed(1) ?? ''),
  ]);
  const ratios = names.slice(1).map(name => `${name} ÷`);
  console.log(
    table([['µs a step or call', 'chainrule/tfjs', 'tfjs wasm', 'tfjs cpu', 'torch', ...ratios], ...cells]),
  );
  for (const text of peers.missing) console.log(text);
  const alone = rows.slice(2).flatMap(({name}) => {
    const figure = ratioOf(measured.get(name), 'wasm');
    return figure ? [{...figure, note: name}] : [];
  });
  const [fit, network] = rows.map(({name}) => measured.get(name));
  const figures = figuresOf({
    'tfjs-cnn-cpu': ratioOf(fit, 'cpu'),
    'tfjs-cnn-torch': ratioOf(fit, 'torch'),
    'tfjs-mobilenet': ratioOf(network, 'wasm'),
    'tfjs-conv': worstOf(alone),
  });
  const times = Object.fromEntries([...measured].map(([name, own]) => [name, Object.fromEntries(own)]));
  saveResults('tfjs-images', {times, figures});
  const {threads, chart} = options;
  if (chart) writeTfjsSpeed({cpu: machine().cpu, threads, rows: rowsOf(measured)});
  return figures;
}
