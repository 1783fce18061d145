// `npm run explain FILE [arguments...]`: runs an example and shows what became of every graph that it
// compiled: the graph, what differentiation added, the fused graph, the plan with offsets and bytes, and the
// time of each instruction beside the machine's measured ceiling.
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {ceilingAbove, timeTable} from '../bench/breakdown.ts';
import {bandwidthOf, type Ceiling, type MemoryLevel, measureCeiling, peakOf} from '../bench/ceiling.ts';
import {getThreads, nativeInfo} from '../lib/runtime/program.ts';
import {type CompiledProgram, onCompile} from '../lib/session/compile.ts';

function explain(program: CompiledProgram, title: string, ceiling: Ceiling): void {
  const {graph, gradients, fused, plan} = program.stages();
  const sections: [string, string][] = [
    ['graph', graph],
    ['gradient graph', gradients],
    ['fused graph', fused],
    ['plan', plan],
    ['time', program.stepsRun > 0 ? timeTable(program, ceiling) : 'never run'],
  ];
  for (const [name, text] of sections) if (text !== '') console.log(`\n== ${title}: ${name}\n${text}`);
}

async function main(): Promise<void> {
  const [file, ...rest] = process.argv.slice(2);
  if (file === undefined) throw new Error('explain: which file? e.g. npm run explain examples/xor.ts');
  const programs: CompiledProgram[] = [];
  onCompile(program => {
    program.profiling = true;
    programs.push(program);
  });
  const full = path.resolve(file);
  // The example sees its own name and arguments, as if it had been started alone.
  process.argv = [process.argv[0] as string, full, ...rest];
  console.log(`== output of ${file}`);
  await import(pathToFileURL(full).href);
  onCompile(undefined);
  const threads = getThreads();
  const seconds = Number(process.env.CHAINRULE_CEILING_SECONDS ?? 0.2);
  const ceiling = ceilingAbove(programs, () => measureCeiling(threads, seconds));
  const bytes = bandwidthOf(ceiling.levels.at(-1) as MemoryLevel, threads, 'triad');
  const flops = peakOf(ceiling, threads);
  const machine = `${nativeInfo().isa}, ${threads} threads, ${flops} GFLOP/s, ${bytes} GB/s`;
  console.log(`\n== ceiling of this machine: ${machine}`);
  programs.forEach((program, index) => {
    explain(program, `program ${index + 1} of ${programs.length}`, ceiling);
  });
  if (programs.length === 0) console.log(`${file} compiled nothing.`);
}

await main();
