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
  const none = Number.POSITIVE_INFINITY;
  return rows.map(([name, subject]) => ({name, subject, before: none, now: none}));
}

function sideOf(folder: string): PeerProcess {
  const args = [...process.execArgv, path.join(import.meta.dirname, 'before-side.ts'), folder];
  return new PeerProcess({command: process.execPath, args, cwd: folder, env: process.env});
}

const commitOf = (folder: string): string =>
  spawnSync('git', ['log', '-1', '--format=%h'], {cwd: folder, encoding: 'utf8'}).stdout.trim();

/** In turns, so that what disturbs the machine disturbs both; the fastest of each counts. */
async function time(row: Row, sides: readonly [PeerProcess, PeerProcess], quick: boolean): Promise<void> {
  const [before, now] = sides;
  for (const side of sides) await side.ask({prepare: row.subject, time: 0.01}, 600);
  for (let round = 0; round < (quick ? 4 : 12); round++) {
    const request = {time: quick ? 0.1 : 0.25};
    row.before = Math.min(row.before, (await before.ask<Timed>(request, 600)).microseconds);
    row.now = Math.min(row.now, (await now.ask<Timed>(request, 600)).microseconds);
  }
}

function markdown(rows: readonly Row[], commits: readonly [string, string]): string {
  const {cpu, cpus} = machine();
  const lines = rows.map(({name, before, now}) => {
    return `| ${name} | ${digits(before)} | ${digits(now)} | ${(now / before).toFixed(3)} |`;
  });
  return `# Before and after

What a step, a prediction or a product took before a change of the code and takes after it, in microseconds: both in
turns in one run, the fastest of each (${cpu}, ${cpus} threads; commits ${commits.join(' and ')}). Made by
\`npm run bench -- --only before --before FOLDER --chart\`, where FOLDER is a built checkout of the older commit.

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
  const sides = [sideOf(other), sideOf(root)] as const;
  try {
    for (const row of rows) {
      await time(row, sides, quick);
      console.log(`${row.name}: ${digits(row.before)} → ${digits(row.now)} µs`);
    }
  } finally {
    for (const side of sides) side.stop();
  }
  const cells = rows.map(({name, before, now}) => {
    const ratio = now / before;
    return [name, digits(before), digits(now), ratio.toFixed(3), ratio > slower ? 'slower' : ''];
  });
  console.log(table([['microseconds', 'before', 'now', 'now ÷ before', ''], ...cells]));
  const mean = geometricMean(rows.map(row => row.now / row.before));
  console.log(`geometric mean ${mean.toFixed(3)}`);
  saveResults('before', {rows});
  if (chart) {
    const text = markdown(rows, [commitOf(other), commitOf(root)]);
    writeFileSync(path.join(root, 'docs/before-and-after.md'), text);
  }
  return {};
}
