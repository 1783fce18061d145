// Schedules at their edges; along the way they follow recorded PyTorch runs.
import {describe, expect, it} from 'vitest';
import {schedules} from '../../lib/index.ts';

const {cosineDecay, cosineDecayRestarts, inverseTimeDecay, oneCycle, polynomialDecay, stepDecay} = schedules;

function expectRates(schedule: (step: number) => number, expected: Record<number, number>): void {
  for (const [step, rate] of Object.entries(expected)) {
    expect(schedule(Number(step)), `step ${step}`).toBeCloseTo(rate, 12);
  }
}

describe('schedules', () => {
  it('step down', () => {
    const schedule = stepDecay({initialLearningRate: 0.8, decaySteps: 10, decayRate: 0.5});
    expectRates(schedule, {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2, 1000: 0.8 * 0.5 ** 100});
  });

  it('fall as one over time, smoothly or in stairs', () => {
    const options = {initialLearningRate: 0.6, decaySteps: 4, decayRate: 0.5};
    expectRates(inverseTimeDecay(options), {0: 0.6, 2: 0.6 / 1.25, 4: 0.4, 8: 0.3});
    expectRates(inverseTimeDecay({...options, staircase: true}), {0: 0.6, 3: 0.6, 4: 0.4, 7: 0.4, 8: 0.3});
  });

  it('warm up in a line, fall along a cosine, and stay', () => {
    const schedule = cosineDecay({
      initialLearningRate: 0.1,
      warmupTarget: 0.5,
      warmupSteps: 4,
      decaySteps: 10,
      alpha: 0.2,
    });
    expectRates(schedule, {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.5, 9: 0.3, 14: 0.1, 15: 0.1, 999: 0.1});
  });

  it('without a warm-up fall from a target at once', () => {
    const options = {initialLearningRate: 0.1, decaySteps: 10};
    expectRates(cosineDecay({...options, warmupTarget: 0.4, warmupSteps: 0}), {0: 0.4, 5: 0.2, 10: 0});
    expectRates(cosineDecay(options), {0: 0.1, 5: 0.05, 10: 0, 11: 0});
  });

  it('restart in longer and lower periods', () => {
    const schedule = cosineDecayRestarts({
      initialLearningRate: 1,
      firstDecaySteps: 4,
      tMul: 2,
      mMul: 0.5,
      alpha: 0.1,
    });
    const middle = (height: number): number => 0.9 * height * 0.5 + 0.1;
    const starts = {0: 1, 4: 0.9 * 0.5 + 0.1, 12: 0.9 * 0.25 + 0.1, 28: 0.9 * 0.125 + 0.1};
    expectRates(schedule, {...starts, 2: middle(1), 8: middle(0.5), 20: middle(0.25)});
  });

  it('are on the right side of each restart, however far, and as near to equal periods as may be', () => {
    for (const [firstDecaySteps, tMul] of [
      [16, 1.5],
      [10, 2],
      [7, 3],
    ] as const) {
      const schedule = cosineDecayRestarts({initialLearningRate: 1, firstDecaySteps, tMul});
      let [start, length] = [0, firstDecaySteps as number];
      for (; start < 1e9 && Number.isInteger(start + length); length *= tMul) {
        expect(schedule(start)).toBe(1);
        start += length;
        expect(schedule(start - 1)).toBeLessThan(0.06);
      }
    }
    const slow = cosineDecayRestarts({initialLearningRate: 1, firstDecaySteps: 4, tMul: 1 + 2 ** -50});
    expectRates(slow, {0: 1, 2: 0.5, 4: 1, 6: 0.5, 4000: 1});
    const far = cosineDecayRestarts({initialLearningRate: 1, firstDecaySteps: 1, tMul: 1.01})(2 ** 53 - 1);
    expect(Math.abs(far - 0.5)).toBeLessThanOrEqual(0.5);
  });

  it('or in equal ones', () => {
    const schedule = cosineDecayRestarts({initialLearningRate: 1, firstDecaySteps: 6, tMul: 1});
    expectRates(schedule, {0: 1, 3: 0.5, 6: 1, 9: 0.5, 600000: 1, 600003: 0.5});
  });

  it('go up and down in one cycle, and stay at its end', () => {
    const schedule = oneCycle({
      maxLearningRate: 1,
      totalSteps: 21,
      warmupShare: 6 / 21,
      divFactor: 10,
      finalDivFactor: 100,
    });
    expectRates(schedule, {0: 0.1, 5: 1, 20: 0.001, 21: 0.001, 1000: 0.001});
    expect(schedule(12)).toBeGreaterThan(schedule(13));
  });

  it('cycle down a polynomial', () => {
    const options = {initialLearningRate: 1, decaySteps: 10, endLearningRate: 0.2, power: 2};
    expectRates(polynomialDecay(options), {0: 1, 5: 0.4, 10: 0.2, 15: 0.2});
    const cycling = polynomialDecay({...options, cycle: true});
    expectRates(cycling, {0: 1, 5: 0.4, 10: 0.2, 15: 0.8 * 0.25 ** 2 + 0.2, 20: 0.2, 25: 0.8 / 36 + 0.2});
  });
});
