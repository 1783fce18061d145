// The eager door: one op on arrays that are there.
import {closeSync, existsSync, openSync, readSync} from 'node:fs';
import {release} from 'node:os';
import {afterEach, describe, expect, it} from 'vitest';
import {callWords, kernelOf} from '../../lib/compile/one-call.ts';
import type {DType} from '../../lib/core/dtype.ts';
import {parseSignature} from '../../lib/core/signature.ts';
import {addon} from '../../lib/runtime/addon.ts';
import {Pool, pool} from '../../lib/runtime/pool.ts';
import {getThreads, setThreads} from '../../lib/runtime/program.ts';
import {applyNow} from '../../lib/session/eager/apply-now.ts';
import {EagerArray} from '../../lib/session/eager/array.ts';
import {callOf} from '../../lib/session/eager/link.ts';
import {Links} from '../../lib/session/eager/links.ts';
import {opOf} from '../conformance/build.ts';

const threads = getThreads();
afterEach(() => setThreads(threads));

const f32 = (data: readonly number[], shape: readonly number[] = [data.length]): EagerArray =>
  EagerArray.of(Float32Array.from(data), {shape, dtype: 'float32'});
const product = {
  transposeA: false,
  transposeB: false,
  bfloat16: false,
  bias: false,
  map: null,
  guarded: false,
};
const numbers = ([result]: readonly EagerArray[]): number[] => [...(result?.read() ?? [])];

describe('applyNow', () => {
  it('computes an op, by itself or by its name', () => {
    const [a, b] = [f32([1, 2, 3, 4], [2, 2]), f32([5, 6, 7, 8], [2, 2])];
    expect(numbers(applyNow('matmul', [a, b], product))).toEqual([19, 22, 43, 50]);
    expect(numbers(applyNow(opOf('add'), [a, f32([1])]))).toEqual([2, 3, 4, 5]);
    const [less] = applyNow('less', [a, b]) as [EagerArray];
    expect(less.dtype).toBe('bool');
    expect(less.read()).toEqual(Uint8Array.of(1, 1, 1, 1));
  });

  it('takes results as operands, and one array as several', () => {
    const a = f32([1, 2]);
    const [sum] = applyNow('add', [a, a]) as [EagerArray];
    expect(numbers(applyNow('mul', [sum, sum]))).toEqual([4, 16]);
  });

  it('takes any number of operands', () => {
    const parts = Array.from({length: 40}, (_, index) => f32([index], [1, 1]));
    const joined = applyNow('concatenate', parts, {axis: 0});
    expect(numbers(joined)).toEqual(Array.from({length: 40}, (_, index) => index));
  });

  it('promotes operands, and gives back what it made for it', () => {
    const whole = EagerArray.of(Int32Array.of(3, -4), {shape: [2], dtype: 'int32'});
    const flags = EagerArray.of(Uint8Array.of(1, 0), {shape: [2], dtype: 'bool'});
    const [sum] = applyNow('add', [whole, f32([0.5, 1])]) as [EagerArray];
    expect([sum.dtype, ...sum.read()]).toEqual(['float32', 3.5, -3]);
    const [count] = applyNow('add', [flags, whole]) as [EagerArray];
    expect([count.dtype, ...count.read()]).toEqual(['int32', 4, -4]);
    const rows = whole.as({shape: [1, 2], dtype: 'int32'});
    expect(numbers(applyNow('matmul', [rows, f32([2, 1], [2, 1])], product))).toEqual([2]);
    expect([...whole.read()]).toEqual([3, -4]);
  });

  it('gives several results, and checks guards itself', () => {
    const labels = EagerArray.of(Int32Array.of(0, 1), {shape: [2], dtype: 'int32'});
    const logits = f32([1, 1, 0, 0], [2, 2]);
    const [loss, probabilities, ...others] = applyNow('softmaxCrossentropy', [logits, labels]);
    expect(others).toEqual([]);
    expect(loss?.read()[0]).toBeCloseTo(Math.log(2), 6);
    expect(probabilities?.read()).toEqual(Float32Array.of(0.5, 0.5, 0.5, 0.5));
    expect(applyNow('finite', [logits])).toEqual([]);
  });

  it('reads what the array holds at each call', () => {
    const data = Float32Array.of(1, 2);
    const x = EagerArray.of(data, {shape: [2], dtype: 'float32'});
    expect(numbers(applyNow('square', [x]))).toEqual([1, 4]);
    data.fill(3);
    expect(numbers(applyNow('square', [x]))).toEqual([9, 9]);
  });

  it('makes views of the same memory, each to be disposed of by itself', () => {
    const [sum] = applyNow('add', [f32([1, 2, 3, 4]), f32([1])]) as [EagerArray];
    const [square] = applyNow('reshape', [sum], {shape: [2, 2]}) as [EagerArray];
    expect(square.shape).toEqual([2, 2]);
    expect(square.memory).toBe(sum.memory);
    const free = pool.freeBytes;
    sum.dispose();
    sum.dispose();
    expect(pool.freeBytes).toBe(free);
    expect(numbers([square])).toEqual([2, 3, 4, 5]);
    square.dispose();
    expect(pool.freeBytes).toBeGreaterThan(free);
  });

  it('gives large work to the team, with the same bits', () => {
    const [m, k, n] = [130, 96, 257];
    const fill = (size: number, shape: number[]) =>
      f32(
        Array.from({length: size}, (_, index) => Math.sin(index)),
        shape,
      );
    const operands = [fill(m * k, [m, k]), fill(k * n, [k, n])];
    setThreads(1);
    const alone = numbers(applyNow('matmul', operands, product));
    for (const count of [2, 3]) {
      setThreads(count);
      expect(numbers(applyNow('matmul', operands, product))).toEqual(alone);
    }
  });
});

