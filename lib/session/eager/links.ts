// The ops that are linked on this thread, found by hash. So many stay; then one that was not run for a long
// time is freed for each that is linked.
import {type CallKernel, kernelOf} from '../../compile/one-call.ts';
import type {Call, Op, TensorSpec} from '../../core/tensor.ts';
import {hashOf, hashOfTypes, sameAttribute, sameSpecs, sameTypes} from './key.ts';
import {callOf, Link} from './link.ts';

/** What is known of an op. */
interface Known {
  /** By the hash of operands and attributes. */
  readonly links: Map<number, Link[]>;
  /** By that of their types and of attributes; forgotten all at once when there are many. */
  readonly kernels: Map<number, {readonly call: Call; readonly kernel: CallKernel}[]>;
}

const mostKernels = 64;

function kernelFor({kernels}: Known, call: Call): CallKernel {
  const hash = hashOfTypes(call.inputs, call.attributes);
  const list = kernels.get(hash) ?? [];
  for (const {call: other, kernel} of list) {
    if (sameTypes(other.inputs, call.inputs) && sameAttribute(other.attributes, call.attributes))
      return kernel;
  }
  const kernel = kernelOf(call);
  if (kernels.size >= mostKernels) kernels.clear();
  kernels.set(hash, [...list, {call, kernel}]);
  return kernel;
}

export class Links {
  readonly #most: number;
  readonly #byOp = new Map<Op, Known>();
  /** Those that are linked, each in a place that the hand comes past (the clock algorithm, Corbató 1968). */
  readonly #places: {readonly link: Link; readonly hash: number}[] = [];
  #hand = 0;

  /** So many stay linked, of some 4 KB each. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * An op for operands of these shapes and types: the known one, or a new one.
   *
   * @throws ERR_SHAPE, ERR_DTYPE or ERR_VALUE as the op does on tensors.
   */
  find(op: Op, operands: readonly TensorSpec[], attributes: object): Link {
    const hash = hashOf(operands, attributes);
    let known = this.#byOp.get(op);
    if (!known) {
      known = {links: new Map(), kernels: new Map()};
      this.#byOp.set(op, known);
    }
    const list = known.links.get(hash);
    for (const link of list ?? []) {
      if (sameSpecs(link.operands, operands) && sameAttribute(link.attributes, attributes)) return link;
    }
    const call = callOf(op, operands, attributes);
    const link = new Link(call, kernelFor(known, call), linked => this.#enter(linked, hash));
    if (list) list.push(link);
    else known.links.set(hash, [link]);
    return link;
  }

  /** How many are linked. */
  get size(): number {
    return this.#places.length;
  }

  #enter(link: Link, hash: number): void {
    if (this.#places.length < this.#most) {
      this.#places.push({link, hash});
      return;
    }
    for (;;) {
      const place = this.#hand;
      this.#hand = (place + 1) % this.#most;
      const oldest = this.#places[place];
      if (oldest?.link.recent) {
        oldest.link.recent = false;
        continue;
      }
      if (oldest) this.#forget(oldest.link, oldest.hash);
      this.#places[place] = {link, hash};
      return;
    }
  }

  /** Who still has it may run it, and so link it anew. */
  #forget(link: Link, hash: number): void {
    link.unlink();
    const own = this.#byOp.get(link.op)?.links;
    const others = own?.get(hash)?.filter(other => other !== link) ?? [];
    if (others.length > 0) own?.set(hash, others);
    else own?.delete(hash);
  }
}

/** Those of this thread. */
export const links = new Links(1024);
