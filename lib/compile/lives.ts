// From when to when each value is needed, in a schedule whose loops may nest.
import {type Instruction, ownerOf, type Schedule, type Step, type Value} from './steps.ts';

/** First and last position, both included: a value read at p and one written at p are both there. */
export interface Span {
  start: number;
  end: number;
}

export interface Lives {
  positionOf(instruction: Instruction): number;
  /** The life of an owner of memory: that of all its parts together. */
  spanOf(owner: Value): Readonly<Span>;
  /** All values, in order of first appearance. */
  readonly values: readonly Value[];
}

interface Access {
  readonly at: number;
  /** The loops around it, outermost first. */
  readonly within: readonly Span[];
}

class Walk {
  readonly positions = new Map<Instruction, number>();
  readonly accesses = new Map<Value, Access[]>();
  readonly values = new Set<Value>();
  private position = 0;

  next(): number {
    return this.position++;
  }

  touch(value: Value, at: number, within: readonly Span[]): void {
    this.values.add(value);
    const owner = ownerOf(value);
    this.values.add(owner);
    const list = this.accesses.get(owner);
    if (list) list.push({at, within});
    else this.accesses.set(owner, [{at, within}]);
  }

  steps(steps: readonly Step[], within: readonly Span[]): void {
    for (const step of steps) {
      if (step.kind === 'instruction') {
        const at = this.next();
        this.positions.set(step, at);
        for (const value of [...step.inputs, ...step.outputs]) this.touch(value, at, within);
        continue;
      }
      const around: Span = {start: this.next(), end: 0};
      this.steps(step.body, [...within, around]);
      around.end = this.next();
      // What moves, and what is carried into, is there from the first round to the last.
      for (const value of [...step.strides.map(({value}) => value), ...step.carries.map(({to}) => to)]) {
        this.touch(value, around.start, within);
        this.touch(value, around.end, within);
      }
      for (const {from} of step.carries) this.touch(from, around.end, within);
    }
  }
}

/** What is made outside a loop and read inside is read again in each round: it lives to the loop's end. */
function spanOfAccesses(accesses: readonly Access[]): Span {
  const start = Math.min(...accesses.map(({at}) => at));
  const ends = accesses.map(({at, within}) => within.find(loop => start < loop.start)?.end ?? at);
  return {start, end: Math.max(...ends)};
}

export function livesOf(schedule: Schedule): Lives {
  const walk = new Walk();
  walk.steps(schedule.compute, []);
  const commitAt = walk.next();
  for (const {value} of schedule.guards) walk.touch(value, commitAt, []);
  walk.steps(schedule.commit, []);
  const spans = new Map<Value, Span>();
  for (const [owner, accesses] of walk.accesses) spans.set(owner, spanOfAccesses(accesses));
  return {
    positionOf: instruction => walk.positions.get(instruction) as number,
    spanOf: owner => spans.get(owner) as Span,
    values: [...walk.values],
  };
}