describe('errors', () => {
  const cases: [string, () => unknown, string, string][] = [
    ['an unknown op', () => applyNow('matmull', []), 'ERR_UNKNOWN_NAME', 'Did you mean "matmul"?'],
    [
      'an op without a kernel',
      () => {
        const signature = parseSignature('stranger(x: f32) -> y: f32');
        applyNow({...opOf('softmax'), name: 'stranger', signature}, [f32([1], [1, 1])]);
      },
      'ERR_GRAPH',
      'stranger: this op has no kernel of its own. Use evaluate',
    ],
    ['a leaf', () => applyNow('input', []), 'ERR_UNKNOWN_NAME', 'unknown op "input".'],
    [
      'other shapes',
      () => applyNow('matmul', [f32([1, 2], [1, 2]), f32([1], [1, 1])], product),
      'ERR_SHAPE',
      'matmul: inner dimensions 2 and 1 differ. Received [1,2] and [1,1].',
    ],
    [
      'another dtype',
      () => applyNow('add', [EagerArray.of(Float64Array.of(1), {shape: [1], dtype: 'float64'}), f32([1])]),
      'ERR_DTYPE',
      'add: operand a must be float32 or int32. Received float64[1].',
    ],
    ['too few operands', () => applyNow('add', [f32([1])]), 'ERR_SHAPE', 'expected 2 operands. Received 1.'],
    [
      'a missing attribute',
      () => applyNow('matmul', [f32([1], [1, 1]), f32([1], [1, 1])], {transposeA: false}),
      'ERR_GRAPH',
      'matmul: the attribute transposeB is missing.',
    ],
    [
      'a disposed operand',
      () => {
        const x = f32([1]);
        x.dispose();
        applyNow('add', [f32([1]), x]);
      },
      'ERR_DISPOSED',
      'add: operand b was disposed of.',
    ],
    [
      'a disposed result that is read',
      () => {
        const [y] = applyNow('neg', [f32([1])]) as [EagerArray];
        y.dispose();
        y.read();
      },
      'ERR_DISPOSED',
      'this array was disposed of.',
    ],
    [
      'memory that was transferred away',
      () => {
        const data = Float32Array.of(1, 2, 3);
        const x = EagerArray.of(data, {shape: [3], dtype: 'float32'});
        structuredClone(data.buffer, {transfer: [data.buffer]});
        applyNow('add', [f32([1, 2, 3]), x]);
      },
      'ERR_DETACHED',
      'add: the buffer of operand b was transferred away.',
    ],
    [
      'an array of another type',
      () => EagerArray.of(Int32Array.of(1), {shape: [1], dtype: 'float32'}),
      'ERR_DTYPE',
      'expected Float32Array for float32. Received an Int32Array.',
    ],
    [
      'an array of another size',
      () => EagerArray.of(Float32Array.of(1), {shape: [2], dtype: 'float32'}),
      'ERR_SHAPE',
      'expected 2 elements. Received 1.',
    ],
    [
      'a label that is no class',
      () => {
        const labels = EagerArray.of(Int32Array.of(0, 2), {shape: [2], dtype: 'int32'});
        applyNow('pickClass', [f32([1, 2, 3, 4], [2, 2]), labels]);
      },
      'ERR_OUT_OF_RANGE',
      'pickClass: element 1 of operand labels is out of range.',
    ],
    [
      'numbers that are not finite',
      () => applyNow('finite', [f32([1, Number.NaN])]),
      'ERR_NOT_FINITE',
      'finite: a checked value is not finite',
    ],
    [
      'more axes than there may be',
      () => applyNow('neg', [f32([1], [1, 1, 1, 1, 1, 1, 1])]),
      'ERR_SHAPE',
      'at most 6 axes are possible.',
    ],
  ];

  it.each(cases)('%s', (_, run, code, message) => {
    const free = pool.freeBytes;
    let error: unknown;
    try {
      run();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({code, message: expect.stringContaining(message)});
    expect(pool.freeBytes).toBeGreaterThanOrEqual(free);
  });

  it('are native ones where what lies below is used wrongly', () => {
    const native = addon();
    const call = callOf(opOf('neg'), [{shape: [4], dtype: 'float32'}], {});
    const kernel = kernelOf(call);
    const {signatures} = kernel;
    const words = callWords(kernel, call.outputs, call.inputs);
    expect(() => native.link(words.slice(0, 20), signatures)).toThrow('malformed plan');
    const linked = native.link(words, signatures);
    const y = new Float32Array(4);
    expect(() => native.callLinked(linked)).toThrow('expected 2 arrays, received 0');
    expect(() => native.callLinked(linked, y, y)).toThrow('io slot 0 overlaps io slot 1');
    expect(() => native.callLinked(linked, y, new Float32Array(3))).toThrow('io slot 1 is too short');
    expect(() => native.callLinked(linked, y, {} as never)).toThrow('expected a typed array');
    for (const stranger of [{}, -1, 2 ** 31, linked + 2 ** 20]) {
      expect(() => native.callLinked(stranger as never, y, y)).toThrow('the number of a linked program');
    }
    native.unlink(linked);
    native.unlink(linked);
    expect(() => native.callLinked(linked, y, new Float32Array(4))).toThrow('the number of a linked program');
  });
});

describe('links', () => {
  const spec = (size: number, dtype: DType = 'float32') => ({shape: [size], dtype});

  it('are found by op, shapes, types and attributes', () => {
    const links = new Links(100);
    const find = (op: string, specs: ReturnType<typeof spec>[], attributes: object = {}) =>
      links.find(opOf(op), specs, attributes);
    const all = [
      find('add', [spec(2), spec(2)]),
      find('add', [spec(2), spec(1)]),
      find('mul', [spec(2), spec(2)]),
      find('cast', [spec(2)], {dtype: 'int32'}),
      find('cast', [spec(2, 'int32')], {dtype: 'float32'}),
      find('sum', [spec(2)], {axis: 0}),
      find('slice', [spec(4)], {begin: [0], size: [2]}),
      find('slice', [spec(4)], {begin: [1], size: [2]}),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(links.size).toBe(all.length);
    expect(find('add', [spec(2), spec(2)])).toBe(all[0]);
    expect(find('slice', [spec(4)], {begin: [1], size: [2]})).toBe(all.at(-1));
    expect(find('slice', [spec(4)], {begin: [1], size: [3]})).not.toBe(all.at(-1));
  });

  it('stay as many as may be; what was freed is linked anew by who still has it', () => {
    const links = new Links(4);
    const before = addon().counters().linked;
    const first = links.find(opOf('neg'), [spec(1)], {});
    for (let size = 2; size < 40; size++) links.find(opOf('neg'), [spec(size)], {});
    expect(links.size).toBe(4);
    expect(addon().counters().linked).toBe(before + 4);
    expect(links.find(opOf('neg'), [spec(1)], {})).not.toBe(first);
    const y = new Float32Array(1);
    first.run([y, Float32Array.of(3)]);
    expect(y[0]).toBe(-3);
    expect(addon().counters().linked).toBe(before + 4);
  });

  it('keep those that are run', () => {
    const links = new Links(4);
    const kept = links.find(opOf('neg'), [spec(1)], {});
    for (let size = 2; size < 40; size++) {
      links.find(opOf('neg'), [spec(size)], {});
      kept.run([new Float32Array(1), new Float32Array(1)]);
    }
    expect(links.find(opOf('neg'), [spec(1)], {})).toBe(kept);
  });

  it('work in one memory, however many there are', () => {
    const links = new Links(300);
    const {bytes} = addon().counters();
    for (let size = 1; size <= 300; size++) {
      const shape = {shape: [size, 300], dtype: 'float32'} as const;
      links.find(opOf('matmul'), [shape, {...shape, shape: [300, size]}], product);
    }
    expect(addon().counters().bytes).toBe(bytes);
  });
});

it('the memory of results is counted by the collector', () => {
  const before = process.memoryUsage().arrayBuffers;
  const result = EagerArray.fresh({shape: [2 ** 23], dtype: 'float32'});
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThanOrEqual(2 ** 25);
  expect(result.memory.byteLength).toBe(2 ** 25);
});

const [major = 0, minor = 0] = release().split('.').map(Number);
// Since Linux 5.14 a program can ask for memory in its pages at once.
const mapsAtOnce = existsSync('/proc/self/pagemap') && (major > 5 || (major === 5 && minor >= 14));

/** With glibc, whose choice of memory the addon may change; a sanitizer has its own. */
const reusesMemory =
  process.platform === 'linux' &&
  (process.report.getReport() as {header: {glibcVersionRuntime?: string}}).header.glibcVersionRuntime !==
    undefined &&
  !Object.keys(process.env).some(name => /^MALLOC_|^GLIBC_TUNABLES$|^ASAN_OPTIONS$|^LD_PRELOAD$/.test(name));

/** How many pages of an array that begins at a page have memory: what the kernel says, not what was read. */
function pagesMapped(array: Uint8Array): number {
  const first = addon().alignment(array, 2 ** 48) / 4096;
  const pages = new BigUint64Array(Math.ceil(array.length / 4096));
  const file = openSync('/proc/self/pagemap', 'r');
  expect(readSync(file, pages, 0, pages.byteLength, first * 8)).toBe(pages.byteLength);
  closeSync(file);
  return pages.filter(page => page >> 63n === 1n).length;
}

describe('a pool', () => {
  it('gives blocks that were given back, by size class', () => {
    const own = new Pool(2 ** 20);
    const block = own.take(1000);
    expect(block.length).toBe(1024);
    own.give(block);
    expect(own.freeBytes).toBe(1024);
    expect(own.take(2000)).not.toBe(block);
    expect(own.take(900)).toBe(block);
    expect(own.freeBytes).toBe(0);
  });

  it('wastes a fifth at most, and aligns what is large', () => {
    const own = new Pool(0);
    for (let bytes = 0; bytes < 300_000; bytes = Math.ceil(bytes * 1.01) + 1) {
      const block = own.take(bytes);
      expect(block.length).toBeGreaterThanOrEqual(bytes);
      if (bytes > 64) expect(block.length).toBeLessThanOrEqual(bytes * 1.25);
      if (bytes >= 4096) expect(addon().alignment(block, 64)).toBe(0);
      own.give(block);
    }
    expect(own.freeBytes).toBe(0);
  });

  it('begins blocks of megabytes at pages of 2 MiB, and maps these at once', () => {
    // They stay, so that none is freed meanwhile.
    const blocks: Uint8Array[] = [];
    for (const bytes of [1.5 * 2 ** 20 + 1, 3 * 2 ** 20, 9 * 2 ** 20]) {
      const block = new Pool(0).take(bytes);
      blocks.push(block);
      expect(addon().alignment(block, 2 ** 21)).toBe(0);
      expect(block.length).toBeLessThanOrEqual(bytes * 1.25);
      if (mapsAtOnce) expect(pagesMapped(block)).toBe(Math.ceil(block.length / 4096));
      expect(block.every(byte => byte === 0)).toBe(true);
    }
    expect(() => addon().mapPages(5 as never)).toThrow();
  });

  it('makes copies of some megabytes in memory that earlier ones had', () => {
    let copies = 0;
    const faultsEach = (): number => {
      const before = process.resourceUsage().minorPageFault;
      for (let copy = 0; copy < 40; copy++) copies += addon().copyBuffer(4e6).fill(1).at(-1) as number;
      return (process.resourceUsage().minorPageFault - before) / 40;
    };
    // A mapping of its own has some 500 pages, even where one of them is huge.
    const least = Math.min(...Array.from({length: 8}, faultsEach));
    if (reusesMemory) expect(least).toBeLessThan(250);
    expect(copies).toBe(320);
    expect(addon().copyBuffer(20e6)).toHaveLength(20e6);
    expect(() => addon().copyBuffer(-1)).toThrow();
  });

  it('keeps no more than it may', () => {
    const own = new Pool(4096);
    const blocks = Array.from({length: 8}, () => own.take(1024));
    for (const block of blocks) own.give(block);
    expect(own.freeBytes).toBe(4096);
  });

  it('refuses what no memory holds', () => {
    expect(() => new Pool(0).take(2 ** 52)).toThrow('there is not enough memory for an array of');
  });
});
