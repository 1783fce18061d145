// `npm run bench`: each question is a file of this folder. `-- --help` lists the options.
import {availableParallelism} from 'node:os';
import {cac} from 'cac';
import {measureCeiling} from './ceiling.ts';
import {printGoals, savedFigures, saveGoals} from './goals.ts';
import type {BenchOptions, Figures} from './options.ts';
import {blasSpecs, peerSpecs} from './peers/registry.ts';

/** In the order in which they run. */
const benches = [
  'ceiling',
  'gemm',
  'grid',
  'conv',
  'networks',
  'inference',
  'image-folder',
  'train',
  'random',
  'epoch',
  'latency',
  'small',
  'eager',
  'tfjs',
  'tfjs-images',
  'tfjs-programs',
  'scaling',
  'kernels',
  'ops',
  'scan',
  'attention',
  'sequence',
  'checkpoint',
  'examples',
  'optimizer',
  'precision',
  'types',
  'meanwhile',
  'event-loop',
  'pin',
  'before',
];

/** What belongs to a bench that is asked for by name: the map of products of any size. */
const parts: Readonly<Record<string, readonly string[]>> = {gemm: ['gemm', 'grid']};

/** `a,b` as a list; `none` as an empty one. */
function listOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  return value === 'none' ? [] : String(value).split(',');
}

function check(what: string, chosen: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = chosen?.find(name => !known.includes(name));
  if (unknown !== undefined) throw new Error(`bench: no ${what} ${unknown}. Known: ${known.join(', ')}`);
}

async function run(names: readonly string[], options: BenchOptions): Promise<Figures> {
  let figures: Figures = {};
  for (const name of names) {
    const {bench} = (await import(`./${name}.ts`)) as {bench(options: BenchOptions): Promise<Figures>};
    console.log(`\n== ${name}`);
    figures = {...figures, ...(await bench(options))};
  }
  return figures;
}

async function main(): Promise<void> {
  const peers = [...peerSpecs, ...blasSpecs].map(({name}) => name).concat('onnxruntime', 'tfjs-node');
  const cli = cac('npm run bench --');
  cli.option('--only <list>', `Of ${benches.join(',')}; or goals: those of the results saved last`);
  cli.option('--peers <list>', `Of ${peers.join(',')}; or none. All by default`);
  cli.option(
    '--workloads <list>',
    'For the benches train, networks and sequence, names of workloads. All by default',
  );
  cli.option('--quick', 'Fewer repeats and no peers unless chosen: under two minutes in all');
  cli.option('--explain', 'For the bench train, the time of each instruction');
  cli.option(
    '--chart',
    'Draw the charts of README.md anew: from the benches train, tfjs, tfjs-images and tfjs-programs',
  );
  cli.option('--before <folder>', 'For the bench before: another checkout, built, to compare with');
  cli.option('--threads <count>', 'Threads for the runs that use several', {default: availableParallelism()});
  cli.help();
  const {options: given} = cli.parse();
  if (given.help) return;
  const only = listOf(given.only);
  if (only?.[0] === 'goals') return printGoals(savedFigures(), true);
  check('bench', only, benches);
  check('peer', listOf(given.peers), peers);
  const threads = Number(given.threads);
  if (!Number.isInteger(threads) || threads < 1) throw new Error('bench: --threads: a number from 1 on');
  const quick = given.quick === true;
  const started = performance.now();
  const chosen = new Set(only?.flatMap(name => parts[name] ?? [name]));
  const figures = await run(only ? [...chosen] : benches, {
    quick,
    threads,
    ceiling: measureCeiling(threads, quick ? 0.2 : 0.6),
    chart: given.chart === true,
    explain: given.explain === true,
    peers: listOf(given.peers),
    workloads: listOf(given.workloads),
    before: given.before === undefined ? undefined : String(given.before),
  });
  console.log('\n== goals');
  printGoals(figures, !only);
  if (!only) saveGoals(figures);
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s in all`);
}

await main();
