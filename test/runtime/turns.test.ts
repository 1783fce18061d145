// Short runs share the thread with the event loop, by a clock that the test winds.
import {expect, it} from 'vitest';
import {type Clock, Turns} from '../../lib/runtime/turns.ts';

class WoundClock implements Clock {
  ms = 0;
  readonly tasks: (() => void)[] = [];

  now(): number {
    return this.ms;
  }

  afterTurn(task: () => void): void {
    this.tasks.push(task);
  }

  /** The event loop has its turn: what was waiting for it runs, with all microtasks that follow. */
  async turn(): Promise<void> {
    for (const task of this.tasks.splice(0)) task();
    for (let hop = 0; hop < 200; hop++) await undefined;
  }
}

it('runs may begin until a turn is 4 ms old, and again in the next one', async () => {
  const clock = new WoundClock();
  const turns = new Turns(clock);
  clock.ms = 100;
  expect(turns.open).toBe(true);
  clock.ms += 3.9;
  expect(turns.open).toBe(true);
  clock.ms += 0.2;
  expect(turns.open).toBe(false);
  expect(clock.tasks).toHaveLength(1);
  await clock.turn();
  expect(turns.open).toBe(true);
});

it('a turn in which nothing runs asks for nothing', async () => {
  const clock = new WoundClock();
  const turns = new Turns(clock);
  expect(turns.open).toBe(true);
  await clock.turn();
  expect(clock.tasks).toHaveLength(0);
});

it('who waits is served in order, as many in a turn as fit, and no one overtakes', async () => {
  const clock = new WoundClock();
  const turns = new Turns(clock);
  const served: number[] = [];
  const run = async (name: number): Promise<void> => {
    await turns.next();
    served.push(name);
    clock.ms++;
  };
  const all = Array.from({length: 10}, (_, name) => run(name));
  expect(turns.open).toBe(false);
  await clock.turn();
  expect(served).toEqual([0, 1, 2, 3]);
  expect(turns.open).toBe(false);
  all.push(run(10));
  await clock.turn();
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await clock.turn();
  await Promise.all(all);
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await clock.turn();
  expect(turns.open).toBe(true);
});

it('two loops that await nothing else take turns', async () => {
  const clock = new WoundClock();
  const turns = new Turns(clock);
  const served: string[] = [];
  const loop = async (name: string): Promise<void> => {
    for (let count = 0; count < 6; count++) {
      if (!turns.open) await turns.next();
      served.push(name);
      clock.ms++;
    }
  };
  const both = Promise.all([loop('a'), loop('b')]);
  for (let count = 0; count < 4; count++) await clock.turn();
  await both;
  expect(served.slice(4).join('')).toMatch(/^(ab)+b*$|^(ba)+b*$/);
});
