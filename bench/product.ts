// One instruction inside a compiled program, timed alone; a matrix product.
import type {Precision} from '../lib/core/precision.ts';
import type {RandomSource, Tensor, Variable} from '../lib/core/tensor.ts';
import {ops} from '../lib/index.ts';
import {type CompiledProgram, compileProgram} from '../lib/session/compile.ts';
import {VariableStore} from '../lib/session/store.ts';
import type {Form} from './peers/blas.ts';
import {leastTurnSeconds} from './report.ts';

/** Of the product [m,k]·[k,n], or of `count` of them. */
export interface ProductShape {
  readonly count?: number;
  readonly form: Form;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** What is timed: a result of variables, which makes so many operations. */
export interface TimedGraph {
  readonly operands: readonly Variable[];
  readonly result: Tensor;
  readonly flops: number;
  readonly precision?: Precision;
}

/** An operand in the state, as in a training step. */
export const randomOperand = (name: string, shape: readonly number[]): Variable =>
  ops.variable({name, shape, initial: (source: RandomSource) => ops.randomUniform(source, shape)});

/** A program of which one instruction, the one of so many operations, is timed alone. */
export class TimedInstruction {
  readonly #program: CompiledProgram;
  readonly #instruction: number;
  #steps = 1;
  /** Nanoseconds of the other instructions in a step, at least. */
  #others = Number.POSITIVE_INFINITY;

  constructor({operands, result, flops, precision = 'float32'}: TimedGraph) {
    const store = new VariableStore();
    store.add(operands);
    store.initialize(1);
    this.#program = compileProgram({outputs: {}, guards: [ops.finite(result)], store, precision});
    this.#program.profiling = true;
    this.#instruction = this.#program.plan.instructions.findIndex(own => own.flops >= flops);
    if (this.#instruction < 0) throw new Error('bench: the plan has no such instruction');
  }

  /** Nanoseconds of all instructions so far, and of the product alone. */
  get #nanoseconds(): readonly [all: number, own: number] {
    const times = this.#program.profile();
    return [times.reduce((sum, time) => sum + time, 0), times[this.#instruction] as number];
  }

  /**
   * Seconds of one product, of many in about so many seconds, after as many that wake the team and warm the
   * caches, as for the libraries; on several threads of so many that the figure can be trusted. A thread that
   * is interrupted may book time of one instruction on its neighbour, so what counts is the whole step less
   * the least that the others took.
   */
  async time(threads: number, seconds: number): Promise<number> {
    const least = threads === 1 ? seconds / 2 : Math.max(seconds / 2, leastTurnSeconds);
    for (let timed = false; ; timed = true) {
      const [all, own] = this.#nanoseconds;
      const steps = this.#steps;
      if (threads === 1) this.#program.runSync({}, {steps});
      else await this.#program.run({}, {steps});
      const [allNow, ownNow] = this.#nanoseconds;
      const step = (allNow - all) / steps;
      this.#others = Math.min(this.#others, step - (ownNow - own) / steps);
      this.#steps = Math.max(1, Math.ceil(steps * Math.min(64, (2e9 * least) / (step * steps))));
      if (timed && step * steps >= least * 1e9) return (step - this.#others) / 1e9;
    }
  }
}

function productGraph({form, m, k, n, count}: ProductShape): TimedGraph {
  const transposeA = form === 'tn';
  const transposeB = form === 'nt';
  const matrix = (name: string, own: readonly number[]) =>
    randomOperand(name, count === undefined ? own : [count, ...own]);
  const a = matrix('a', transposeA ? [k, m] : [m, k]);
  const b = matrix('b', transposeB ? [n, k] : [k, n]);
  const product = ops.matmul(a.tensor, b.tensor, {transposeA, transposeB});
  // A check of all would be part of the product, and large beside a shallow one.
  const result = ops.slice(product, 0, 0, 1);
  return {operands: [a, b], result, flops: 2 * (count ?? 1) * m * n * k};
}

export class Product extends TimedInstruction {
  constructor(shape: ProductShape) {
    super(productGraph(shape));
  }
}
