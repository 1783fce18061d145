import {describe, expect, it} from 'vitest';
import type {IoSlot} from '../../lib/plan.ts';
import {type InputValue, toTypedArray} from '../../lib/session/inputs.ts';

const slot = (shape: number[], dtype: IoSlot['dtype'] = 'float32'): IoSlot => ({
  name: 'x',
  shape,
  dtype,
  output: false,
  perStep: false,
});

describe('inputs', () => {
  it('are used where they lie when they are of the right type', () => {
    const data = Float32Array.of(1, 2);
    expect(toTypedArray(slot([2]), data)).toBe(data);
    expect(toTypedArray(slot([2]), {data, shape: [2]})).toBe(data);
  });

  it.each<[string, IoSlot, InputValue, ArrayLike<number>]>([
    ['a number', slot([]), 3, Float32Array.of(3)],
    [
      'nested arrays',
      slot([2, 2]),
      [
        [1, 2],
        [3, 4],
      ],
      Float32Array.of(1, 2, 3, 4),
    ],
    ['any number of rows', slot([-1, 1], 'int32'), [[1], [2], [3]], Int32Array.of(1, 2, 3)],
    ['another typed array', slot([2], 'int32'), Float64Array.of(1, 2), Int32Array.of(1, 2)],
    ['booleans', slot([2], 'bool'), [1, 0], Uint8Array.of(1, 0)],
    ['nothing', slot([0, 2]), [], new Float32Array(0)],
  ])('are made from %s', (_, into, value, result) => {
    expect(toTypedArray(into, value)).toEqual(result);
  });

  it.each<[string, IoSlot, unknown, string, string]>([
    ['a short array', slot([3]), new Float32Array(2), 'ERR_SHAPE', 'x takes [3]. Received 2 values.'],
    ['half a row', slot([-1, 2]), new Float32Array(3), 'ERR_SHAPE', 'whole rows of [2]. Received 3 values.'],
    ['a ragged array', slot([2, 2]), [[1, 2], [3]], 'ERR_SHAPE', 'x[1]: expected 2 elements. Received 1.'],
    ['a flat array', slot([2, 2]), [1, 2, 3, 4], 'ERR_SHAPE', 'x: expected 2 elements. Received 4.'],
    ['a deeper array', slot([1]), [[1]], 'ERR_SHAPE', 'x[0]: expected a number. Received an array.'],
    ['words', slot([1]), ['one'], 'ERR_DTYPE', 'x[0]: expected a number. Received "one".'],
    ['a number for many', slot([2]), 1, 'ERR_SHAPE', 'x takes [2]. Received 1 values.'],
    ['half a label', slot([1], 'int32'), [2.5], 'ERR_VALUE', 'x[0]: 2.5 is no int32.'],
    ['a large byte', slot([1], 'uint8'), Int32Array.of(256), 'ERR_VALUE', 'x[0]: 256 is no uint8.'],
    [
      'another shape',
      slot([2, 1]),
      {data: new Float32Array(2), shape: [1, 2]},
      'ERR_SHAPE',
      'x is [2,1]. Received [1,2].',
    ],
  ])('refuse %s', (_, into, value, code, message) => {
    let error: unknown;
    try {
      toTypedArray(into, value as InputValue);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({code, message: expect.stringContaining(message)});
  });
});
