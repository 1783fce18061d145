// `npm run bench [-- --only NAME] [--quick] [--threads N]`: each question is a file of this folder.
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {cac} from 'cac';

const here = path.dirname(fileURLToPath(import.meta.url));

/** What a bench is given: how long it may take, and the machine's ceiling measured just before it. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly threads: number;
}

export interface Ceiling {
  /** On one thread, on all. */
  readonly fmaGflops: readonly [number, number];
  readonly triadGBs: readonly [number, number];
}

/** Measures multiply-adds in registers and a triad through memory, in a process of its own. */
export function measureCeiling({quick, threads}: BenchOptions): Ceiling {
  const tool = path.join(here, '../build/Release/ceiling');
  if (!existsSync(tool)) throw new Error('bench: the ceiling tool is missing. Run: npm run build:tools');
  const result = spawnSync(tool, [String(threads), quick ? '0.3' : '0.9'], {encoding: 'utf8'});
  return JSON.parse(result.stdout) as Ceiling;
}

const benches = ['gemm', 'train', 'event-loop', 'pin'];

async function main(): Promise<void> {
  const cli = cac('npm run bench --');
  cli.option('--only <name>', `One of ${benches.join(', ')}`);
  cli.option('--quick', 'Fewer repeats: under two minutes in all');
  cli.option('--threads <count>', 'Threads for the runs that use several', {default: availableParallelism()});
  cli.help();
  const {options} = cli.parse();
  if (options.help) return;
  const chosen = options.only === undefined ? benches : [String(options.only)];
  for (const name of chosen) {
    if (!benches.includes(name)) throw new Error(`bench: no bench ${name}. Known: ${benches.join(', ')}`);
    const {bench} = (await import(`./${name}.ts`)) as {bench(options: BenchOptions): Promise<void>};
    console.log(`\n== ${name}`);
    await bench({quick: options.quick === true, threads: Number(options.threads)});
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
