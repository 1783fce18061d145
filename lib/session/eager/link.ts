// An op that is linked for operands of some shapes and types.
import {type CallKernel, callWords} from '../../compile/one-call.ts';
import {fail} from '../../core/errors.ts';
import {isDetached} from '../../core/kinds.ts';
import {apply, Call, inputOp, type Op, type Tensor, type TensorSpec} from '../../core/tensor.ts';
import {type CallGuard, LinkedPlan, type Memory} from '../../runtime/linked.ts';
import {failByGuard} from '../guard-failure.ts';

/** An input of such a type, as an operand. */
export function leafOf({shape, dtype}: TensorSpec, index = 0): Tensor {
  const attributes = {name: `operand ${index}`, shape: [...shape], dtype, perStep: false};
  return new Call(inputOp, [], attributes, '').result;
}

/** The call of an op on operands of these shapes. @throws ERR_SHAPE, ERR_DTYPE as the op does on tensors. */
export function callOf(op: Op, operands: readonly TensorSpec[], attributes: object): Call {
  const [result] = apply(op, operands.map(leafOf), attributes);
  return result?.call ?? fail('ERR_GRAPH', `${op.name} has no result.`);
}

export class Link {
  /** All results but guards, which each run checks. */
  readonly results: readonly TensorSpec[];
  /** Which results of the op these are. */
  readonly positions: readonly number[];
  /** Whether it was run again since it was last asked about. */
  recent = false;
  #isNew = true;
  readonly #call: Call;
  readonly #kernel: CallKernel;
  readonly #onLink: (link: Link) => void;
  #plan: LinkedPlan | undefined;
  /** Where the kernel reads operands in another order than the op. */
  #order: readonly number[] | undefined;

  /**
   * Tells `onLink` whenever it takes memory, which `unlink` frees: now, and when it is run after that.
   *
   * @throws ERR_PLAN where the kernel does not take such operands.
   */
  constructor(call: Call, kernel: CallKernel, onLink: (link: Link) => void) {
    const {op, outputs} = call;
    this.#call = call;
    this.#kernel = kernel;
    this.#onLink = onLink;
    this.positions = outputs.flatMap((_, index) => (index === op.guard?.output ? [] : index));
    this.results = outputs.filter((_, index) => index !== op.guard?.output);
    this.#link();
  }

  get op(): Op {
    return this.#call.op;
  }

  get operands(): readonly TensorSpec[] {
    return this.#call.inputs;
  }

  get attributes(): object {
    return this.#call.attributes;
  }

  /**
   * Computes results from operands, which stand behind them in `arrays`.
   *
   * @throws ERR_DETACHED for memory that is gone, ERR_OUT_OF_RANGE or ERR_NOT_FINITE where a guard fails.
   */
  run(arrays: readonly Memory[]): void {
    if (this.#isNew) this.#isNew = false;
    else this.recent = true;
    const plan = this.#plan ?? this.#link();
    const order = this.#order;
    const first = this.results.length;
    const given = order
      ? [...arrays.slice(0, first), ...order.map(at => arrays[first + at] as Memory)]
      : arrays;
    let guard: CallGuard | undefined;
    try {
      guard = plan.call(given);
    } catch (cause) {
      this.#refuseDetached(arrays);
      throw cause;
    }
    if (guard) this.#failBy(guard);
  }

  unlink(): void {
    this.#plan?.unlink();
    this.#plan = undefined;
  }

  #link(): LinkedPlan {
    const {signatures, operands} = this.#kernel;
    const isInOrder = operands.length === this.operands.length && operands.every((at, index) => at === index);
    this.#order = isInOrder ? undefined : operands;
    const words = callWords(this.#kernel, this.#call.outputs, this.operands);
    this.#plan = new LinkedPlan(words, signatures);
    this.#onLink(this);
    return this.#plan;
  }

  #nameOf(operand: number): string {
    const {inputs} = this.op.signature;
    return inputs[Math.min(operand, inputs.length - 1)]?.name ?? String(operand);
  }

  #refuseDetached(arrays: readonly Memory[]): void {
    const gone = arrays.findIndex(isDetached) - this.results.length;
    if (gone < 0) return;
    const what = `${this.op.name}: the buffer of operand ${this.#nameOf(gone)} was transferred away`;
    fail('ERR_DETACHED', `${what}. Pass an array that still has its memory.`);
  }

  #failBy({position, value}: CallGuard): void {
    const {guard, name} = this.op;
    if (!guard) return;
    const source = guard.operand === undefined ? undefined : `operand ${this.#nameOf(guard.operand)}`;
    const sizes = guard.sizes?.(this.#call);
    failByGuard(name, {kind: guard.kind, source, scope: '', position, value, sizes});
  }
}
