// What no iteration reads leaves a loop behind. A carry to which iterations only add products of rows becomes
// one product over the rows of all iterations, as the gradient of weights does; a product by what stays the
// same, whose results are only stacked, becomes one product of the stack.
import {at} from '../core/lists.ts';
import {type Loop, loopOf, partsOf, Region} from '../core/region.ts';
import {Call, inScopeOf, parameter, type Tensor} from '../core/tensor.ts';
import {rebuild, rewrite, usersOf} from '../graph/walk.ts';
import {addedTo, batched, type Operand, sumOverIterations, totalOf} from './batching-rules.ts';
import {mapRoots, type Roots, tensorsOf} from './roots.ts';

/** Gives what all iterations make of a tensor of the body. */
type StackOf = (tensor: Tensor) => Tensor;

class Sinking {
  readonly #call: Call;
  readonly #loop: Loop;
  readonly #operands: readonly Tensor[];
  readonly #users: ReadonlyMap<Tensor, readonly Call[]>;
  readonly #outside = new Map<Tensor, Tensor>();
  readonly #sequences = new Map<Tensor, Tensor>();

  constructor(call: Call, loop: Loop, operands: readonly Tensor[]) {
    this.#call = call;
    this.#loop = loop;
    this.#operands = operands;
    const {region} = loop;
    this.#users = usersOf(region.calls());
    const [own, given] = [partsOf(region.parameters, loop), partsOf(operands, loop)];
    own.sequences.forEach((tensor, index) => {
      this.#sequences.set(tensor, at(given.sequences, index));
    });
    own.outside.forEach((tensor, index) => {
      this.#outside.set(tensor, at(given.outside, index));
    });
  }

  /** The results of the loop without what leaves it. */
  results(): readonly Tensor[] {
    const {region, carries, count} = this.#loop;
    const wanted = new Map<Tensor, number>();
    // What leaves is decided with stacks that do not exist yet.
    const stackedAt = (tensor: Tensor): number =>
      region.results.findIndex((other, index) => index >= carries && other === tensor);
    const promised: StackOf = tensor => {
      if (stackedAt(tensor) < 0 && !wanted.has(tensor)) wanted.set(tensor, wanted.size);
      return parameter('stack', {shape: [count, ...tensor.shape], dtype: tensor.dtype});
    };
    const leaving = region.results.map((_, index) => this.#whole(index, promised) !== undefined);
    if (!leaving.includes(true)) return rebuild(this.#call, this.#operands);
    const kept = region.results.flatMap((_, index) => (leaving[index] ? [] : [index]));
    const results = [...kept.map(index => at(region.results, index)), ...wanted.keys()];
    const keptCarries = kept.filter(index => index < carries);
    const positions = region.parameters.flatMap((_, index) =>
      index < carries && leaving[index] ? [] : [index],
    );
    const rest = new Region(
      positions.map(index => at(region.parameters, index)),
      results,
    );
    const {outputs} = new Call(
      this.#call.op,
      positions.map(index => at(this.#operands, index)),
      {...this.#loop, region: rest, carries: keptCarries.length},
      this.#call.scope,
    );
    const made: StackOf = tensor => {
      const more = wanted.get(tensor);
      return at(outputs, more === undefined ? kept.indexOf(stackedAt(tensor)) : kept.length + more);
    };
    return region.results.map((_, index) => this.#whole(index, made) ?? at(outputs, kept.indexOf(index)));
  }

  /** A result of the loop, computed behind it from stacks; undefined if it stays. */
  #whole(index: number, stackOf: StackOf): Tensor | undefined {
    const {region, carries, count} = this.#loop;
    const result = at(region.results, index);
    return inScopeOf(result.call, () => {
      if (count < 2 || this.#isReadInside(result, index)) return undefined;
      if (index >= carries) return this.#product(result, stackOf);
      const carry = at(region.parameters, index);
      const isAddedOnly = (this.#users.get(carry) ?? []).every(({outputs}) => outputs.includes(result));
      const added = isAddedOnly && !region.results.includes(carry) ? addedTo(carry, result) : undefined;
      const total = added && sumOverIterations(added, tensor => this.#operand(tensor, stackOf));
      return total && totalOf(at(this.#operands, index), total);
    });
  }

  #isReadInside(tensor: Tensor, index: number): boolean {
    const isRead = (this.#users.get(tensor) ?? []).length > 0;
    return isRead || this.#loop.region.results.some((other, place) => other === tensor && place !== index);
  }

  /** All iterations of a tensor that none of them reads, if it follows a product by what stays the same. */
  #product(tensor: Tensor, stackOf: StackOf): Tensor | undefined {
    const {call} = tensor;
    const {region, count} = this.#loop;
    if (region.parameters.includes(tensor) || call.inputs.length === 0) return undefined;
    if (call.op.contraction) {
      const isByFixed = call.inputs.some(input => this.#outside.has(input));
      const operands = isByFixed ? call.inputs.map(input => this.#operand(input, stackOf)) : [];
      return operands.some(({isStacked}) => isStacked) ? batched(call, operands, count) : undefined;
    }
    if (!call.op.view && !call.op.elementwise) return undefined;
    const products = call.inputs.map(input =>
      this.#isReadBy(call, input) ? this.#product(input, stackOf) : undefined,
    );
    if (!products.some(product => product)) return undefined;
    const operands = call.inputs.map((input, position): Operand => {
      const product = products[position];
      return product ? {tensor: product, isStacked: true} : this.#operand(input, stackOf);
    });
    return batched(call, operands, count);
  }

  #isReadBy(reader: Call, tensor: Tensor): boolean {
    const users = this.#users.get(tensor) ?? [];
    return users.every(user => user === reader) && !this.#loop.region.results.includes(tensor);
  }

  /** An operand of a call of the body, for all iterations. */
  #operand(tensor: Tensor, stackOf: StackOf): Operand {
    const outside = this.#outside.get(tensor);
    if (outside) return {tensor: outside, isStacked: false};
    const sequence = this.#sequences.get(tensor);
    if (sequence) return {tensor: sequence, isStacked: true};
    const {call} = tensor;
    const isParameter = this.#loop.region.parameters.includes(tensor);
    if (!isParameter && call.inputs.length === 0) return {tensor, isStacked: false};
    if (isParameter || !call.op.view) return {tensor: stackOf(tensor), isStacked: true};
    // A view is made again instead of stacked.
    const base = this.#operand(call.operand, stackOf);
    const again = base.isStacked ? batched(call, [base], this.#loop.count) : undefined;
    return {tensor: again ?? stackOf(tensor), isStacked: true};
  }
}

/** The graph whose loops do in their iterations only what iterations read. */
export function sink(roots: Roots): Roots {
  const replacement = rewrite(tensorsOf(roots), (call, inputs) => {
    const loop = loopOf(call);
    return loop ? new Sinking(call, loop, inputs).results() : rebuild(call, inputs);
  });
  return mapRoots(roots, replacement);
}
