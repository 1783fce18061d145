// Shuffles a sequence: elements wait in a buffer, from which a random one is taken each time.
import {ascendingRows, counterBased, shuffleRows} from './order.ts';

/** If the buffer holds all elements, the order is that of `shuffleRows`. */
export class ShuffleBuffer<Element> {
  readonly #size: number;
  readonly #seed: number;
  readonly #pass: number;
  readonly #random: (position: number) => number;
  readonly #waiting: Element[] = [];
  #taken = 0;

  constructor(size: number, seed: number, pass: number) {
    this.#size = size;
    this.#seed = seed;
    this.#pass = pass;
    this.#random = counterBased(seed, pass);
  }

  /** Adds an element; once the buffer is full, returns one of it. */
  push(element: Element): {readonly element: Element} | undefined {
    const waiting = this.#waiting;
    if (waiting.length < this.#size) {
      waiting.push(element);
      return undefined;
    }
    // `rest` uses the positions below the size of the buffer.
    const position = (this.#size + this.#taken++) >>> 0;
    const at = Math.floor((this.#random(position) * waiting.length) / 2 ** 32);
    const chosen = waiting[at] as Element;
    waiting[at] = element;
    return {element: chosen};
  }

  /** What is left in the buffer, in random order. */
  rest(): Element[] {
    const order = ascendingRows(this.#waiting.length);
    shuffleRows(order, this.#seed, this.#pass);
    return Array.from(order, at => this.#waiting[at] as Element);
  }
}

/** The same for row indices that are all known. */
export function shuffled(rows: Int32Array, size: number, seed: number, pass: number): Int32Array {
  const order = ascendingRows(rows.length);
  if (size >= rows.length) {
    shuffleRows(order, seed, pass);
    for (let at = 0; at < order.length; at++) order[at] = rows[order[at] as number] as number;
    return order;
  }
  const buffer = new ShuffleBuffer<number>(size, seed, pass);
  let filled = 0;
  for (const row of rows) {
    const out = buffer.push(row);
    if (out) order[filled++] = out.element;
  }
  order.set(buffer.rest(), filled);
  return order;
}
