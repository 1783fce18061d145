// Runs that are only started: made in their order while JavaScript goes on, waited for where they are asked.
import {describe, expect, test} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {addon} from '../../lib/runtime/addon.ts';
import type {PendingRun} from '../../lib/runtime/linked.ts';
import {LinkedGraph} from '../../lib/session/eager/linked-graph.ts';

const side = 192;
const matrix = (name: string): Tensor => ops.input({name, shape: [side, side]});

/** x·w: worth being handed over. */
function product(): LinkedGraph {
  const [x, w] = [matrix('x'), matrix('w')];
  return new LinkedGraph([ops.matmul(x, w)], [x, w]);
}

const numbers = (seed: number): Float32Array =>
  Float32Array.from({length: side * side}, (_, at) => (((at + seed) * 7919) % 13) / 64);

/** The bits of an array: to compare numbers one by one takes seconds. */
const bitsOf = ({buffer, byteOffset, byteLength}: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

function start(graph: LinkedGraph, leaves: readonly Float32Array[], result: Float32Array): PendingRun {
  const begun = graph.start(
    leaves.map(place => ({place})),
    () => result,
  );
  if (typeof begun !== 'object') throw new Error(`made at once: ${begun}`);
  return begun;
}

describe('pending runs', () => {
  test('are made in their order: one reads what the one before it writes', async () => {
    const graph = product();
    const [x, w] = [numbers(1), numbers(2)];
    const results = Array.from({length: 4}, () => new Float32Array(side * side));
    const runs = results.map((result, at) =>
      start(graph, [at === 0 ? x : (results[at - 1] as Float32Array), w], result),
    );
    await runs[3]?.ended;
    for (const run of runs) expect(run.finish()).toBeUndefined();
    const again = results.map(() => new Float32Array(side * side));
    for (const [at, result] of again.entries()) {
      start(graph, [at === 0 ? x : (again[at - 1] as Float32Array), w], result).finish();
    }
    expect(again.map(bitsOf)).toEqual(results.map(bitsOf));
    expect(addon().counters().jobs).toBe(0);
    graph.unlink();
  });

  test('give the same numbers, whoever joins them', async () => {
    const graph = product();
    const leaves = [numbers(1), numbers(2)];
    const expected = new Float32Array(side * side);
    start(graph, leaves, expected).finish();
    for (let round = 0; round < 60; round++) {
      const result = new Float32Array(side * side);
      const run = start(graph, leaves, result);
      // Who waits joins; where nobody does, another thread may.
      if (round % 3 > 0) void run.ended;
      if (round % 3 === 2) await run.ended;
      expect(run.finish()).toBeUndefined();
      expect(bitsOf(result)).toBe(bitsOf(expected));
    }
    graph.unlink();
  });

  test('can be finished before they are awaited, more than once, and in any order', async () => {
    const graph = product();
    const leaves = [numbers(1), numbers(2)];
    const [first, second] = [0, 1].map(() => start(graph, leaves, new Float32Array(side * side))) as [
      PendingRun,
      PendingRun,
    ];
    const ended = second.ended;
    expect(second.finish()).toBeUndefined();
    expect(second.finish()).toBeUndefined();
    expect(first.finish()).toBeUndefined();
    await Promise.all([ended, first.ended, second.ended]);
    graph.unlink();
  });

  test('tell of a guard that failed', () => {
    const [table, rows] = [matrix('table'), ops.input({name: 'rows', shape: [side], dtype: 'int32'})];
    const graph = new LinkedGraph([ops.matmul(ops.gather(table, rows), table)], [table, rows]);
    const places = [numbers(1), Int32Array.from({length: side}, (_, row) => (row === 5 ? side : row))];
    const begun = graph.start(
      places.map(place => ({place})),
      () => new Float32Array(side * side),
    );
    expect((begun as PendingRun).finish()).toMatchObject({value: side});
    graph.unlink();
  });

  test('are waited for by who frees their program', () => {
    const graph = product();
    const [x, w] = [numbers(1), numbers(2)];
    const [result, expected] = [new Float32Array(side * side), new Float32Array(side * side)];
    start(graph, [x, w], expected).finish();
    const run = start(graph, [x, w], result);
    graph.unlink();
    expect(bitsOf(result)).toBe(bitsOf(expected));
    expect(run.finish()).toBeUndefined();
  });

  test('are refused for a number that is none, and for arrays that overlap or are too short', () => {
    const native = addon();
    for (const number of [99, -1, 2 ** 31, Number.NaN]) {
      expect(() => native.finishLinked(number)).toThrow('expected the number of a run that was started');
      expect(() => native.awaitLinked(number)).toThrow('expected the number of a run that was started');
    }
    expect(() => native.startLinked(12_345_678)).toThrow('expected the number of a linked program');
    const graph = product();
    const x = numbers(1);
    expect(() => start(graph, [x, x], x)).toThrow(/io slot \d overlaps io slot \d/);
    expect(() => start(graph, [x, x], new Float32Array(5))).toThrow('too short');
    graph.unlink();
  });

  test('of many arrays are refused where one that is written overlaps another', () => {
    const leaves = Array.from({length: 12}, (_, at) => ops.input({name: `x${at}`, shape: [4]}));
    const graph = new LinkedGraph(
      leaves.map(leaf => ops.neg(leaf)),
      leaves,
    );
    const run = (arrays: readonly Float32Array[]): unknown =>
      graph.start(
        arrays.slice(0, 12).map(place => ({place})),
        output => arrays[12 + output] as Float32Array,
      );
    const memory = new Float32Array(4 * 24).fill(1);
    const apart = Array.from({length: 24}, (_, at) => memory.subarray(4 * at, 4 * at + 4));
    expect(run(apart)).toBeUndefined();
    expect(memory.subarray(48)).toEqual(new Float32Array(48).fill(-1));
    const same = apart.map((array, at) => (at === 3 ? (apart[4] as Float32Array) : array));
    expect(run(same)).toBeUndefined();
    for (const [at, start] of [
      [20, 4 * 2 + 1],
      [20, 4 * 21 - 1],
      [23, 0],
    ] as const) {
      const overlapping = apart.map((array, index) =>
        index === at ? memory.subarray(start, start + 4) : array,
      );
      expect(() => run(overlapping), `${at} at ${start}`).toThrow(/overlaps/);
    }
    graph.unlink();
  });
});
