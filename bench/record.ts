// A run of a real program as a file that native tools repeat without Node.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Plan} from '../lib/plan.ts';
import {dumpRun} from '../lib/runtime/dump.ts';
import {type CompiledProgram, onCompile} from '../lib/session/compile.ts';
import {arrayFor} from '../test/runtime/dumps.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Records the program that `use` compiles last, over data of so many rows. */
export async function record(
  name: string,
  {steps, rows}: {readonly steps: number; readonly rows: number},
  use: () => Promise<unknown>,
): Promise<{readonly file: string; readonly plan: Plan}> {
  const programs: CompiledProgram[] = [];
  onCompile(program => programs.push(program));
  try {
    await use();
  } finally {
    onCompile(undefined);
  }
  const {plan, store} = programs.at(-1) as CompiledProgram;
  const io = plan.io.map(slot => arrayFor(slot, steps, rows));
  const file = path.join(root, 'build/guard', `${name.replaceAll(' ', '-')}.dump`);
  mkdirSync(path.dirname(file), {recursive: true});
  writeFileSync(file, dumpRun(plan, store.state, io, steps));
  return {file, plan};
}
