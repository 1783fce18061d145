import {describe, expect, it} from 'vitest';
import {emit} from '../../lib/compile/emit.ts';
import {printPlan} from '../../lib/compile/listing.ts';
import {liveRangesOf} from '../../lib/compile/live-ranges.ts';
import {type Place, planMemory} from '../../lib/compile/memory.ts';
import type {Value} from '../../lib/compile/steps.ts';
import {checkMemory} from './checker.ts';
import {twoLevelSchedule} from './two-level.ts';

describe('a loop in a loop', () => {
  it('keeps what is carried, strided or made outside for as long as the loop runs', () => {
    const schedule = twoLevelSchedule();
    const ranges = liveRangesOf(schedule);
    const spans = ranges.values.flatMap(value =>
      value.home.space === 'arena'
        ? [`${value.name} ${ranges.rangeOf(value).start}-${ranges.rangeOf(value).end}`]
        : [],
    );
    expect(spans.sort()).toMatchInlineSnapshot(`
      [
        "all 1-8",
        "both 0-8",
        "half 3-6",
        "history 2-10",
      ]
    `);
  });

  it.each([true, false])('gets memory that holds what each iteration expects; in place: %s', inPlace => {
    const schedule = twoLevelSchedule();
    expect(() => checkMemory(schedule, planMemory(schedule, inPlace))).not.toThrow();
  });

  it('prints with its iterations', () => {
    const schedule = twoLevelSchedule();
    const plan = emit(schedule, planMemory(schedule));
    expect(printPlan(plan)).toMatchInlineSnapshot(`
      "state 0 bytes, arena 1152 bytes, constants 0 bytes
      io[0]  input   x      f32[12,16]
      io[1]  output  y      f32[3,16]   each step
      io[2]  output  total  f32[16]     each step
      compute
        0  h arena+960 f32[16] = map() {%0 = broadcastTo(0)}  in scan
        1  all arena+0 f32[12,16] = copy(x io[0] f32[12,16])  in scan
           3 times
        2    half arena+1088 f32[16] = map(h arena+960 f32[16]) {%0 = mul(i0, 0.5)}  in scan
             4 times
        3      next arena+1024 f32[16] = map(h arena+960 f32[16], x[t] arena+0 f32[16],
                   half arena+1088 f32[16]) {%0 = add(i0, i1); %0 = add(%0, i2); %0 = tanh(%0)}  in scan
        4    history[i] arena+768 f32[16] = copy(h arena+960 f32[16])  in scan
        5  y io[1] f32[3,16] = copy(history arena+768 f32[3,16])  in scan
        6  total io[2] f32[16] = sum(history arena+768 f32[3,16]) {axis: 0}  in scan"
    `);
    expect(plan.instructions.map(({depth}) => depth)).toEqual([0, 0, 1, 2, 1, 0, 0]);
  });

  it('would be caught by the checker if a value gave its memory away before the last iteration', () => {
    const schedule = twoLevelSchedule();
    const memory = planMemory(schedule);
    const h = liveRangesOf(schedule).values.find(({name}) => name === 'h') as Value;
    const placeOf = (value: Value): Place => memory.placeOf(value.name === 'half' ? h : value);
    expect(() => checkMemory(schedule, {...memory, placeOf})).toThrow('h is read at');
  });
});
