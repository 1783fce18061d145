// Examples with a time to keep, run as they are: how many steps of its environment deep-q makes in a second,
// and how long the networks of moby-dick take for the whole book, by a part of it.
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {digits, saveResults} from './report.ts';

/** Windows of 64 characters in nine tenths of the book, and how often they are read. */
const [windowsOfBook, epochs] = [16_708, 3];

async function run(name: string, args: readonly string[], threads: number): Promise<string> {
  const env = {...process.env, CHAINRULE_NUM_THREADS: String(threads)};
  const command = ['--import', 'tsx', `examples/${name}.ts`, ...args];
  return (await promisify(execFile)(process.execPath, command, {env, maxBuffer: 1 << 24})).stdout;
}

function numberIn(text: string, pattern: RegExp): number {
  const [, found = ''] = pattern.exec(text) ?? [];
  const number = Number(found.replaceAll(',', ''));
  if (!(number > 0)) throw new Error(`bench: an example did not say ${pattern}:\n${text.slice(-2000)}`);
  return number;
}

export async function bench({quick, threads}: BenchOptions): Promise<Figures> {
  const played = await run('deep-q', [quick ? '12000' : '60000'], threads);
  const steps = numberIn(played, /^([\d,]+) steps a second/m);
  const windows = quick ? 1600 : 4800;
  const written = await run('moby-dick', ['both', String(windows), '1'], threads);
  const seconds = Object.fromEntries(
    ['lstm', 'transformer'].map(name => {
      const own = numberIn(written, new RegExp(`^${name}: .* epochs in (\\d+) s$`, 'm'));
      return [name, (own * windowsOfBook * epochs) / windows] as const;
    }),
  );
  console.log(
    table([
      ['', ''],
      ['deep-q, steps a second', digits(steps)],
    ]),
  );
  console.log(
    table([
      ['moby-dick', 'seconds for the book, three times'],
      ...Object.entries(seconds).map(([name, own]) => [name, digits(own)]),
    ]),
  );
  const slower = Math.max(...Object.values(seconds));
  const figures: Figures = {
    'example-deep-q': {value: steps},
    'example-moby-dick': {value: slower, note: `by ${windows.toLocaleString('en')} windows`},
  };
  saveResults('examples', {threads, steps, seconds, figures});
  return figures;
}
