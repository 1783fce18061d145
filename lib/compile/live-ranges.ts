// From when to when each value is needed, in a schedule whose loops may nest.
import {type Instruction, ownerOf, type Schedule, type Step, type Value} from './steps.ts';

/** First and last position, both included: at one position, values are read and others written. */
export interface LiveRange {
  start: number;
  end: number;
}

export interface LiveRanges {
  positionOf(instruction: Instruction): number;
  /** Of an owner of memory: covers all parts of it. */
  rangeOf(owner: Value): Readonly<LiveRange>;
  /** All values, in order of first appearance. */
  readonly values: readonly Value[];
}

interface Access {
  readonly at: number;
  /** The ranges of the loops around it, outermost first. */
  readonly loops: readonly LiveRange[];
}

class Walk {
  readonly positions = new Map<Instruction, number>();
  readonly accesses = new Map<Value, Access[]>();
  readonly values = new Set<Value>();
  private position = 0;

  next(): number {
    return this.position++;
  }

  access(value: Value, at: number, loops: readonly LiveRange[]): void {
    this.values.add(value);
    const owner = ownerOf(value);
    this.values.add(owner);
    const list = this.accesses.get(owner);
    if (list) list.push({at, loops});
    else this.accesses.set(owner, [{at, loops}]);
  }

  steps(steps: readonly Step[], loops: readonly LiveRange[]): void {
    for (const step of steps) {
      if (step.kind === 'instruction') {
        const at = this.next();
        this.positions.set(step, at);
        for (const value of [...step.inputs, ...step.outputs]) this.access(value, at, loops);
        continue;
      }
      const loop: LiveRange = {start: this.next(), end: 0};
      this.steps(step.body, [...loops, loop]);
      loop.end = this.next();
      // Values that move are needed from the first iteration to the last.
      for (const {value} of [...step.strides, ...step.alternating]) {
        this.access(value, loop.start, loops);
        this.access(value, loop.end, loops);
      }
    }
  }
}

/** A value made before a loop and read in it is read in every iteration: it is needed until the loop ends. */
function rangeOfAccesses(accesses: readonly Access[]): LiveRange {
  const start = Math.min(...accesses.map(({at}) => at));
  const ends = accesses.map(({at, loops}) => loops.find(loop => start < loop.start)?.end ?? at);
  return {start, end: Math.max(...ends)};
}

export function liveRangesOf(schedule: Schedule): LiveRanges {
  const walk = new Walk();
  walk.steps(schedule.compute, []);
  walk.steps(schedule.exchange, []);
  const commitAt = walk.next();
  for (const {value} of schedule.guards) walk.access(value, commitAt, []);
  walk.steps(schedule.commit, []);
  const ranges = new Map<Value, LiveRange>();
  for (const [owner, accesses] of walk.accesses) ranges.set(owner, rangeOfAccesses(accesses));
  return {
    positionOf: instruction => walk.positions.get(instruction) as number,
    rangeOf: owner => ranges.get(owner) as LiveRange,
    values: [...walk.values],
  };
}
