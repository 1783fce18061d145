// The machine's ceiling, measured in a process of its own just before what is compared with it.
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';

/** What a bench is given: how long it may take, and the machine's ceiling measured just before it. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly threads: number;
  /** Draw docs/speed.svg anew. */
  readonly chart?: boolean;
  /** Names; all by default. */
  readonly peers?: readonly string[] | undefined;
  readonly workloads?: readonly string[] | undefined;
}

export interface Ceiling {
  /** On one thread, on all. */
  readonly fmaGflops: readonly [number, number];
  readonly triadGBs: readonly [number, number];
}

/** Measures multiply-adds in registers and a triad through memory, in a process of its own. */
export function measureCeiling({quick, threads}: BenchOptions): Ceiling {
  const tool = path.join(import.meta.dirname, '../build/Release/ceiling');
  if (!existsSync(tool)) throw new Error('bench: the ceiling tool is missing. Run: npm run build:tools');
  const result = spawnSync(tool, [String(threads), quick ? '0.3' : '0.9'], {encoding: 'utf8'});
  return JSON.parse(result.stdout) as Ceiling;
}
