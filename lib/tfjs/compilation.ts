// A plan that is made in parts, between what else the program does: a long trace is not compiled in one go,
// but runs op by op until its plan is there. How much is done at a time is counted in calls, not in time, so
// a program does the same in each of its runs.
import type {Parts} from '../compile/index.ts';
import {ways} from './ways.ts';

export class Compilation<Result> {
  readonly #parts: Parts<Result>;
  readonly #callsOfPart: number;
  #result: {readonly value: Result} | undefined;
  #error: {readonly error: unknown} | undefined;
  /** Turns of the event loop that there had been when it was last asked for. */
  #turns = 0;

  /** A part goes over so many calls, where it does not say otherwise. */
  constructor(parts: Parts<Result>, callsOfPart: number) {
    this.#parts = parts;
    this.#callsOfPart = Math.max(1, callsOfPart);
    this.#turns = queue.turns;
    queue.add(this as Compilation<unknown>);
  }

  get isDone(): boolean {
    return this.#result !== undefined || this.#error !== undefined;
  }

  /**
   * What it gives, once that is there. Where the event loop has not turned since it was last asked for, this
   * goes on with it.
   *
   * @throws what a part of it threw.
   */
  get result(): Result | undefined {
    if (!this.isDone && this.#turns === queue.turns) this.advance(ways.callsATrace);
    this.#turns = queue.turns;
    if (this.#error) throw this.#error.error;
    return this.#result?.value;
  }

  advance(calls: number): void {
    for (let done = 0; done < calls && !this.isDone; ) {
      try {
        const part = this.#parts.next();
        if (part.done) this.#result = {value: part.value};
        else done += part.value ?? this.#callsOfPart;
      } catch (error) {
        this.#error = {error};
      }
    }
  }

  /** Nobody asks for it any more. */
  stop(): void {
    if (!this.isDone) this.#error = {error: new Error('this compilation was stopped.')};
  }
}

/** Those of this thread that are not done: one goes on at each turn of the event loop. */
class Queue {
  readonly #waiting: Compilation<unknown>[] = [];
  turns = 0;
  #isAsked = false;
  /** Turns that there had been at the end of the last trace that ran as a plan. */
  #turnsAtEnd = 0;

  add(compilation: Compilation<unknown>): void {
    this.#waiting.push(compilation);
    this.#ask();
  }

  goOn(): void {
    const hasTurned = this.#turnsAtEnd !== this.turns;
    this.#turnsAtEnd = this.turns;
    if (!hasTurned) this.#first()?.advance(ways.callsATrace);
  }

  #first(): Compilation<unknown> | undefined {
    while (this.#waiting[0]?.isDone) this.#waiting.shift();
    return this.#waiting[0];
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isAsked = false;
    this.turns++;
    this.#first()?.advance(ways.callsATurn);
    if (this.#waiting.length > 0) this.#ask();
  }
}

const queue = new Queue();

/**
 * A trace that has a plan ends, and another may wait for one: where the event loop has not turned since the
 * last time, this goes on with that. A variant of a step that comes once in an epoch asks for it too seldom.
 */
export const goOnCompiling = (): void => queue.goOn();
