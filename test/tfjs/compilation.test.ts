// A trace runs op by op until its plan is there, which is made in parts: at turns of the event loop, or at
// the ends of traces of a program that lets nothing else run.
import * as tf from '@tensorflow/tfjs-core';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {Compilation} from '../../lib/tfjs/compilation.ts';
import {backendName} from '../../lib/tfjs/index.ts';
import {ways} from '../../lib/tfjs/ways.ts';
import {atOnce, counted} from './counts.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const usual = {...ways};

/** A trace of so many ops, unlike all others. */
const chain = (ops: number, seed: number): number =>
  tf.tidy(() => {
    let x: tf.Tensor = tf.tensor([0.5, seed]);
    for (let op = 0; op < ops; op++) x = op % 2 ? tf.tanh(tf.add(x, 0.25)) : tf.mul(x, 1.5);
    return tf.sum(x).dataSync()[0] as number;
  });

describe('compilations', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => void Object.assign(ways, usual));

  test('go on where the event loop turns, while the trace runs op by op', async () => {
    Object.assign(ways, {callsATurn: 1, callsATrace: 1});
    const results: number[] = [];
    let turns = 0;
    const [, counts] = await counted(async () => {
      while (turns < 40) {
        const [, {asPlan}] = await counted(() => results.push(chain(150, 1)));
        if (asPlan > 0) break;
        await turn();
        turns++;
      }
    });
    // A pass each, and the nodes of the trace in parts: none of them waited for the others.
    expect(turns).toBeGreaterThan(6);
    expect(turns).toBeLessThan(40);
    expect(counts).toMatchObject({compiled: 1, asPlan: 1, opByOp: turns});
    const expected = await atOnce(() => chain(150, 1));
    expect(new Set(results)).toEqual(new Set([expected]));
  });

  test('go on at the ends of traces where nothing else runs', async () => {
    Object.assign(ways, {callsATurn: 1, callsATrace: 1});
    const [results, counts] = await counted(() => Array.from({length: 40}, () => chain(151, 2)));
    expect(counts.compiled).toBe(1);
    expect(counts.opByOp).toBeGreaterThan(6);
    expect(counts.asPlan).toBe(40 - counts.opByOp);
    expect(new Set(results).size).toBe(1);
  });

  test('of a trace that seldom comes go on at the ends of others', async () => {
    Object.assign(ways, {callsATurn: 1, callsATrace: 1});
    for (let time = 0; time < 20; time++) chain(30, 5);
    for (let time = 0; time < 2; time++) chain(153, 6);
    for (let time = 0; time < 20; time++) chain(30, 5);
    const [, counts] = await counted(() => chain(153, 6));
    expect(counts).toMatchObject({asPlan: 1, opByOp: 0});
  });

  test('of short traces take one go', async () => {
    const [, counts] = await counted(() => Array.from({length: 4}, () => chain(20, 3)));
    expect(counts).toMatchObject({compiled: 1, opByOp: 1, asPlan: 3});
  });

  test('that nobody waits for come to their end', async () => {
    Object.assign(ways, {callsATurn: 1, callsATrace: 1});
    const [, counts] = await counted(async () => {
      for (let time = 0; time < 2; time++) chain(152, 4);
      for (let turns = 0; turns < 40; turns++) await turn();
    });
    expect(counts.compiled).toBe(1);
  });

  test('tell who asks for them what went wrong, and can be stopped', async () => {
    const failing = new Compilation<number>(
      (function* () {
        yield;
        throw new Error('no plan');
      })(),
      1,
    );
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(failing.isDone).toBe(true);
    expect(() => failing.result).toThrow('no plan');
    let parts = 0;
    const endless = new Compilation<number>(
      (function* (): Generator<undefined, number, undefined> {
        for (;;) {
          parts++;
          yield;
        }
      })(),
      ways.callsATurn,
    );
    await turn();
    await turn();
    endless.stop();
    const before = parts;
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(before).toBeGreaterThan(0);
    expect(parts).toBe(before);
  });
});
