// The programs of examples/tfjs, each as a whole, on TensorFlow.js's cpu backend and on chainrule/tfjs: one
// import is all that differs. `npm run bench -- --only tfjs-programs --chart` writes docs/tfjs-programs.json
// and the chart of it that README.md shows; a test compares them.
import {rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {table} from '../scripts/table.ts';
import makeBundles from '../test/support/bundle.ts';
import {
  type ProgramName,
  programs,
  runProgram,
  type Side,
  writePrograms,
} from '../test/support/tfjs-programs.ts';
import {dotChart} from './chart.ts';
import type {BenchOptions, Figures} from './options.ts';
import {digits, machine, saveResults} from './report.ts';

/** Seconds of each program, start and end included, by what it runs on. */
export interface ProgramTimes {
  readonly cpu: string;
  readonly threads: number;
  readonly rows: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export const series: Readonly<Record<Side, string>> = {
  cpu: 'TensorFlow.js, cpu',
  own: 'the same program with chainrule/tfjs',
};

interface Setting {
  readonly label: string;
  readonly args: readonly string[];
  readonly quick: readonly string[];
}

/** As the programs come, but for fewer steps where the cpu backend would take minutes. */
export const settings: Readonly<Record<ProgramName, Setting>> = {
  iris: {label: 'iris, 40 epochs', args: ['40'], quick: ['6']},
  mnist: {label: 'convolutions, 256 digits', args: ['256', '1'], quick: ['64', '1']},
  'text-generator': {
    label: 'LSTM over text, 16 steps',
    args: ['ARCHITECTURE.md', '512', '2'],
    quick: ['ARCHITECTURE.md', '64', '1'],
  },
  'variational-autoencoder': {label: 'variational autoencoder, 100 steps', args: ['100'], quick: ['4']},
  'cart-pole': {label: 'cart-pole, 30 iterations', args: ['30', '20'], quick: ['3', '4']},
};

export function programsChart({cpu, threads, rows}: ProgramTimes): string {
  const values = Object.entries(rows).flatMap(([group, times]) => {
    const ratio = (times[series.cpu] as number) / (times[series.own] as number);
    const label = `${group} (${ratio.toFixed(1)} ×)`;
    return Object.entries(times).map(([name, value]) => ({group: label, series: name, value}));
  });
  const note = `${cpu}, ${threads} threads; start and end of the program included.`;
  return dotChart('Programs of TensorFlow.js', note, 's, logarithmic: further left is faster', values);
}

async function seconds(folder: string, side: Side, name: ProgramName, {quick, threads}: BenchOptions) {
  const started = performance.now();
  await runProgram(folder, [side, name], quick ? settings[name].quick : settings[name].args, threads);
  return Number(((performance.now() - started) / 1000).toPrecision(3));
}

/** A run of a second or two differs from the next by more than one of many seconds. */
const twice = async (run: () => Promise<number>): Promise<number[]> => [await run(), await run()];

export async function bench(options: BenchOptions): Promise<Figures> {
  await makeBundles();
  const folder = path.join(import.meta.dirname, `../build/bench-tfjs-${process.pid}`);
  const rows: Record<string, Record<string, number>> = {};
  try {
    writePrograms(folder);
    for (const name of programs) {
      const cpu = await seconds(folder, 'cpu', name, options);
      const own = Math.min(...(await twice(() => seconds(folder, 'own', name, options))));
      rows[settings[name].label] = {[series.cpu]: cpu, [series.own]: own};
    }
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  const cells = Object.entries(rows).map(([label, {[series.cpu]: cpu = 0, [series.own]: own = 0}]) => {
    return [label, digits(cpu), digits(own), (cpu / own).toFixed(1)];
  });
  console.log(table([['s, the whole program', 'tfjs cpu', 'chainrule/tfjs', '÷'], ...cells]));
  saveResults('tfjs-programs', {rows, figures: {}});
  if (options.chart) writeTimes({cpu: machine().cpu, threads: options.threads, rows});
  return {};
}

function writeTimes(times: ProgramTimes): void {
  const file = (name: string): string => path.join(import.meta.dirname, '../docs', name);
  writeFileSync(file('tfjs-programs.json'), `${JSON.stringify(times, null, 2)}\n`);
  writeFileSync(file('tfjs-programs.svg'), programsChart(times));
  console.log('written: docs/tfjs-programs.json and docs/tfjs-programs.svg');
}
