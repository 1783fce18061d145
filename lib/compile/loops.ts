// Where what a loop reads and makes lies. Nothing is copied from one iteration to the next: a carry that is
// stacked is read from its stack, one that is computed in place stays where it is, and others alternate
// between two places.
import {at} from '../core/lists.ts';
import {type Loop as LoopAttributes, partsOf} from '../core/region.ts';
import type {Call, Tensor} from '../core/tensor.ts';
import {copy} from './copies.ts';
import type {Home, Loop, Move, Step, Value} from './steps.ts';

/** What placing a loop asks of who schedules the graph around it. */
export interface Placing {
  valueOf(tensor: Tensor): Value;
  /** A new value of the arena with room for so many of the tensor. */
  storage(tensor: Tensor, slices: number): Value;
  /** Gives a tensor a home, unless it has one. */
  place(tensor: Tensor, home: Home): boolean;
  /** The same for one that a call makes, if that can make it anywhere. */
  placeResult(tensor: Tensor, home: Home): boolean;
  /** Makes a tensor stand for a value. */
  standFor(tensor: Tensor, value: Value): void;
  /** Whether nothing but `reader` reads a tensor, or those of which it is a view. */
  isReadOnlyBy(reader: Call, tensor: Tensor): boolean;
  /** The calls of a region in the order in which they run. */
  ordered(calls: readonly Call[]): Call[];
  /** What calls of a region do, of which something is kept. */
  stepsOf(calls: readonly Call[], kept: readonly Tensor[]): Step[];
}

/** A part of a value: where it lies in the first iteration, in elements, and how far it moves. */
interface Window {
  readonly of: Value;
  readonly start: number;
  readonly move: number;
  readonly alternates: boolean;
}

interface Carry {
  readonly storage: Value;
  /** Where an iteration finds it, and where it leaves the next. */
  readonly before: Window;
  readonly after: Window;
  /** Elements of the storage before what there is at first, and before what there is after the loop. */
  readonly first: number;
  readonly last: number;
  readonly isStack: boolean;
}

const partOf = (of: Value, elements: number): Home => ({space: 'part', of, elements});

/** Whether a result of a loop is stacked for itself, and not as the values of a carry. */
export function isOwnStack({region, carries}: LoopAttributes, index: number): boolean {
  const result = region.results[index];
  const ofCarries = [...region.results.slice(0, carries), ...region.parameters.slice(0, carries)];
  return index >= carries && result !== undefined && !ofCarries.includes(result);
}

export class LoopPlacement {
  readonly #call: Call;
  readonly #loop: LoopAttributes;
  readonly #placing: Placing;
  readonly #carries: readonly Carry[];
  readonly #windows = new Map<Value, Window>();
  readonly #before: [Home, Tensor][] = [];
  readonly #after: [Home, Tensor][] = [];

