// Random choices, orders and gamma numbers by their moments; sums of segments, places among sorted numbers,
// and a choice of two branches exactly.
import {describe, expect, it} from 'vitest';
import {compile, gradients, ops, type RandomSource, setThreads, type Tensor} from '../../lib/index.ts';

const source = (stream = 3): RandomSource => ({
  seed: ops.constant(Int32Array.of(7, 1), [2], 'int32'),
  step: ops.constant(Int32Array.of(4), [1], 'int32'),
  stream,
});

type Value = {data: Float32Array; shape: number[]};
const valuesOf = (y: Tensor): number[] => {
  const run = compile({y});
  return Array.from((run.runSync({}) as unknown as {y: Value}).y.data);
};

const mean = (x: number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

describe('ops.randomCategorical', () => {
  it('draws classes by their probabilities, to the same bits on any threads', () => {
    const logits = ops.constant(Float32Array.of(0, Math.log(3), -1e9, Math.log(2), 0, 0), [2, 3]);
    setThreads(1);
    const drawn = valuesOf(ops.randomCategorical(source(), logits, 20_000));
    setThreads(2);
    expect(valuesOf(ops.randomCategorical(source(), logits, 20_000))).toEqual(drawn);
    const share = (row: number, label: number): number =>
      mean(drawn.slice(row * 20_000, (row + 1) * 20_000).map(value => Number(value === label)));
    for (const [row, wanted] of [
      [1 / 4, 3 / 4, 0],
      [2 / 4, 1 / 4, 1 / 4],
    ].entries()) {
      wanted.forEach((probability, label) => {
        expect(Math.abs(share(row, label) - probability)).toBeLessThan(0.015);
      });
    }
    expect(share(0, 2)).toBe(0);
  });

  it('says what is wrong', () => {
    expect(() => ops.randomCategorical(source(), ops.constant(1), 1)).toThrow(/an axis of classes/);
    expect(() => ops.randomCategorical(source(), ops.zeros([2]), 0)).toThrow(/count/);
  });
});

describe('ops.randomPermutation', () => {
  it('holds each number once, in another order for each stream', () => {
    const orders = [1, 2].map(stream => valuesOf(ops.randomPermutation(source(stream), 1000)));
    for (const order of orders) {
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({length: 1000}, (_, at) => at));
    }
    expect(orders[0]).not.toEqual(orders[1]);
    expect(Math.abs(mean((orders[0] as number[]).slice(0, 500)) - 499.5)).toBeLessThan(50);
    expect(() => ops.randomPermutation(source(), 0)).toThrow(/count/);
  });
});

describe('ops.randomGamma', () => {
  it.each([0.3, 1, 2.5, 40])('has mean and variance %d', alpha => {
    const drawn = valuesOf(ops.randomGamma(source(), [100, 301], alpha));
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    const center = mean(drawn);
    const spread = mean(drawn.map(x => (x - center) ** 2));
    const error = Math.sqrt(alpha / drawn.length);
    expect(Math.abs(center - alpha)).toBeLessThan(5 * error);
    // The variance of the variance is about (2 + 6 / alpha) · alpha² / n.
    expect(Math.abs(spread - alpha)).toBeLessThan(5 * alpha * Math.sqrt((2 + 6 / alpha) / drawn.length));
    if (alpha === 1) {
      // Exponential: the share above x is exp(-x).
      for (const x of [0.1, 1, 3])
        expect(Math.abs(mean(drawn.map(y => Number(y > x))) - Math.exp(-x))).toBeLessThan(0.015);
    }
  });

  it('takes an alpha for each number', () => {
    const alpha = ops.constant(Float32Array.of(0.5, 9), [2]);
    const drawn = valuesOf(ops.randomGamma(source(), [20_000, 2], alpha));
    expect(Math.abs(mean(drawn.filter((_, at) => at % 2 === 0)) - 0.5)).toBeLessThan(0.03);
    expect(Math.abs(mean(drawn.filter((_, at) => at % 2 === 1)) - 9)).toBeLessThan(0.15);
    expect(() => ops.randomGamma(source(), [2], -1)).toThrow(/alpha/);
  });
});

