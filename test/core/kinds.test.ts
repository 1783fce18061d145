// What things are is decided by their nature: values of another realm count as they would here.
import vm from 'node:vm';
import {describe, expect, it} from 'vitest';
import {dtypeOfArray} from '../../lib/core/dtype.ts';
import {
  isClass,
  isDetached,
  isError,
  isPlainObject,
  isRecord,
  isResizable,
  isShaped,
  isSharedMemory,
  isUrl,
} from '../../lib/core/kinds.ts';
import {toRows} from '../../lib/data/arrays.ts';

const foreign = (code: string): unknown => vm.runInNewContext(code);

describe.each<[string, (code: string) => unknown]>([
  ['this realm', code => vm.runInThisContext(code)],
  ['another realm', foreign],
])('in %s', (_, run) => {
  it.each([
    ['({})', true],
    ['Object.create(null)', true],
    ['new (class {})()', false],
    ['Object.create(Object.create(null))', false],
    ['[]', false],
    ['new Map()', false],
    ['null', false],
    ['1', false],
  ])('%s is a plain object: %s', (code, expected) => {
    expect(isPlainObject(run(code))).toBe(expected);
  });

  it.each([
    ['new Float32Array(1)', 'float32'],
    ['new Int32Array(1)', 'int32'],
    ['new Uint8Array(1)', 'uint8'],
    ['new (class extends Uint8Array {})(1)', 'uint8'],
    ['new Float64Array(1)', 'float64'],
    ['new Uint8ClampedArray(1)', undefined],
    ['new DataView(new ArrayBuffer(1))', undefined],
    ['[1]', undefined],
  ])('%s has the elements %s', (code, expected) => {
    expect(dtypeOfArray(run(code))).toBe(expected);
  });

  it('knows memory, errors, classes and tables', () => {
    expect(isSharedMemory(run('new SharedArrayBuffer(1)'))).toBe(true);
    expect(isSharedMemory(run('new ArrayBuffer(1)'))).toBe(false);
    expect(isResizable(run('new ArrayBuffer(1, {maxByteLength: 2})') as ArrayBuffer)).toBe(true);
    expect(isResizable(run('new ArrayBuffer(1)') as ArrayBuffer)).toBe(false);
    expect(isError(run('new TypeError("no")'))).toBe(true);
    expect(isError(run('({message: "no"})'))).toBe(false);
    expect(isClass(run('(class {})'))).toBe(true);
    expect(isClass(run('(() => {})'))).toBe(false);
    expect(isRecord(run('({a: [1]})'))).toBe(true);
    expect(isRecord(run('({data: [1], shape: [1]})'))).toBe(false);
    expect(isShaped(run('({data: [1], shape: [1]})'))).toBe(true);
    expect(isRecord(run('new Float32Array(1)'))).toBe(false);
    expect(isRecord(run('(async function* () {})()'))).toBe(false);
  });
});

it('tells a transferred array from an empty one', () => {
  const array = new Float32Array(2);
  expect(isDetached(array)).toBe(false);
  structuredClone(array, {transfer: [array.buffer]});
  expect(isDetached(array)).toBe(true);
  expect(isDetached(new Float32Array(0))).toBe(false);
});

it('knows a URL', () => {
  expect(isUrl(new URL('file:///a'))).toBe(true);
  expect(isUrl('file:///a')).toBe(false);
});

it('reads rows of arrays that another realm made', () => {
  const rules = {what: 'rows', rowShape: [2]};
  const typed = toRows(foreign('({data: Float32Array.of(1, 2, 3, 4), shape: [2, 2]})') as never, rules);
  expect(typed).toMatchObject({dtype: 'float32', count: 2});
  expect([...toRows(foreign('[[1, 2], [3, 4]]') as never, rules).data]).toEqual([1, 2, 3, 4]);
});
