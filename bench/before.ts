// `npm run bench -- --only before --before FOLDER`: this checkout beside another one, built, in turns in one
// run: what a change of the code costs or saves. With --chart the table goes to docs/before-and-after.md.
import {spawnSync} from 'node:child_process';
import {existsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {root} from '../scripts/bootstrap.mjs';
import {table} from '../scripts/table.ts';
import type {Subject} from './before-side.ts';
import {type BenchOptions, type Figures, geometricMean} from './options.ts';
import {PeerProcess, type Timed} from './peers/process.ts';
import {digits, machine, saveResults} from './report.ts';
import {shapeOf, type Workload, workloads} from './workloads.ts';

/** A row that takes so many times as long as before is said to be slower. */
const slower = 1.02;

interface Row {
  readonly name: string;
  readonly subject: Subject;
  before: number;
  now: number;
  /** The median of now ÷ before, pair by pair. */
  ratio: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return ((sorted[middle] as number) + (sorted[(sorted.length - 1) >> 1] as number)) / 2;
}

function rowsOf(chosen: readonly Workload[]): Row[] {
  const rows: [string, Subject][] = chosen.flatMap((workload): [string, Subject][] => [
    [`${workload.name}, in order`, {kind: 'train', workload, precision: 'float32'}],
    [`${workload.name}, shuffled`, {kind: 'shuffled', workload}],
    [`${workload.name}, bfloat16`, {kind: 'train', workload, precision: 'bfloat16'}],
  ]);
  const served = chosen.find(({name}) => name === 'mlp-mnist');
  for (const count of served ? [1, 32, 300] : []) {
    const workload = served as Workload;
    const what = `predictions of ${shapeOf(workload)}, ${count} rows`;
    rows.push([what, {kind: 'predict', workload, rows: count, sync: false}]);
    rows.push([`${what}, sync`, {kind: 'predict', workload, rows: count, sync: true}]);
  }
  for (const [m, k, n] of [
    [128, 784, 512],
    [97, 211, 301],
    [512, 512, 512],
  ] as const) {
    rows.push([`product ${m}·${k}·${n}`, {kind: 'product', m, k, n}]);
  }
  return rows.map(([name, subject]) => ({name, subject, before: 0, now: 0, ratio: 1}));
}

function sideOf(folder: string): PeerProcess {
  const args = [...process.execArgv, path.join(import.meta.dirname, 'before-side.ts'), folder];
  return new PeerProcess({command: process.execPath, args, cwd: folder, env: process.env});
}

const commitOf = (folder: string): string =>
  spawnSync('git', ['log', '-1', '--format=%h'], {cwd: folder, encoding: 'utf8'}).stdout.trim();

type Pair = readonly [before: number, now: number];

/** In turns, and in turns who is first: what disturbs the machine for a while then disturbs both alike. */
async function pairsOf({subject}: Row, folders: readonly [string, string], rounds: number): Promise<Pair[]> {
  const sides = [sideOf(folders[0]), sideOf(folders[1])] as const;
  const ask = async (side: PeerProcess): Promise<number> =>
    (await side.ask<Timed>({time: 0.08}, 600)).microseconds;
  try {
    for (const side of sides) await side.ask({prepare: subject, time: 0.01}, 600);
    const pairs: Pair[] = [];
    for (let round = 0; round < rounds; round++) {
      if (round % 2 === 0) pairs.push([await ask(sides[0]), await ask(sides[1])]);
      else {
        const now = await ask(sides[1]);
        pairs.push([await ask(sides[0]), now]);
      }
    }
    return pairs;
  } finally {
    for (const side of sides) side.stop();
  }
}

/** In several processes: addresses, and what a process tried first, stay with it. */
async function time(row: Row, folders: readonly [string, string], quick: boolean): Promise<void> {
  const pairs: Pair[] = [];
  for (let process = 0; process < (quick ? 1 : 4); process++) {
    pairs.push(...(await pairsOf(row, folders, quick ? 8 : 12)));
  }
  row.before = median(pairs.map(([before]) => before));
  row.now = median(pairs.map(([, now]) => now));
  row.ratio = median(pairs.map(([before, now]) => now / before));
}

function markdown(rows: readonly Row[], commits: readonly [string, string]): string {
  const {cpu, cpus} = machine();
  const lines = rows.map(({name, before, now, ratio}) => {
    return `| ${name} | ${digits(before)} | ${digits(now)} | ${ratio.toFixed(3)} |`;
  });
  return `# Before and after

What a step, a prediction or a product took before a change of the code and takes after it, in
microseconds: both in turns in one run, medians of measurements and of the ratios of their pairs
(${cpu}, ${cpus} threads; commits ${commits.join(' and ')}). Made by
\`npm run bench -- --only before --before FOLDER --chart\`, where FOLDER is a built checkout of the
older commit.

| | before, µs | after, µs | after ÷ before |
| --- | ---: | ---: | ---: |
${lines.join('\n')}
`;
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {before: folder, quick, chart} = options;
  if (folder === undefined) {
    console.log('left out: --before FOLDER names another checkout of chainrule, built');
    return {};
  }
  const other = path.resolve(folder);
  if (!existsSync(path.join(other, 'lib/index.ts'))) throw new Error(`bench: no chainrule in ${folder}`);
  const chosen = workloads.filter(({name}) => options.workloads?.includes(name) ?? true);
  const rows = rowsOf(chosen);
  for (const row of rows) {
    await time(row, [other, root], quick);
    console.log(`${row.name}: ${digits(row.before)} → ${digits(row.now)} µs, × ${row.ratio.toFixed(3)}`);
  }
  const cells = rows.map(({name, before, now, ratio}) => {
    return [name, digits(before), digits(now), ratio.toFixed(3), ratio > slower ? 'slower' : ''];
  });
  console.log(table([['microseconds', 'before', 'now', 'now ÷ before', ''], ...cells]));
  const mean = geometricMean(rows.map(({ratio}) => ratio));
  console.log(`geometric mean ${mean.toFixed(3)}`);
  saveResults('before', {rows});
  if (chart) {
    const text = markdown(rows, [commitOf(other), commitOf(root)]);
    writeFileSync(path.join(root, 'docs/before-and-after.md'), text);
  }
  return {};
}
