// A graph as ops to be applied one after another: each value has a number, and its memory is given back when
// it was read for the last time.
import {dtypes, type TypedArray} from '../../core/dtype.ts';
import {match} from '../../core/operands.ts';
import {firstRowOf} from '../../core/registers.ts';
import {sizeOf} from '../../core/shape.ts';
import {type Call, constantOp, type Tensor, type TensorSpec, variableOf} from '../../core/tensor.ts';
import {callsOf} from '../../graph/walk.ts';
import {hasKernel, type Memory} from '../../runtime/linked.ts';
import {pool} from '../../runtime/pool.ts';
import type {Link} from './link.ts';
import {links} from './links.ts';

interface Step {
  readonly link: Link;
  /** Values by number: results, then operands. */
  readonly values: readonly number[];
  /** Values that no later step reads. */
  readonly last: number[];
}

const bytesOf = ({shape, dtype}: TensorSpec): number => sizeOf(shape) * dtypes[dtype].bytes;

export function arrayFor({shape, dtype}: TensorSpec): TypedArray {
  const length = sizeOf(shape);
  return new dtypes[dtype].array(new ArrayBuffer(length * dtypes[dtype].bytes), 0, length);
}

const bytesIn = ({buffer, byteOffset}: Memory, spec: TensorSpec): Uint8Array =>
  new Uint8Array(buffer, byteOffset, bytesOf(spec));

/** The elements of a constant as kernels read them: a bool is 0 or 1. */
function elementsOf(data: TypedArray, spec: TensorSpec): TypedArray {
  const copy = arrayFor(spec);
  copy.set(spec.dtype === 'bool' ? Array.from(data, element => Number(element !== 0)) : data);
  return copy;
}

/** The tensor whose memory this one is. */
function ownerOf(tensor: Tensor): Tensor {
  let owner = tensor;
  while (owner.call.op.view) owner = owner.call.operand;
  return owner;
}

const guardOf = ({op, outputs}: Call): Tensor | undefined => op.guard && outputs[op.guard.output];

/** Whether a graph can be evaluated so: each op has a kernel, guards are only checked, sizes are known. */
export function isSteps(outputs: readonly Tensor[]): boolean {
  const order = callsOf(outputs);
  const read = new Set([...outputs, ...order.flatMap(({inputs}) => inputs)]);
  return order.every(call => {
    const {op} = call;
    const guard = guardOf(call);
    if (guard && read.has(guard)) return false;
    if (op.kind !== 'leaf' && !op.view && !hasKernel(firstRowOf(op))) return false;
    return call.outputs.every(({shape}) => !shape.includes(-1));
  });
}

export class Steps {
  readonly #outputs: readonly Tensor[];
  readonly #numbers = new Map<Tensor, number>();
  readonly #steps: Step[] = [];
  /** Constants, by number. */
  readonly #constants: Memory[] = [];
  /** Results that are given to the user, by number. */
  readonly #kept = new Map<number, TensorSpec>();
  readonly #leaves: readonly number[];
  #count = 0;

  /** `leaves` are the tensors whose memory each run brings. */
  constructor(outputs: readonly Tensor[], leaves: readonly Tensor[]) {
    this.#outputs = outputs;
    this.#leaves = leaves.map(tensor => this.#numberOf(tensor));
    for (const call of callsOf(outputs)) this.#add(call);
    for (const tensor of outputs) {
      const owner = ownerOf(tensor);
      if (owner.call.op.kind !== 'leaf') this.#kept.set(this.#numberOf(owner), owner);
    }
    const seen = new Set(this.#kept.keys());
    for (const {values, last} of [...this.#steps].reverse()) {
      for (const number of values) if (!seen.has(number)) last.push(number);
      for (const number of values) seen.add(number);
    }
  }

  /** The outputs, each in memory of its own that `fresh` gives, from the memory of the leaves. */
  run<Kind extends Memory>(leaves: readonly Memory[], fresh: (spec: TensorSpec) => Kind): Kind[] {
    const memory = [...this.#constants];
    const blocks: (Uint8Array | undefined)[] = [];
    for (let at = 0; at < leaves.length; at++) memory[this.#leaves[at] as number] = leaves[at] as Memory;
    try {
      for (const step of this.#steps) this.#perform(step, memory, blocks, fresh);
    } finally {
      for (const block of blocks) if (block) pool.give(block);
    }
    const given = new Set<Memory>();
    return this.#outputs.map(tensor => this.#give(tensor, memory, given, fresh));
  }

  #perform(
    {link, values, last}: Step,
    memory: Memory[],
    blocks: (Uint8Array | undefined)[],
    fresh: (spec: TensorSpec) => Memory,
  ): void {
    const {results} = link;
    for (let at = 0; at < results.length; at++) {
      const number = values[at] as number;
      const kept = this.#kept.get(number);
      if (kept) memory[number] = fresh(kept);
      else memory[number] = blocks[number] = pool.take(bytesOf(results[at] as TensorSpec));
    }
    const arrays: Memory[] = [];
    for (const number of values) arrays.push(memory[number] as Memory);
    link.run(arrays);
    for (const number of last) {
      const block = blocks[number];
      if (block) pool.give(block);
      blocks[number] = undefined;
    }
  }

  /** What a run made is given once; another output of the same memory, and what the user gave, as a copy. */
  #give<Kind extends Memory>(
    tensor: Tensor,
    memory: readonly Memory[],
    given: Set<Memory>,
    fresh: (spec: TensorSpec) => Kind,
  ): Kind {
    const number = this.#numberOf(ownerOf(tensor));
    const own = memory[number] as Kind;
    if (!this.#kept.has(number) || given.has(own)) {
      const copy = fresh(tensor);
      bytesIn(copy, tensor).set(bytesIn(own, tensor));
      return copy;
    }
    given.add(own);
    return own;
  }

  #add(call: Call): void {
    const {op, inputs, outputs, attributes} = call;
    if (op.view) return;
    if (op.kind === 'leaf') {
      const constant = match(call.result, constantOp);
      if (constant) this.#constants[this.#numberOf(call.result)] = elementsOf(constant.data, call.result);
      return;
    }
    const link = links.find(op, inputs, attributes);
    const results = link.positions.map(position => this.#numberOf(outputs[position] as Tensor));
    const operands = inputs.map(input => this.#numberOf(ownerOf(input)));
    this.#steps.push({link, values: [...results, ...operands], last: []});
  }

  #numberOf(tensor: Tensor): number {
    const known = this.#numbers.get(tensor);
    if (known !== undefined) return known;
    this.#numbers.set(tensor, this.#count);
    return this.#count++;
  }
}

/** Leaves whose memory a run brings: inputs, and variables. */
export function leavesOf(outputs: readonly Tensor[]): Tensor[] {
  const leaves = callsOf(outputs).filter(({op}) => op.kind === 'leaf');
  return leaves.map(({result}) => result).filter(leaf => variableOf(leaf) || !match(leaf, constantOp));
}
