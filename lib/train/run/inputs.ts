// What a program reads, out of all that a run offers.
import type {TypedArray} from '../../core/dtype.ts';
import type {CompiledProgram} from '../../session/compile.ts';

/** The inputs that a program reads, out of all that a step offers. */
export function inputsOf(
  program: CompiledProgram,
  offered: Readonly<Record<string, TypedArray>>,
): Record<string, TypedArray> {
  const slots = program.plan.io.filter(slot => !slot.output);
  return Object.fromEntries(slots.map(({name}) => [name, offered[name] as TypedArray]));
}
