// The time of each instruction of a program that ran with profiling, beside the machine's ceiling.
import type {CompiledProgram} from '../lib/session/compile.ts';
import {table} from '../scripts/table.ts';
import {percent} from './report.ts';

/** The most that the machine does, in operations and bytes per nanosecond. */
export interface Peak {
  readonly flops: number;
  readonly bytes: number;
}

/** One row per instruction; the share is of whichever ceiling it comes nearer to. */
export function timeTable(program: CompiledProgram, peak: Peak): string {
  const {plan, stepsRun} = program;
  const times = program.profile();
  const total = times.reduce((sum, time) => sum + time, 0);
  const rows = plan.instructions.map(({name, scope, phase, times: repeats, ...each}, number) => {
    const ns = (times[number] as number) / stepsRun;
    const [flops, bytes] = [each.flops * repeats, each.bytes * repeats];
    const [arithmetic, memory] = [flops / ns / peak.flops, bytes / ns / peak.bytes];
    const ceiling = arithmetic > memory ? 'arithmetic' : 'memory';
    return [
      String(number),
      name,
      scope,
      phase,
      `${(ns / 1e3).toFixed(2)} us`,
      percent(total > 0 ? (times[number] as number) / total : 0),
      `${(flops / ns).toFixed(1)} GFLOP/s`,
      `${(bytes / ns).toFixed(1)} GB/s`,
      `${percent(Math.max(arithmetic, memory))} of ${ceiling}`,
    ];
  });
  const head = ['#', 'kernel', 'scope', 'phase', 'time a step', 'share', 'arithmetic', 'memory', 'ceiling'];
  const sum = `${(total / stepsRun / 1e3).toFixed(2)} us a step over ${stepsRun} steps`;
  return `${table([head, ...rows])}\n${sum}`;
}
