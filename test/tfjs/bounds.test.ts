// Programs that could fill memory: ones whose traces are never the same, and ones that nothing ends. How many
// traces are remembered and how long one gets is bounded; the bits are those of the ops one by one.
import * as tf from '@tensorflow/tfjs-core';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {addon} from '../../lib/runtime/addon.ts';
import {pool} from '../../lib/runtime/pool.ts';
import {backendName} from '../../lib/tfjs/index.ts';
import {ways} from '../../lib/tfjs/ways.ts';
import {atOnce, counted} from './counts.ts';

const usual = {...ways};
const hashes = [
  ['a hash each', usual.hashBits],
  ['one hash for all', 0],
] as const;

/** One of a thousand traces, which differ in what ops they are. */
const variant = (index: number): number[] =>
  tf.tidy(() => {
    let x: tf.Tensor = tf.tensor1d([0.25, -0.5, 1 + index / 7]);
    for (let bit = 0; bit < 10; bit++) x = (index >> bit) & 1 ? tf.sin(x) : tf.tanh(x);
    return [...x.dataSync()];
  });

/** Applies a step again and again, and holds nothing but the last result. */
function repeated(first: tf.Tensor, times: number, step: (x: tf.Tensor, time: number) => tf.Tensor): Buffer {
  let x = first;
  for (let time = 0; time < times; time++) {
    const next = tf.tidy(() => step(x, time));
    x.dispose();
    x = next;
  }
  const {buffer, byteOffset, byteLength} = x.dataSync();
  x.dispose();
  return Buffer.from(buffer, byteOffset, byteLength);
}

const numbers = (): tf.Tensor => tf.tensor1d([0.5, -0.25, 2, 1e-3]);

describe('bounds', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => void Object.assign(ways, usual));

  test.each(hashes)('of the traces that are remembered, with %s', async (_, hashBits) => {
    Object.assign(ways, {hashBits});
    const [most, often] = [300, 1023];
    /** Each twice, and one trace between all others. */
    const runAll = (from: number): number[][] => {
      const results: number[][] = [];
      for (let at = 0; at < most; at++) {
        for (let time = 0; time < 2; time++) results.push(variant(from + at));
        variant(often);
      }
      return results;
    };
    const [first, counts] = await counted(() => runAll(0));
    // The one that comes again and again is not forgotten.
    expect(counts).toMatchObject({compiled: most + 1, asPlan: 2 * most - 1, opByOp: most + 1});
    const before = tf.memory();
    const {linked} = addon().counters();
    const {freeBytes} = pool;
    const [second] = await counted(() => runAll(most));
    expect(addon().counters().linked).toBeLessThanOrEqual(linked);
    expect(pool.freeBytes).toBe(freeBytes);
    expect(tf.memory()).toEqual(before);
    expect(await atOnce(() => [...runAll(0), ...runAll(most)])).toEqual([...first, ...second]);
    // The last are known, the first are forgotten.
    const [, last] = await counted(() => variant(2 * most - 1));
    expect(last).toMatchObject({asPlan: 1, opByOp: 0});
    const [again, forgotten] = await counted(() => variant(0));
    expect(forgotten).toMatchObject({asPlan: 0, opByOp: 1});
    expect(again).toEqual(first[0]);
  });

  test('of a loop that reads nothing: it ends where it begins anew', async () => {
    const loop = (): Buffer => repeated(numbers(), 1000, x => tf.tanh(tf.add(tf.mul(x, 1.5), 0.25)));
    const before = tf.memory();
    const [result, {compiled, asPlan, opByOp}] = await counted(loop);
    // 3,000 ops, 258 at a time.
    expect(asPlan + opByOp).toBe(12);
    expect(asPlan).toBeGreaterThan(2);
    expect(compiled).toBeLessThanOrEqual(2);
    expect(tf.memory()).toEqual(before);
    expect(await atOnce(loop)).toEqual(result);
  });

  test('of ops without end, of which the first does not come again', async () => {
    const chain = (): Buffer =>
      repeated(
        tf.tidy(() => tf.floor(numbers())),
        5000,
        (x, time) => (time % 2 ? tf.sin(x) : tf.sub(x, 1.5)),
      );
    Object.assign(ways, {callsATrace: 1e9});
    const before = tf.memory();
    // 4,096 ops, three times 256 and 136: the second time all are known.
    for (const [opByOp, asPlan, compiled] of [
      [3, 2, 1],
      [0, 5, 2],
      [0, 5, 0],
    ]) {
      const [result, counts] = await counted(chain);
      expect(counts).toMatchObject({opByOp, asPlan, compiled});
      expect(await atOnce(chain)).toEqual(result);
    }
    expect(tf.memory()).toEqual(before);
  });

  test('of bytes that are recorded', async () => {
    // Each result has 32 MB: a trace of 32 of them is one of a gigabyte.
    const chain = (): Buffer => repeated(tf.fill([2 ** 23], 0.5), 40, x => tf.neg(x));
    const [result, {asPlan, opByOp}] = await counted(chain);
    expect(asPlan + opByOp).toBe(2);
    expect(result.readFloatLE(4 * 12345)).toBe(0.5);
    // To compare numbers one by one takes a minute.
    expect((await atOnce(chain)).equals(result)).toBe(true);
  });
});
