// The comparison with TensorFlow.js that README.md and docs/coming-from-tensorflow-js.md show:
// docs/tfjs-speed.json holds the figures, from which the chart is made. `npm run bench -- --only
// tfjs,tfjs-images --chart` writes both; a test compares them.
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {dotChart, type Value} from './chart.ts';

/** Microseconds of a step by each program, by its name in the chart. */
export type Microseconds = Readonly<Record<string, number>>;

export interface TfjsSpeed {
  readonly cpu: string;
  readonly threads: number;
  readonly rows: Readonly<Record<string, Microseconds>>;
}

/** What the programs of the benches are called in the chart, in its order. */
export const names: Readonly<Record<string, string>> = {
  cpu: 'TensorFlow.js, cpu',
  wasm: 'TensorFlow.js, wasm',
  node: 'tfjs-node',
  chainrule: 'the same program with chainrule/tfjs',
  own: "chainrule's own fit",
};

/** Rows of the benches, in the order of the chart. */
export const workloads: Readonly<Record<string, string>> = {
  'mlp-tiny': 'mlp 4-16-3, batch 32',
  'mlp-mnist': 'mlp 784-128-10, batch 128',
  'mlp-small': 'mlp 784-512-256-10, batch 128',
  lstm: 'LSTM 64→128, 40 steps, batch 128',
  gru: 'GRU 64→128, 20 steps, batch 64',
  attention: 'attention, written by hand',
  embedding: 'embedding, mean of 20 ids',
  'fit cnn-mnist': 'convolutions, MNIST, batch 64',
};

/** Those of a bench that the chart shows. */
export function rowsOf(times: ReadonlyMap<string, ReadonlyMap<string, number>>): TfjsSpeed['rows'] {
  const rows: Record<string, Microseconds> = {};
  for (const [workload, label] of Object.entries(workloads)) {
    const own = times.get(workload);
    if (!own) continue;
    const known = Object.entries(names).flatMap(([program, name]) => {
      const microseconds = own.get(program);
      return microseconds === undefined ? [] : [[name, Number(microseconds.toPrecision(4))] as const];
    });
    rows[label] = Object.fromEntries(known);
  }
  return rows;
}

/** How many times as fast as the faster of tfjs's own backends. */
function timesAsFast(microseconds: Microseconds): string {
  const own = microseconds[names.chainrule as string];
  const others = ['cpu', 'wasm'].flatMap(program => microseconds[names[program] as string] ?? []);
  if (own === undefined || others.length === 0) return '';
  const ratio = Math.min(...others) / own;
  return ` (${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)} ×)`;
}

export function tfjsChart({cpu, threads, rows}: TfjsSpeed): string {
  const values = Object.entries(rows).flatMap(([group, microseconds]): Value[] =>
    Object.entries(microseconds).map(([series, value]) => {
      return {group: `${group}${timesAsFast(microseconds)}`, series, value};
    }),
  );
  const note = `${cpu}, ${threads} threads; fit of tfjs-layers with Adam, minimum of repeats in turns.`;
  return dotChart(
    'A training step of TensorFlow.js',
    note,
    'µs, logarithmic: further left is faster',
    values,
  );
}

/** The rows of one bench beside those of the others, in the order of the chart. */
export function merged(before: TfjsSpeed | undefined, now: TfjsSpeed): TfjsSpeed {
  const same = before?.cpu === now.cpu && before.threads === now.threads ? before.rows : {};
  const all = {...same, ...now.rows};
  const known = Object.values(workloads).filter(label => label in all);
  return {...now, rows: Object.fromEntries(known.map(label => [label, all[label] as Microseconds]))};
}

export function writeTfjsSpeed(now: TfjsSpeed): void {
  const file = (name: string): string => path.join(import.meta.dirname, '../docs', name);
  const [data, chart] = [file('tfjs-speed.json'), file('tfjs-speed.svg')];
  const before = existsSync(data) ? (JSON.parse(readFileSync(data, 'utf8')) as TfjsSpeed) : undefined;
  const speed = merged(before, now);
  writeFileSync(data, `${JSON.stringify(speed, null, 2)}\n`);
  writeFileSync(chart, tfjsChart(speed));
  console.log('written: docs/tfjs-speed.json and docs/tfjs-speed.svg');
}
