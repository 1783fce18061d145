// The table of dtypes in both languages, and what arrays of each are read and written as.
import {describe, expect, it} from 'vitest';
import {arrayOf, type DType, dtypes, numbersOf, type TypedArray} from '../../lib/core/dtype.ts';
import {fitsType} from '../../lib/core/numbers.ts';
import {input} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {nativeDtypes} from '../../lib/runtime/program.ts';
import {compile} from '../../lib/session/function.ts';

const names = Object.keys(dtypes) as DType[];

describe('the table of dtypes', () => {
  it('is that of native code', () => {
    const rows = names.map(name => [name, dtypes[name]] as const);
    expect(rows.map(([, {code}]) => code)).toEqual(rows.map((_, index) => index));
    expect(rows.map(([name, {short, bytes, computed}]) => ({name, short, bytes, computed}))).toEqual(
      nativeDtypes(),
    );
  });

  it.each(names)('has an array for %s that holds its numbers', name => {
    const numbers = name === 'bool' ? [0, 1, 1] : [0, 1, 200];
    const array = arrayOf(numbers, name);
    expect(array.BYTES_PER_ELEMENT).toBe(dtypes[name].bytes);
    expect(dtypes[name].isArray(array)).toBe(true);
    expect(Array.from(numbersOf(array, name))).toEqual(numbers);
  });

  it('knows what fits', () => {
    const fitting = (dtype: DType, numbers: number[]): number[] => numbers.filter(x => fitsType(x, dtype));
    expect(fitting('int64', [2 ** 31 - 1, 2 ** 31, 0.5, -(2 ** 31)])).toEqual([2 ** 31 - 1, -(2 ** 31)]);
    expect(fitting('float16', [65_519, 65_520, 0.1, Infinity])).toEqual([65_519, 0.1, Infinity]);
    expect(fitting('bfloat16', [1e38, 3.4e38])).toEqual([1e38]);
  });
});

describe('arrays of a run', () => {
  const convert = (from: DType, to: DType, array: TypedArray | BigInt64Array): unknown => {
    const x = input({name: 'x', shape: [array.length], dtype: from});
    const {data} = compile(ops.add(ops.cast(x, to), 1)).runSync({x: array});
    return data;
  };

  it('may store what is computed as float32 or int32', () => {
    expect(convert('float16', 'float32', Uint16Array.of(0x3c00, 0xc000))).toEqual(Float32Array.of(2, -1));
    expect(convert('bfloat16', 'float32', Uint16Array.of(0x3f80))).toEqual(Float32Array.of(2));
    expect(convert('uint8', 'int32', Uint8Array.of(255))).toEqual(Int32Array.of(256));
    const large = 2 ** 24 + 1;
    expect(convert('int64', 'int32', BigInt64Array.of(BigInt(large)))).toEqual(Int32Array.of(large + 1));
  });

  it('of int64 hold what fits int32', () => {
    expect(() => convert('int64', 'int32', BigInt64Array.of(1n, 2n ** 31n))).toThrow(
      /input "x": 2147483648 at position 1 does not fit int32/,
    );
  });

  it('come back as they are stored', () => {
    const x = input({name: 'x', shape: [3]});
    const run = (dtype: DType): unknown =>
      compile(ops.cast(ops.mul(x, 2), dtype)).runSync({x: Float32Array.of(0.5, -1, 3e9)}).data;
    expect(run('int64')).toEqual(BigInt64Array.of(1n, -2n, 2n ** 31n - 1n));
    expect(run('float64')).toEqual(Float64Array.of(1, -2, 6e9));
    expect(Array.from(numbersOf(run('float16') as TypedArray, 'float16'))).toEqual([1, -2, Infinity]);
  });
});
