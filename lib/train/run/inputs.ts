// What a program reads, out of all that is there.
import type {TypedArray} from '../../core/dtype.ts';
import type {CompiledProgram} from '../../session/compile.ts';

/** The inputs that a program reads, out of all that there are. */
export function inputsOf(
  program: CompiledProgram,
  available: Readonly<Record<string, TypedArray>>,
): Record<string, TypedArray> {
  const inputs: Record<string, TypedArray> = {};
  for (const {name, output} of program.plan.io) if (!output) inputs[name] = available[name] as TypedArray;
  return inputs;
}
