// The body of a loop while it is being built: what it asks of the graph around it.
import {parameter, type Tensor} from './tensor.ts';

/** A value that outlives a loop: what it is now, and where a new value of it goes. */
export interface State {
  now(): Tensor;
  replace(value: Tensor): void;
}

/** A state that the iterations of a loop update: a carry of it. */
interface Updated {
  /** What an iteration finds. */
  readonly before: Tensor;
  now: Tensor;
  /** Of the graph around the loop. */
  readonly state: State;
}

export class OpenBody {
  /** The number of the iteration, int32[]. */
  readonly iteration: Tensor;
  readonly #around: OpenBody | undefined;
  readonly #updated = new Map<Tensor, Updated>();
  readonly #leaving: {readonly value: Tensor; readonly take: (stack: Tensor) => void}[] = [];

  constructor(iteration: Tensor) {
    this.iteration = iteration;
    this.#around = openBody();
  }

  get updated(): readonly Updated[] {
    return [...this.#updated.values()];
  }

  /** Values that leave the loop stacked, and who takes them. */
  get leaving(): readonly {readonly value: Tensor; readonly take: (stack: Tensor) => void}[] {
    return this.#leaving;
  }

  /** A state as the iterations of this body see it. */
  stateOf(weight: Tensor, state: State): State {
    let own = this.#updated.get(weight);
    if (!own) {
      const outside = this.#around ? this.#around.stateOf(weight, state) : state;
      const before = parameter('state', weight);
      own = {before, now: before, state: outside};
      this.#updated.set(weight, own);
    }
    const entry = own;
    return {
      now: () => entry.now,
      replace(value) {
        entry.now = value;
      },
    };
  }

  leave(value: Tensor, take: (stack: Tensor) => void): void {
    this.#leaving.push({value, take});
  }
}

const bodies: OpenBody[] = [];

/** The innermost body that is being built. */
export function openBody(): OpenBody | undefined {
  return bodies.at(-1);
}

/** Builds a body. Random numbers in it are others in each iteration. */
export function inBody<Result>(body: OpenBody, build: () => Result): Result {
  bodies.push(body);
  try {
    return build();
  } finally {
    bodies.pop();
  }
}

/** A state as what is being built sees it: in the body of a loop, a carry. */
export function stateHere(weight: Tensor, state: State): State {
  const body = openBody();
  return body ? body.stateOf(weight, state) : state;
}

/** Gives a value to the graph around all loops: from within them, with a leading axis for each. */
export function leaveLoops(value: Tensor, take: (value: Tensor) => void): void {
  const body = openBody();
  if (body) body.leave(value, stack => leaveLoops(stack, take));
  else take(value);
}
