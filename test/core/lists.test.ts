import {describe, expect, expectTypeOf, it} from 'vitest';
import {at, zip} from '../../lib/core/lists.ts';

describe('at', () => {
  it('counts from either end, and refuses what is not there', () => {
    expect([at(['a', 'b', 'c'], 0), at(['a', 'b', 'c'], 2), at(['a', 'b', 'c'], -3)]).toEqual([
      'a',
      'c',
      'a',
    ]);
    expect(at([undefined], 0)).toBeUndefined();
    for (const position of [1, -2])
      expect(() => at([7], position)).toThrow(`no element ${position} in a list of 1`);
    expect(() => at([], -1)).toThrow('no element -1 in a list of 0');
  });
});

describe('zip', () => {
  it('goes as far as the first list, and refuses shorter ones', () => {
    const rows = zip([1, 2], ['a', 'b', 'c'], [true, undefined]);
    expectTypeOf(rows).toEqualTypeOf<[number, string, boolean | undefined][]>();
    expect(rows).toEqual([
      [1, 'a', true],
      [2, 'b', undefined],
    ]);
    expect(zip([], [1])).toEqual([]);
    expect(() => zip([1, 2], [1])).toThrow('no element 1 in a list of 1');
  });
});