  /** Before anything is scheduled of the graph around it, because that decides where values are made. */
  constructor(call: Call, loop: LoopAttributes, placing: Placing) {
    this.#call = call;
    this.#loop = loop;
    this.#placing = placing;
    this.#carries = loop.region.parameters.slice(0, loop.carries).map((_, index) => this.#carry(index));
    this.#carries.forEach(({storage, first, isStack}, index) => {
      const start = at(call.inputs, index);
      // What is not stacked is written over, so it must be nobody else's.
      const isFree = isStack || placing.isReadOnlyBy(call, start);
      const home = partOf(storage, first);
      if (!isFree || !placing.placeResult(start, home)) this.#before.push([home, start]);
    });
    call.outputs.forEach((output, index) => {
      const home = this.#homeOf(index);
      if (home && !placing.place(output, home)) this.#after.push([home, output]);
    });
  }

  /** Where a result lies that is no stack of its own. */
  #homeOf(index: number): Home | undefined {
    const {region, carries, reverse} = this.#loop;
    const carry = this.#carries[index];
    if (carry) return partOf(carry.storage, carry.last);
    if (isOwnStack(this.#loop, index)) return undefined;
    const result = at(region.results, index);
    const found = region.parameters.slice(0, carries).indexOf(result);
    const which = found < 0 ? region.results.indexOf(result) : found;
    // The storage holds one more: what there is at first.
    const isLater = found < 0 ? !reverse : reverse;
    return partOf(at(this.#carries, which).storage, isLater ? result.size : 0);
  }

  #carry(index: number): Carry {
    const {region, carries, count, reverse} = this.#loop;
    const [parameter, next] = [at(region.parameters, index), at(region.results, index)];
    const {size} = parameter;
    const stacks = region.results.slice(carries);
    if (stacks.includes(parameter) || stacks.includes(next)) {
      const of = this.#placing.storage(parameter, count + 1);
      const [first, last] = reverse ? [count * size, 0] : [0, count * size];
      const move = reverse ? -size : size;
      const before = {of, start: first, move, alternates: false};
      return {storage: of, before, after: {...before, start: first + move}, first, last, isStack: true};
    }
    if (this.#isMadeInPlace(parameter, next)) {
      const of = this.#placing.storage(parameter, 1);
      const place = {of, start: 0, move: 0, alternates: false};
      return {storage: of, before: place, after: place, first: 0, last: 0, isStack: false};
    }
    const of = this.#placing.storage(parameter, 2);
    const before = {of, start: 0, move: size, alternates: true};
    const after = {of, start: size, move: -size, alternates: true};
    return {storage: of, before, after, first: 0, last: (count % 2) * size, isStack: false};
  }

  /** Whether what makes the next value of a carry reads this one for the last time and may overwrite it. */
  #isMadeInPlace(parameter: Tensor, next: Tensor): boolean {
    const {region} = this.#loop;
    const {call} = next;
    const position = call.inputs.indexOf(parameter);
    const mayOverwrite = call.op.elementwise || ((call.op.inPlace >>> position) & 1) === 1;
    if (position < 0 || next !== call.result || next.dtype !== parameter.dtype || !mayOverwrite) return false;
    const order = this.#placing.ordered(region.calls());
    const aliases = new Set([parameter]);
    for (const {op, inputs, outputs} of order) {
      if (op.view && inputs.some(input => aliases.has(input)))
        for (const output of outputs) aliases.add(output);
    }
    const made = order.indexOf(call);
    const isReadLater = order.some(
      ({inputs, op}, place) => place > made && !op.view && inputs.some(input => aliases.has(input)),
    );
    const reads = call.inputs.filter(input => aliases.has(input)).length;
    return reads === 1 && !isReadLater && !region.results.some(result => aliases.has(result));
  }

  /** Copies of what could not be made in its place, the loop, and copies of what has its place elsewhere. */
  steps(): Step[] {
    const {region, carries, count, reverse} = this.#loop;
    this.#placeParameters();
    const ends = region.results.flatMap((result, index) => {
      const window = index < carries ? at(this.#carries, index).after : this.#stack(index);
      return window && !this.#isMadeIn(result, window) ? [{result, window}] : [];
    });
    const body = this.#placing.stepsOf(region.calls(), region.results);
    for (const {result, window} of ends) {
      const value = this.#placing.valueOf(result);
      const moved: Value = {...value, name: `${value.name}'`, home: partOf(window.of, window.start)};
      this.#windows.set(moved, window);
      body.push(copy(moved, value));
    }
    const moves = this.#movesIn(body);
    const loop: Loop = {
      kind: 'loop',
      count,
      reverse,
      strides: moves.filter(([, {alternates}]) => !alternates).map(([move]) => move),
      alternating: moves.filter(([, {alternates}]) => alternates).map(([move]) => move),
      body,
    };
    return [
      ...this.#before.map(([home, tensor]) => this.#copy(tensor, home, true)),
      loop,
      ...this.#after.map(([home, tensor]) => this.#copy(tensor, home, false)),
    ];
  }

  #copy(tensor: Tensor, home: Home, isTo: boolean): Step {
    const value = this.#placing.valueOf(tensor);
    const there: Value = {...value, name: `${value.name}'`, home};
    return isTo ? copy(there, value) : copy(value, there);
  }

  #placeParameters(): void {
    const {region, count, reverse} = this.#loop;
    const parts = partsOf(region.parameters, this.#loop);
    const operands = partsOf(this.#call.inputs, this.#loop);
    parts.carries.forEach((parameter, index) => {
      this.#isMadeIn(parameter, at(this.#carries, index).before);
    });
    parts.sequences.forEach((parameter, index) => {
      const of = this.#placing.valueOf(at(operands.sequences, index));
      this.#isMadeIn(parameter, this.#slices(of, parameter.size, count, reverse));
    });
    parts.outside.forEach((parameter, index) => {
      this.#placing.standFor(parameter, this.#placing.valueOf(at(operands.outside, index)));
    });
  }

  #slices(of: Value, size: number, count: number, reverse: boolean): Window {
    const start = reverse ? Math.max(count - 1, 0) * size : 0;
    return {of, start, move: reverse ? -size : size, alternates: false};
  }

  /** Where a stack of its own takes a slice. */
  #stack(index: number): Window | undefined {
    const {region, count, reverse} = this.#loop;
    if (!isOwnStack(this.#loop, index)) return undefined;
    const of = this.#placing.valueOf(at(this.#call.outputs, index));
    return this.#slices(of, at(region.results, index).size, count, reverse);
  }

  /** Gives a tensor of the region its window; false if it lies elsewhere. */
  #isMadeIn(tensor: Tensor, window: Window): boolean {
    const home = partOf(window.of, window.start);
    const isLeaf = tensor.call.op.kind === 'leaf' && this.#loop.region.parameters.includes(tensor);
    const isPlaced = isLeaf ? this.#placing.place(tensor, home) : this.#placing.placeResult(tensor, home);
    if (isPlaced) this.#windows.set(this.#placing.valueOf(ownerIn(tensor)), window);
    return isPlaced;
  }

  /** All values in the body that move, as parts of windows do. */
  #movesIn(body: readonly Step[]): (readonly [Move, Window])[] {
    const values = new Set<Value>();
    const visit = (step: Step): void => {
      if (step.kind === 'loop') for (const inner of step.body) visit(inner);
      else for (const value of [...step.outputs, ...step.inputs]) values.add(value);
    };
    for (const step of body) visit(step);
    return [...values].flatMap(value => {
      const window = this.#windowOf(value);
      return window && window.move !== 0 ? [[{value, elements: window.move}, window] as const] : [];
    });
  }

  #windowOf(value: Value): Window | undefined {
    for (let part = value; ; part = part.home.of) {
      const window = this.#windows.get(part);
      if (window || part.home.space !== 'part') return window;
    }
  }
}

/** What a tensor is a view of. */
function ownerIn(tensor: Tensor): Tensor {
  let owner = tensor;
  while (owner.call.op.view) owner = owner.call.operand;
  return owner;
}
