// What becomes of measurements: figures as text, JSON in bench/results.
import {mkdirSync, writeFileSync} from 'node:fs';
import {cpus} from 'node:os';
import path from 'node:path';
import {nativeInfo} from '../lib/index.ts';

export const resultsFolder = path.join(import.meta.dirname, 'results');

/** What a figure depends on besides the code. */
export function machine(): {readonly cpu: string; readonly cpus: number; readonly isa: string} {
  const all = cpus();
  return {cpu: all[0]?.model.trim() ?? 'unknown CPU', cpus: all.length, isa: nativeInfo().isa};
}

/** Writes bench/results/NAME.json, with the machine and the time. */
/** Where a file of results goes, in a folder that is there. */
export function resultsFile(name: string): string {
  mkdirSync(resultsFolder, {recursive: true});
  return path.join(resultsFolder, name);
}

export function saveResults(name: string, results: object): void {
  const file = resultsFile(`${name}.json`);
  const all = {at: new Date().toISOString(), machine: machine(), ...results};
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  console.log(`\nwritten to bench/results/${name}.json`);
}

/** Three digits, however large or small. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The least seconds of several repeats: what else runs here only adds to them. */
export async function bestOf(repeats: number, action: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    await action();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

/** The same for an action that waits for nothing. */
export function bestOfSync(repeats: number, action: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    action();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  return best;
}

/** Waking a team, with which each turn on several threads begins, takes up to so many seconds. */
const wakingSeconds = 1e-4;
/** Turns on several threads that are shorter tell more about waking than about work. */
export const leastTurnSeconds = 50 * wakingSeconds;

/** The figure of a turn of so many seconds, or none where it cannot be trusted. */
export function trusted(figure: number, turnSeconds: number, threads: number): number | undefined {
  return threads === 1 || turnSeconds >= leastTurnSeconds ? figure : undefined;
}

/** Text of a figure that may not be known. */
export const cell = (figure: number | undefined): string => (figure === undefined ? '' : digits(figure));

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