describe('ops.segmentSum', () => {
  it('sums rows by their segments, with gradients', () => {
    const x = ops.input({name: 'x', shape: [5, 2]});
    const ids = ops.input({name: 'ids', shape: [5], dtype: 'int32'});
    const y = ops.segmentSum(x, ids, 4);
    const [dx] = gradients(ops.sum(ops.mul(y, y)), [x]) as [Tensor];
    const run = compile({y, dx});
    const given = {
      x: Float32Array.from({length: 10}, (_, at) => at),
      ids: Int32Array.of(3, 0, 3, 1, 0),
    };
    const found = run.runSync(given) as unknown as Record<'y' | 'dx', Value>;
    expect([...found.y.data]).toEqual([10, 12, 6, 7, 0, 0, 4, 6]);
    expect([...found.dx.data]).toEqual([8, 12, 20, 24, 8, 12, 12, 14, 20, 24]);
    expect(() => run.runSync({...given, ids: Int32Array.of(0, 1, 2, 4, 0)})).toThrow(
      /index 4 is outside 0 to 3/,
    );
    expect(() => ops.segmentSum(x, ops.zeros([3]), 2)).toThrow(
      /a segment for each\. Received \[5,2\] and \[3\]/,
    );
    expect(() => ops.segmentSum(x, ids, 0)).toThrow(/numSegments/);
  });
});

describe('ops.searchSorted', () => {
  it.each([0, 1, 2, 7, 8, 100])('finds places among %d numbers', count => {
    const sorted = Float32Array.from({length: count}, (_, at) => Math.floor(at / 3) * 2);
    const values = Float32Array.from({length: 40}, (_, at) => at - 3 + (at % 4) / 4);
    for (const side of ['left', 'right'] as const) {
      const list = ops.constant(sorted, [count]);
      const found = valuesOf(ops.searchSorted(list, ops.constant(values, [4, 10]), side));
      const wanted = Array.from(values, value => {
        return sorted.filter(own => (side === 'left' ? own < value : own <= value)).length;
      });
      expect(found).toEqual(wanted);
    }
  });

  it('looks each row of values up in its own list', () => {
    const lists = ops.constant(Float32Array.of(0, 2, 4, 6, 6, 6, -1, 0, 9), [3, 3]);
    const values = ops.constant(Float32Array.of(3, 7, 6, 0, 0, 8), [3, 2]);
    expect(valuesOf(ops.searchSorted(lists, values))).toEqual([2, 3, 0, 0, 1, 2]);
    expect(valuesOf(ops.searchSorted(lists, values, 'right'))).toEqual([2, 3, 3, 0, 2, 2]);
    expect(ops.searchSorted(ops.zeros([2, 3, 7]), ops.zeros([2, 3, 5])).shape).toEqual([2, 3, 5]);
  });

  it('says what is wrong', () => {
    for (const shape of [[], [2, 2]]) {
      expect(() => ops.searchSorted(ops.zeros(shape), ops.zeros([3, 4]))).toThrow(/a list of sorted numbers/);
    }
    expect(() => ops.searchSorted(ops.zeros([2]), ops.zeros([1]), 'middle' as never)).toThrow(/side/);
  });
});

describe('ops.cond', () => {
  it('gives what one of two branches makes, and gradients to that alone', () => {
    const x = ops.input({name: 'x', shape: [2]});
    const predicate = ops.greater(ops.sum(x), 0);
    const [y, z] = ops.cond(
      predicate,
      () => [ops.mul(x, 2), ops.square(x)],
      () => [ops.neg(x), x],
    ) as [Tensor, Tensor];
    const [dx] = gradients(ops.sum(ops.add(y, z)), [x]) as [Tensor];
    const run = compile({y, z, dx});
    const found = (...given: number[]) =>
      run.runSync({x: Float32Array.from(given)}) as unknown as Record<'y' | 'z' | 'dx', Value>;
    expect([...found(1, 3).y.data, ...found(1, 3).z.data, ...found(1, 3).dx.data]).toEqual([
      2, 6, 1, 9, 4, 8,
    ]);
    const other = found(-1, -3);
    expect([...other.y.data, ...other.z.data, ...other.dx.data]).toEqual([1, 3, -1, -3, 0, 0]);
    expect(() =>
      ops.cond(
        x,
        () => x,
        () => x,
      ),
    ).toThrow(/the predicate must be bool/);
    expect(() =>
      ops.cond(
        predicate,
        () => x,
        () => ops.sum(x),
      ),
    ).toThrow(/both branches must give the same/);
  });
});
