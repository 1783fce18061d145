// Plans and their native programs by graph: models of equal structure share them, each over its own memory.
import {graphKey} from '../compile/graph-key.ts';
import {type Compiled, type CompileRequest, compileStages} from '../compile/index.ts';
import type {Plan} from '../plan.ts';
import {Program} from '../runtime/program.ts';

/** Plans that are kept; the one used least recently goes first. */
const maxShared = 128;
/** The memory of larger ones is worth more than the time to compile them. */
const maxArenaBytes = 2 ** 20;

const shared = new Map<string, Compiled>();
const programs = new WeakMap<Plan, Program>();

/** The plan of a graph: that of an equal one if it is known. */
export function sharedPlan(request: CompileRequest): Compiled {
  const key = graphKey(request);
  const known = shared.get(key);
  const compiled = known ?? compileStages(request);
  if (known) shared.delete(key);
  if (isShared(compiled.plan)) shared.set(key, compiled);
  if (shared.size > maxShared) {
    const [oldest] = shared.keys();
    shared.delete(oldest as string);
  }
  return compiled;
}

/** Whether other models of equal structure may have the same plan, and its program. */
export function isShared(plan: Plan): boolean {
  return plan.arenaBytes <= maxArenaBytes;
}

/** The native program of a plan; plans that are shared have one, which runs over any model's memory. */
export function programOf(plan: Plan): Program {
  let program = programs.get(plan);
  if (!program) {
    program = new Program(plan);
    programs.set(plan, program);
  }
  return program;
}
