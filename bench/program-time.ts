// What a step of a program takes, in turns of many steps that are long enough to be trusted.
import type {TypedArray} from '../lib/core/dtype.ts';
import type {CompiledProgram} from '../lib/session/compile.ts';
import {leastTurnSeconds, trusted} from './report.ts';

export interface ProgramTurns {
  readonly threads: number;
  /** How many turns count, of which the shortest step is taken. */
  readonly repeats: number;
}

/**
 * Microseconds of a step, over inputs by name. A turn has 20 steps, so that its own cost does not count, or
 * as many more as can be trusted on so many threads; undefined where none could.
 */
export async function timeProgram(
  program: Pick<CompiledProgram, 'run'>,
  inputs: Readonly<Record<string, TypedArray>>,
  {threads, repeats}: ProgramTurns,
): Promise<number | undefined> {
  let [steps, counted, best] = [20, 0, Number.POSITIVE_INFINITY];
  for (let turn = 0; counted < repeats && turn < repeats + 5; turn++) {
    const started = performance.now();
    await program.run(inputs, {steps});
    const seconds = (performance.now() - started) / 1000;
    const figure = trusted((seconds / steps) * 1e6, seconds, threads);
    if (figure === undefined) {
      // At most so many times more: what was timed may have been a disturbance in either direction.
      steps = Math.ceil(steps * Math.min(64, (1.5 * leastTurnSeconds) / Math.max(seconds, 1e-9)));
    } else {
      counted++;
      best = Math.min(best, figure);
    }
  }
  return counted > 0 ? best : undefined;
}
