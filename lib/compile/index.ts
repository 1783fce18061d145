// The compiler: from a graph to a plan, by a list of passes, each in a file of its own.
import {fail} from '../core/errors.ts';
import type {Precision} from '../core/precision.ts';
import type {Tensor, Variable} from '../core/tensor.ts';
import {type Plan, unitBytes} from '../plan.ts';
import {emit} from './emit.ts';
import {fuse} from './fuse.ts';
import {hoist} from './hoist.ts';
import {printParts, printPlan, printRoots} from './listing.ts';
import {planMemory} from './memory.ts';
import {choosePrecision} from './precision.ts';
import {layOutPanels} from './recurrent-panels.ts';
import {fuseSteps} from './recurrent-rules.ts';
import {closeLoops, hasLoops, inRegions} from './regions.ts';
import type {Roots} from './roots.ts';
import {updateByRows} from './row-rules.ts';
import {type StateLayout, schedule} from './schedule.ts';
import {simplify} from './simplify.ts';
import {sink} from './sink.ts';
import {straighten} from './straighten.ts';

export interface CompileRequest extends StateLayout {
  /** Each becomes an io output of that name, with one block per step. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** New values of variables, written in the commit phase, all computed from the values before it. */
  readonly updates?: readonly (readonly [variable: Variable, value: Tensor])[];
  /** Results of `finite`. Guards of gathers and cross-entropies need not be given; they come first. */
  readonly guards?: readonly Tensor[];
  /** Names of inputs in whose memory outputs may be made, also by a run that a guard ends. */
  readonly spent?: readonly string[];
  /** Of the operands of matrix products: `float32` by default. */
  readonly precision?: Precision | undefined;
  /** Switches for tests that compare results with and without; all are on by default. */
  readonly passes?: {readonly fuse?: boolean; readonly inPlace?: boolean; readonly move?: boolean};
}

/** Listings, for `explain` and for tests. */
export interface Stages {
  /** The requested graph, without the calls that differentiation made and those that depend on them. */
  readonly graph: string;
  /** The rest of the requested graph. */
  readonly gradients: string;
  readonly simplified: string;
  readonly fused: string;
  readonly plan: string;
}

export interface Compiled {
  readonly plan: Plan;
  /** Prints all stages, only when called. */
  stages(): Stages;
}

export function compileToPlan(request: CompileRequest): Plan {
  return compileStages(request).plan;
}

export const compileStages = (request: CompileRequest): Compiled => inOneGo(compileInParts(request));

/**
 * Work in parts, of which each takes a while: for who does other things between them. A part that goes over
 * some of the calls alone gives how many.
 */
export type Parts<Result> = Generator<number | undefined, Result, undefined>;

export function inOneGo<Result>(parts: Parts<Result>): Result {
  for (;;) {
    const {done, value} = parts.next();
    if (done) return value;
  }
}

/** The same in parts, a pass each. */
export function* compileInParts(request: CompileRequest): Parts<Compiled> {
  const {passes = {}, precision = 'float32'} = request;
  const requested = rootsOf(request);
  const closed = inRegions(simplify)(closeLoops(requested));
  yield;
  const join = passes.fuse ?? true;
  const simplified = updateByRows((passes.move ?? true) ? moveOut(closed) : closed, join);
  yield;
  // Steps of recurrent nets are float32.
  const joined = (roots: Roots): Roots => closeLoops(layOutPanels(fuseSteps(roots)));
  const steps = join && precision === 'float32' ? joined : (roots: Roots): Roots => roots;
  const fused = inRegions(roots => choosePrecision(fuse(steps(roots), join), precision))(simplified);
  yield;
  const scheduled = schedule(fused, request, request.spent);
  yield;
  const memory = planMemory(scheduled, passes.inPlace ?? true);
  yield;
  const plan = emit(scheduled, memory);
  return {
    plan,
    stages: () => ({
      ...printParts(requested),
      simplified: printRoots(simplified),
      fused: printRoots(fused),
      plan: printPlan(plan),
    }),
  };
}

/** Moves what need not be in loops out of them; what is left over vanishes. */
function moveOut(roots: Roots): Roots {
  if (!hasLoops(roots)) return roots;
  return inRegions(simplify)(closeLoops(inRegions(part => straighten(sink(hoist(part))))(roots)));
}

function rootsOf({outputs, updates = [], guards = [], stateBytes, stateOffset}: CompileRequest): Roots {
  const updated = new Set<Variable>();
  for (const [variable, value] of updates) {
    if (updated.has(variable)) fail('ERR_GRAPH', `compile: two updates of ${variable.name}.`);
    updated.add(variable);
    if (value.shape.join() !== variable.shape.join() || value.dtype !== variable.dtype) {
      const received = `Received ${variable.tensor} and the update ${value}`;
      fail('ERR_SHAPE', `compile: the update of ${variable.name} has another shape or type. ${received}.`);
    }
    const offset = stateOffset(variable);
    if (offset % unitBytes !== 0 || offset < 0 || offset > stateBytes) {
      fail('ERR_GRAPH', `compile: the offset ${offset} of ${variable.name} is not possible.`);
    }
  }
  for (const [name, {shape}] of Object.entries(outputs)) {
    if (shape.includes(-1)) fail('ERR_SHAPE', `compile: ${name} has an unknown number of rows.`);
  }
  return {outputs: Object.entries(outputs), updates, guards};
}
