import {describe, expect, it} from 'vitest';
import {renamed, variable} from '../../lib/core/tensor.ts';
import {add, constant, randomUniform} from '../../lib/ops/index.ts';
import {compile} from '../../lib/session/function.ts';
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

  it('takes floats as they lie: tables may be larger than any list', () => {
    const store = new VariableStore();
    const a = uniform('a', 3);
    store.add([a]);
    const values = Float32Array.of(1, Number.NaN, -0);
    // A list would be made element by element.
    values[Symbol.iterator] = () => {
      throw new Error('read one by one');
    };
    store.write(a, values);
    expect(Object.is(store.view(a)[2], -0)).toBe(true);
    expect([...store.read(a)]).toEqual([1, Number.NaN, -0]);
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

  it('takes another store over, which then works on its memory', () => {
    const [into, from] = [new VariableStore(), new VariableStore()];
    const [a, b, c] = [uniform('a', 3), uniform('b', 20), uniform('c', 2)];
    into.add([a]);
    from.add([b, c]);
    into.write(a, [1, 2, 3]);
    from.write(c, [4, 5]);
    into.absorb(from);
    expect(into.variables).toEqual([a, b, c]);
    expect(from.variables).toEqual([a, b, c]);
    expect([...from.read(c)]).toEqual([4, 5]);
    from.write(c, [6, 7]);
    expect([...into.read(c)]).toEqual([6, 7]);
    expect([...into.read(a)]).toEqual([1, 2, 3]);
    expect(from.state).toBe(into.state);
    expect(from.byteLength).toBe(into.byteLength);
    expect(storeOf(b)).toBe(into);
    const d = uniform('d', 1);
    from.add([d]);
    expect(into.has(d)).toBe(true);
    into.absorb(from);
    expect(into.variables).toHaveLength(4);
  });

  it('refuses to take over what is being written, and leaves it as it was', () => {
    const [into, from] = [new VariableStore(), new VariableStore()];
    const a = uniform('a', 3);
    from.add([a]);
    from.state.beginWrite('a run');
    expect(() => into.absorb(from)).toThrow(/being changed by a run/);
    from.state.endWrite();
    expect(from.has(a)).toBe(true);
    expect(into.has(a)).toBe(false);
  });

  it('knows a variable by every name that it goes by', () => {
    const store = new VariableStore();
    const a = uniform('a', 2);
    store.add([a]);
    const alias = renamed(a, 'model/a', () => false);
    expect(alias).toMatchObject({name: 'model/a', trainable: false, shape: [2]});
    store.write(alias, [8, 9]);
    expect([...store.read(a)]).toEqual([8, 9]);
    expect(store.offsetOf(alias)).toBe(store.offsetOf(a));
    store.add([alias]);
    expect(store.variables).toEqual([a]);
  });

  it('tells a function that was compiled before its variables moved', () => {
    const [into, from] = [new VariableStore(), new VariableStore()];
    const [a, b] = [uniform('a', 3), uniform('b', 3)];
    into.add([a]);
    from.add([b]);
    const before = compile(add(b.tensor, 1), {store: from});
    into.absorb(from);
    into.write(b, [1, 2, 3]);
    expect(() => before.runSync()).toThrow(/become part of a larger model since; compile again/);
    expect([...compile(add(b.tensor, 1)).runSync().data]).toEqual([2, 3, 4]);
  });
});
