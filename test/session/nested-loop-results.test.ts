import {describe, expect, it} from 'vitest';
import {emit} from '../../lib/compile/emit.ts';
import {planMemory} from '../../lib/compile/memory.ts';
import {Program} from '../../lib/runtime/program.ts';
import {twoLevelResult, twoLevelSchedule} from '../compile/two-level.ts';

const x = Float32Array.from({length: 12 * 16}, (_, index) => Math.sin(index) / 2);
const expected = twoLevelResult(x);

describe.each([true, false])('a loop in a loop, in place: %s', inPlace => {
  const schedule = twoLevelSchedule();
  const program = new Program(emit(schedule, planMemory(schedule, inPlace)));

  const near = (actual: Float32Array, wanted: readonly number[]): void => {
    expect(actual).toHaveLength(wanted.length);
    actual.forEach((value, index) => {
      expect(Math.abs(value - (wanted[index] as number))).toBeLessThan(1e-5);
    });
  };

  it('computes what it says, in every step', async () => {
    const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));
    const [y, total] = [shared(2 * 48), shared(2 * 16)];
    expect(await program.run(undefined, {x, y, total}, {steps: 2})).toMatchObject({steps: 2, end: 'done'});
    for (const step of [0, 1]) {
      near(y.subarray(48 * step, 48 * (step + 1)), expected.y);
      near(total.subarray(16 * step, 16 * (step + 1)), expected.total);
    }
  });

  it('does so on the calling thread', () => {
    const [y, total] = [new Float32Array(48), new Float32Array(16)];
    program.runSync(undefined, {x, y, total});
    near(y, expected.y);
    near(total, expected.total);
  });
});
