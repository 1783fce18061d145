// How a graph is evaluated: op by op at first, as a plan once it has been asked for often enough, or where it
// is no list of ops, or large and nobody waits.
import {dtypes, type TypedArray} from '../core/dtype.ts';
import {fail, isChainruleError} from '../core/errors.ts';
import {match} from '../core/operands.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import {type Call, inputOp, type Tensor, type TensorSpec, type Variable, variableOf} from '../core/tensor.ts';
import {callsOf} from '../graph/walk.ts';
import {checkArray} from '../runtime/arrays.ts';
import type {Memory} from '../runtime/linked.ts';
import {inlineUpToNs, instructionTime} from '../runtime/program.ts';
import {turns} from '../runtime/turns.ts';
import {arrayFor, isSteps, leavesOf, Steps} from './eager/steps.ts';
import {type CompiledFunction, functionOf} from './function.ts';
import {arraysFor, type InputValues, type Slot} from './inputs.ts';
import {storeOf} from './store.ts';

/**
 * To compile a graph takes as long as to evaluate it op by op some thirty times. One of few ops gains nothing
 * by it: what a run of a plan costs, beyond its kernels, is that of a dozen ops.
 */
const compiledFrom = 32;
const fewOps = 12;

const bytesOf = ({shape, dtype}: TensorSpec): number => sizeOf(shape) * dtypes[dtype].bytes;

function timeOf({op, inputs, outputs, attributes}: Call): number {
  const bytes = [...inputs, ...outputs].reduce((sum, spec) => sum + Math.max(0, bytesOf(spec)), 0);
  return instructionTime({flops: op.flops(inputs, outputs, attributes), bytes});
}

/** What the user gives: the inputs among the leaves, each by its name. */
function slotsOf(leaves: readonly Tensor[]): Slot[] {
  const slots = leaves.flatMap((leaf): Slot[] => {
    const given = match(leaf, inputOp);
    return given ? [{...given, output: false, where: 'evaluate'}] : [];
  });
  slots.forEach(({name, shape, dtype}, index) => {
    const other = slots.findIndex(slot => slot.name === name);
    if (other === index) return;
    const first = slots[other] as Slot;
    const both = `${first.dtype}${formatShape(first.shape)} and ${dtype}${formatShape(shape)}`;
    fail('ERR_GRAPH', `evaluate: two different inputs are named ${JSON.stringify(name)}: ${both}.`);
  });
  return slots;
}

export class Evaluation {
  readonly outputs: readonly Tensor[];
  readonly #leaves: readonly Tensor[];
  readonly #slots: readonly Slot[];
  readonly #variables: readonly Variable[];
  readonly #ops: number;
  readonly #isSmall: boolean;
  readonly #isSteps: boolean;
  #steps: Steps | undefined;
  #compiled: CompiledFunction<readonly Tensor[]> | undefined;
  #times = 0;

  /** @throws ERR_GRAPH, ERR_SHAPE for what cannot be evaluated. */
  constructor(outputs: readonly Tensor[]) {
    const unsized = outputs.find(({shape}) => shape.includes(-1));
    if (unsized) fail('ERR_SHAPE', `evaluate: ${unsized} has an unknown number of rows.`);
    const calls = callsOf(outputs).filter(({op}) => op.kind !== 'leaf' && !op.view);
    this.outputs = outputs;
    this.#leaves = leavesOf(outputs);
    this.#slots = slotsOf(this.#leaves);
    this.#variables = this.#leaves.flatMap(leaf => variableOf(leaf) ?? []);
    this.#ops = calls.length;
    this.#isSmall = calls.reduce((sum, call) => sum + timeOf(call), 0) <= inlineUpToNs;
    this.#isSteps = isSteps(outputs);
  }

  /** Small work at once, in its turn; large work on the executor. */
  async run(inputs: InputValues): Promise<readonly TypedArray[]> {
    if (!this.#isSmall) return dataOf(await this.#function().run(inputs));
    if (!turns.open) await turns.next();
    return this.runSync(inputs);
  }

  runSync(inputs: InputValues): readonly TypedArray[] {
    if (!this.#goesByOps()) return dataOf(this.#function().runSync(inputs));
    this.#times++;
    const leaves = this.#memoryOf(inputs);
    this.#steps ??= new Steps(this.outputs, this.#leaves);
    try {
      return this.#steps.run(leaves, arrayFor);
    } catch (error) {
      if (!isGuarded(error)) throw error;
      // A plan tells in the terms of the graph which data, or which call, it was.
      return dataOf(this.#function().runSync(inputs));
    }
  }

  #goesByOps(): boolean {
    if (!this.#isSteps || (this.#times >= compiledFrom && this.#ops > fewOps)) return false;
    // While a run writes to the variables a plan is what waits for its commit.
    return this.#variables.every(variable => storeOf(variable)?.state.busy === false);
  }

  #memoryOf(inputs: InputValues): Memory[] {
    const arrays = arraysFor(this.#slots, inputs);
    let at = 0;
    return this.#leaves.map(leaf => {
      const owner = variableOf(leaf);
      if (owner) return storeOf(owner)?.view(owner) as TypedArray;
      const slot = this.#slots[at] as Slot;
      return checkArray(slot, arrays[at++], sizeOf(slot.shape), 1);
    });
  }

  #function(): CompiledFunction<readonly Tensor[]> {
    if (!this.#compiled?.inPlace) this.#compiled = functionOf(this.outputs, {}, 'evaluate');
    return this.#compiled;
  }
}

const dataOf = (values: readonly {readonly data: TypedArray}[]): readonly TypedArray[] =>
  values.map(({data}) => data);

const isGuarded = (error: unknown): boolean =>
  isChainruleError(error) && ['ERR_ABORTED', 'ERR_NOT_FINITE', 'ERR_OUT_OF_RANGE'].includes(error.code);
