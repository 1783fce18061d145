// `npm run explain FILE [arguments...]`: runs an example and shows what became of every graph that it
// compiled: the graph, what differentiation added, the fused graph, the plan with offsets and bytes, and the
// time of each instruction beside the machine's measured ceiling.
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {measureCeiling} from '../bench/ceiling.ts';
import {alignColumns} from '../lib/graph/print.ts';
import {getThreads, nativeInfo} from '../lib/runtime/program.ts';
import {type CompiledProgram, onCompile} from '../lib/session/compile.ts';

/** The most that the machine does, in operations and bytes per nanosecond. */
interface Peak {
  readonly flops: number;
  readonly bytes: number;
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** One row per instruction; the share is of whichever ceiling it comes nearer to. */
function timeTable(program: CompiledProgram, peak: Peak): string {
  const {plan, stepsRun} = program;
  const times = program.profile();
  const total = times.reduce((sum, time) => sum + time, 0);
  const rows = plan.instructions.map(({name, scope, flops, bytes, phase}, number) => {
    const ns = (times[number] as number) / stepsRun;
    const [arithmetic, memory] = [flops / ns / peak.flops, bytes / ns / peak.bytes];
    const ceiling = arithmetic > memory ? 'arithmetic' : 'memory';
    return [
      String(number).padStart(3),
      name,
      scope,
      phase,
      `${(ns / 1e3).toFixed(2)} us`.padStart(11),
      percent(total > 0 ? (times[number] as number) / total : 0).padStart(5),
      `${(flops / ns).toFixed(1)} GFLOP/s`.padStart(15),
      `${(bytes / ns).toFixed(1)} GB/s`.padStart(11),
      `${percent(Math.max(arithmetic, memory)).padStart(5)} of ${ceiling}`,
    ];
  });
  const head = ['  #', 'kernel', 'scope', 'phase', 'time a step', 'share', 'arithmetic', 'memory', 'ceiling'];
  const sum = `${(total / stepsRun / 1e3).toFixed(2)} us a step over ${stepsRun} steps`;
  return `${alignColumns([head, ...rows])}\n${sum}`;
}

function explain(program: CompiledProgram, title: string, peak: Peak): void {
  const {graph, gradients, fused, plan} = program.stages();
  const sections: [string, string][] = [
    ['graph', graph],
    ['gradient graph', gradients],
    ['fused graph', fused],
    ['plan', plan],
    ['time', program.stepsRun > 0 ? timeTable(program, peak) : 'never run'],
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
  const {fmaGflops, triadGBs} = measureCeiling({quick: true, threads});
  const peak: Peak = {flops: fmaGflops[1], bytes: triadGBs[1]};
  const machine = `${nativeInfo().isa}, ${threads} threads, ${peak.flops} GFLOP/s, ${peak.bytes} GB/s`;
  console.log(`\n== ceiling of this machine: ${machine}`);
  programs.forEach((program, index) => {
    explain(program, `program ${index + 1} of ${programs.length}`, peak);
  });
  if (programs.length === 0) console.log(`${file} compiled nothing.`);
}

await main();
