// The calls of a layer, in the order in which they were made.
import {fail} from '../core/errors.ts';

export class Applications<Call> {
  readonly #calls: Call[] = [];

  add(call: Call): void {
    this.#calls.push(call);
  }

  forget(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at >= 0) this.#calls.splice(at, 1);
  }

  /** The first (0), second, … @throws ERR_GRAPH where there is none; `layer` is its name. */
  at(layer: string, number: number): Call {
    const call = this.#calls[number];
    if (call) return call;
    const count = `it has been applied ${this.#calls.length} times`;
    return fail('ERR_GRAPH', `${layer}: there is no application ${String(number)}: ${count}.`);
  }
}
