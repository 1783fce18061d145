// The time of each instruction of a program that ran with profiling, beside the machine's ceiling.
import type {PlanInstruction} from '../lib/plan.ts';
import type {CompiledProgram} from '../lib/session/compile.ts';
import {table} from '../scripts/table.ts';
import {bandwidthOf, bestCeiling, type Ceiling, levelOf, peakOf} from './ceiling.ts';
import {percent} from './report.ts';

interface Share {
  readonly value: number;
  /** `arithmetic`, or the level of memory that holds so many bytes. */
  readonly of: string;
}

/** Of whichever ceiling it comes nearer to: the peak, or the bandwidth where the operands lie. */
function shareOf({flops, bytes}: PlanInstruction, ns: number, ceiling: Ceiling): Share {
  const {threads} = ceiling;
  const arithmetic = flops / ns / peakOf(ceiling, threads);
  const level = levelOf(ceiling, bytes, threads);
  const rates = (['read', 'triad', 'in place'] as const).map(kind => bandwidthOf(level, threads, kind));
  const memory = bytes / ns / Math.max(...rates);
  return arithmetic > memory ? {value: arithmetic, of: 'arithmetic'} : {value: memory, of: level.name};
}

/** Of an instruction each time that it runs: in a loop, once in an iteration. */
const nanosecondsOf = (program: CompiledProgram): readonly number[] =>
  Array.from(program.profile(), (sum, number) => {
    return sum / program.stepsRun / Math.max(program.plan.instructions[number]?.times ?? 1, 1);
  });

/** Above this, what is wrong is the ceiling: something disturbed its measurement. */
const plausible = 1.02;

/** Whether an instruction of the program seems to be faster than the machine can be. */
export function exceeds(program: CompiledProgram, ceiling: Ceiling): boolean {
  if (program.stepsRun === 0) return false;
  const times = nanosecondsOf(program);
  return program.plan.instructions.some((instruction, number) => {
    return shareOf(instruction, times[number] as number, ceiling).value > plausible;
  });
}

/**
 * A ceiling that no instruction of the programs exceeds, measured again up to three times: the best of all
 * measurements, each of which something may have disturbed.
 */
export function ceilingAbove(programs: readonly CompiledProgram[], measure: () => Ceiling): Ceiling {
  let ceiling = measure();
  for (let again = 0; again < 3 && programs.some(program => exceeds(program, ceiling)); again++) {
    ceiling = bestCeiling(ceiling, measure());
  }
  return ceiling;
}

function shareText({value, of}: Share): string {
  return value > plausible ? `above the ceiling of ${of}, which was disturbed` : `${percent(value)} of ${of}`;
}

/** One row per instruction. */
export function timeTable(program: CompiledProgram, ceiling: Ceiling): string {
  const {plan, stepsRun} = program;
  const times = nanosecondsOf(program);
  const perStep = times.map((ns, number) => ns * (plan.instructions[number]?.times ?? 1));
  const total = perStep.reduce((sum, ns) => sum + ns, 0);
  const rows = plan.instructions.map((instruction, number) => {
    const {name, scope, flops, bytes, phase} = instruction;
    const ns = times[number] as number;
    const all = perStep[number] as number;
    return [
      String(number),
      name,
      scope,
      phase,
      `${(all / 1e3).toFixed(2)} us`,
      percent(total > 0 ? all / total : 0),
      `${(flops / ns).toFixed(1)} GFLOP/s`,
      `${(bytes / ns).toFixed(1)} GB/s`,
      shareText(shareOf(instruction, ns, ceiling)),
    ];
  });
  const head = ['#', 'kernel', 'scope', 'phase', 'time a step', 'share', 'arithmetic', 'memory', 'ceiling'];
  const sum = `${(total / 1e3).toFixed(2)} us a step over ${stepsRun} steps`;
  return `${table([head, ...rows])}\n${sum}`;
}
