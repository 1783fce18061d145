// `npm run bench [-- --only NAME] [--peers LIST] [--workloads LIST] [--threads N] [--quick] [--chart]`: each
// question is a file of this folder.
import {availableParallelism} from 'node:os';
import {cac} from 'cac';
import type {BenchOptions} from './ceiling.ts';
import {peerSpecs} from './peers/registry.ts';

const benches = ['gemm', 'train', 'event-loop', 'pin'];

/** `a,b` as a list; `none` as an empty one. */
function listOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  return value === 'none' ? [] : String(value).split(',');
}

async function main(): Promise<void> {
  const cli = cac('npm run bench --');
  cli.option('--only <name>', `One of ${benches.join(', ')}`);
  cli.option('--peers <list>', `Of ${peerSpecs.map(({name}) => name).join(',')}; or none. All by default`);
  cli.option('--workloads <list>', 'For the bench train, names of workloads.json. All by default');
  cli.option('--quick', 'Fewer repeats and no peers unless chosen: under two minutes in all');
  cli.option('--chart', 'Draw docs/speed.svg anew, from the bench train');
  cli.option('--threads <count>', 'Threads for the runs that use several', {default: availableParallelism()});
  cli.help();
  const {options} = cli.parse();
  if (options.help) return;
  const chosen = options.only === undefined ? benches : [String(options.only)];
  for (const name of chosen) {
    if (!benches.includes(name)) throw new Error(`bench: no bench ${name}. Known: ${benches.join(', ')}`);
    const {bench} = (await import(`./${name}.ts`)) as {bench(options: BenchOptions): Promise<void>};
    console.log(`\n== ${name}`);
    await bench({
      quick: options.quick === true,
      threads: Number(options.threads),
      chart: options.chart === true,
      peers: listOf(options.peers),
      workloads: listOf(options.workloads),
    });
  }
}

await main();
