// How does the time of a step grow? With one thread and with all; with batch, width and depth by powers of
// two, drawn with the slope of each; and when two models train at once.
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {setThreads} from '../lib/index.ts';
import {drawLines, type Line} from '../scripts/pictures/lines.ts';
import {table} from '../scripts/table.ts';
import {type Ceiling, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figures, figuresOf, worstOf} from './options.ts';
import {Own} from './peers/chainrule.ts';
import {digits, resultsFolder, saveResults} from './report.ts';
import {makeData, type Workload, workloads} from './workloads.ts';

const folder = path.join(resultsFolder, 'data');

function prepare(workload: Workload): Own {
  return new Own(workload, makeData({...workload, name: 'scaling'}, folder));
}

interface Speedup {
  readonly workload: string;
  /** Microseconds of a step, on one thread and on all. */
  readonly one: number;
  readonly all: number;
}

/** Both in turns, so that what disturbs one disturbs the other. */
async function timeThreads(workload: Workload, {threads, quick}: BenchOptions): Promise<Speedup> {
  const own = prepare(workload);
  let [one, all] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let repeat = 0; repeat < (quick ? 3 : 8); repeat++) {
    setThreads(1);
    one = Math.min(one, await own.time(quick ? 0.03 : 0.2, false));
    setThreads(threads);
    all = Math.min(all, await own.time(quick ? 0.03 : 0.2, false));
  }
  return {workload: workload.name, one, all};
}

async function speedups(options: BenchOptions): Promise<{rows: Speedup[]; ceiling: Ceiling}> {
  const rows: Speedup[] = [];
  for (const workload of workloads) rows.push(await timeThreads(workload, options));
  const ceiling = remeasurePeak(options.ceiling);
  const peak = peakOf(ceiling, options.threads) / peakOf(ceiling, 1);
  console.log(`the peak itself grows ${peak.toFixed(2)} × from 1 thread to ${options.threads}`);
  const lines = rows.map(({workload, one, all}) => [
    workload,
    digits(one),
    digits(all),
    `${(one / all).toFixed(2)} ×`,
    (one / all / peak).toFixed(2),
  ]);
  const head = ['µs/step', '1 thread', `${options.threads} threads`, 'faster', '÷ the peak’s'];
  console.log(table([head, ...lines]));
  return {rows, ceiling};
}

/** What grows by powers of two; the rest is as in the first line of `base`. */
interface Series {
  readonly name: string;
  readonly values: readonly number[];
  readonly shape: (value: number) => {readonly sizes: readonly number[]; readonly batch: number};
}

const series: readonly Series[] = [
  {
    name: 'batch, 256-512-10',
    values: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    shape: batch => ({sizes: [256, 512, 10], batch}),
  },
  {
    name: 'width, three layers, batch 64',
    values: [8, 16, 32, 64, 128, 256, 512, 1024],
    shape: width => ({sizes: [width, width, width, 10], batch: 64}),
  },
  {
    name: 'depth, layers of 64, batch 64',
    values: [1, 2, 4, 8, 16, 32, 64],
    shape: depth => ({sizes: [...Array<number>(depth).fill(64), 10], batch: 64}),
  },
];

type Points = readonly (readonly [value: number, microseconds: number])[];

/** A line of the chart, on all threads, with the same on one. */
interface Growth extends Line {
  readonly slope: ReturnType<typeof slopes>;
  readonly steps: readonly Speedup[];
}

/** The exponent of the power that fits a doubling best: of all points, and of the last one. */
function slopes(points: Points): {readonly all: number; readonly last: number} {
  const logs = points.map(([x, y]) => [Math.log2(x), Math.log2(y)] as const);
  const mean = (index: 0 | 1): number => logs.reduce((sum, point) => sum + point[index], 0) / logs.length;
  const [x0, y0] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
  const [before, end] = logs.slice(-2) as [readonly [number, number], readonly [number, number]];
  return {all: covariance / variance, last: (end[1] - before[1]) / (end[0] - before[0])};
}

async function timeSeries({name, values, shape}: Series, options: BenchOptions): Promise<Growth> {
  const steps: Speedup[] = [];
  for (const value of values) {
    const optimizer = {name: 'sgd', learningRate: 0.01} as const;
    const rest = {batches: 20, activation: 'relu', loss: 'crossentropy', goal: 0} as const;
    const workload = {...shape(value), name: `${name.split(',')[0]} ${value}`, optimizer, ...rest};
    steps.push(await timeThreads(workload, options));
  }
  const points = steps.map(({all}, index) => [values[index] as number, all] as const);
  const slope = slopes(points);
  const slopeText = `slope ${slope.all.toFixed(2)}, last ${slope.last.toFixed(2)}`;
  return {name: `${name}: ${slopeText}`, points, slope, steps};
}

async function growth(options: BenchOptions): Promise<Growth[]> {
  const lines: Growth[] = [];
  for (const one of series) lines.push(await timeSeries(one, options));
  console.log('\nµs/step as one thing doubles; the slope is the power with which the time grows');
  for (const {name, points, steps} of lines) {
    const rows = [
      ['', ...points.map(([value]) => String(value))],
      [`${options.threads} threads`, ...steps.map(({all}) => digits(all))],
      ['1 thread', ...steps.map(({one}) => digits(one))],
    ];
    console.log(`${name}\n${table(rows)}`);
  }
  const file = path.join(resultsFolder, 'scaling.svg');
  const title = `A training step on ${options.threads} threads`;
  const names = {xName: 'rows, units or layers', yName: 'µs per step'};
  writeFileSync(file, drawLines(lines, {title, ...names, logarithmic: 'both'}));
  console.log('drawn in bench/results/scaling.svg');
  return lines;
}

/** Steps of two models in the time of both: one after the other, and both at once. */
async function twoModels({quick}: BenchOptions) {
  const workload = workloads.find(({name}) => name === 'mlp-mnist') as Workload;
  const models = [prepare(workload), prepare(workload)] as const;
  const seconds = quick ? 0.1 : 0.3;
  let [alone, together] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let repeat = 0; repeat < (quick ? 3 : 8); repeat++) {
    alone = Math.min(alone, await models[0].time(seconds, false));
    // They take turns on one executor, so each step takes twice as long where nothing is lost.
    const both = await Promise.all(models.map(model => model.time(seconds, false)));
    together = Math.min(together, Math.max(...both) / 2);
  }
  console.log(
    `\ntwo models of mlp-mnist at once: ${digits(together)} µs a step, ${digits(alone)} µs of one alone ` +
      `(${(together / alone).toFixed(2)} ×)`,
  );
  return {alone, together};
}

export async function bench(options: BenchOptions): Promise<Figures> {
  const {rows, ceiling} = await speedups(options);
  const lines = await growth(options);
  const models = await twoModels(options);
  const all = [...rows, ...lines.flatMap(({steps}) => steps)];
  const wide = rows.find(({workload}) => workload === 'mlp-wide');
  const peak = peakOf(ceiling, options.threads) / peakOf(ceiling, 1);
  const figures =
    options.threads === 1
      ? {}
      : figuresOf({
          'scaling-mlp-wide': wide && {value: wide.one / wide.all / peak},
          'threads-worst': worstOf(all.map(({workload, one, all}) => ({value: one / all, note: workload}))),
        });
  saveResults('scaling', {threads: options.threads, ceiling, rows, growths: lines, models, figures});
  return figures;
}
