import {describe, expect, it} from 'vitest';
import {variable} from '../../lib/core/tensor.ts';
import {constant, randomUniform} from '../../lib/ops/index.ts';
import {storeOf, VariableStore} from '../../lib/session/store.ts';

const uniform = (name: string, ...shape: number[]) =>
  variable({name, shape, initial: source => randomUniform(source, shape)});

describe('VariableStore', () => {
  it('gives each variable memory of its own at a multiple of 64 bytes', () => {
    const store = new VariableStore();
    const [a, b, c] = [uniform('a', 3), uniform('b', 17), variable({name: 'c', shape: [2], dtype: 'int32'})];
    store.add([a, b, a]);
    store.add([b, c]);
    expect(store.variables).toEqual([a, b, c]);
    expect([a, b, c].map(each => store.offsetOf(each))).toEqual([0, 64, 192]);
    expect(store.byteLength).toBe(256);
    expect(storeOf(a)).toBe(store);
    expect(store.read(c)).toEqual(Int32Array.of(0, 0));
  });

  it('keeps values when it grows', () => {
    const store = new VariableStore();
    const first = uniform('first', 4);
    store.add([first]);
    store.write(first, [1, 2, 3, 4]);
    store.add([uniform('second', 1000)]);
    expect(store.read(first)).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('has live views and independent copies', () => {
    const store = new VariableStore();
    const a = uniform('a', 2);
    store.add([a]);
    const [view, copy] = [store.view(a), store.read(a)];
    store.write(a, [5, 6]);
    expect(view).toEqual(Float32Array.of(5, 6));
    expect(copy).toEqual(Float32Array.of(0, 0));
    expect(copy.buffer).not.toBe(view.buffer);
  });

  it('initializes by seed and place, and to zeros where nothing is said', () => {
    const values = (seed: number): Float32Array[] => {
      const store = new VariableStore();
      const all = [uniform('a', 5), uniform('b', 5), variable({name: 'zeros', shape: [2]})];
      store.add(all);
      for (const each of all) store.write(each, new Float32Array(each.tensor.size).fill(9));
      store.initialize(seed);
      return all.map(each => store.read(each) as Float32Array);
    };
    const [a, b, zeros] = values(7);
    expect(values(7)).toEqual([a, b, zeros]);
    expect(a).not.toEqual(b);
    expect(values(8)[0]).not.toEqual(a);
    expect(values(7 + 2 ** 32)[0]).not.toEqual(a);
    expect(zeros).toEqual(Float32Array.of(0, 0));
  });

  it('initializes some without touching others, to the same values', () => {
    const store = new VariableStore();
    const [a, b] = [uniform('a', 3), uniform('b', 3)];
    store.add([a, b]);
    store.initialize(3);
    const before = store.read(b);
    store.write(a, [1, 1, 1]);
    store.write(b, [2, 2, 2]);
    store.initialize(3, [b]);
    expect(store.read(b)).toEqual(before);
    expect(store.read(a)).toEqual(Float32Array.of(1, 1, 1));
  });

  it('refuses what does not fit', () => {
    const store = new VariableStore();
    const a = uniform('a', 2);
    expect(() => store.view(a)).toThrow('the variable a is not in this store');
    store.add([a]);
    expect(() => store.write(a, [1])).toThrow('a holds 2 values. Received 1.');
    expect(() => store.initialize(0.5)).toThrow('seed: expected an integer. Received 0.5.');
    const wrong = variable({name: 'wrong', shape: [2], initial: () => constant(1)});
    store.add([wrong]);
    expect(() => store.initialize(0)).toThrow('wrong is float32[2]. Received the initial value float32[].');
    const other = variable({name: 'other', shape: [2], initial: () => a.tensor});
    store.add([other]);
    expect(() => store.initialize(0, [other])).toThrow('no memory to be read from here');
  });
});
