// The shorter forms of tfjs's engine do what the whole ones do: the same results, tensors and bytes as on
// tfjs's cpu backend, whose kernels run in the whole form, and all that a program may ask of the engine.
import * as tf from '@tensorflow/tfjs-core';
// Brings the gradients.
import '@tensorflow/tfjs-layers';
import {afterAll, beforeEach, describe, expect, test, vi} from 'vitest';
import {backendName} from '../../lib/tfjs/index.ts';

interface Seen {
  readonly tensors: number;
  readonly buffers: number;
  readonly bytes: number;
}

function now(): Seen {
  const {numTensors, numDataBuffers, numBytes} = tf.memory();
  return {tensors: numTensors, buffers: numDataBuffers, bytes: numBytes};
}

/** What there is more than before, after each part of a program; and the numbers that it read. */
async function on(backend: string, program: (note: () => void) => number[]): Promise<unknown> {
  await tf.setBackend(backend);
  // Those that other files have left.
  tf.disposeVariables();
  const before = now();
  const seen: Seen[] = [];
  const note = (): void => {
    const {tensors, buffers, bytes} = now();
    seen.push({
      tensors: tensors - before.tensors,
      buffers: buffers - before.buffers,
      bytes: bytes - before.bytes,
    });
  };
  const numbers = program(note);
  tf.disposeVariables();
  note();
  return {seen, numbers: numbers.map(number => Number(number.toPrecision(5)))};
}

const x = (): tf.Tensor2D => tf.tensor2d([1, -2, 3, 4, 5, -6], [3, 2]);

/** A sum whose gradient is the given tensor. */
const wrong = (gradient: tf.Tensor): ((y: tf.Tensor) => tf.Tensor) =>
  tf.customGrad(y => ({value: tf.sum(y as tf.Tensor), gradFunc: () => gradient}));

const programs: Readonly<Record<string, (note: () => void) => number[]>> = {
  'an optimizer and a loss of several ops': note => {
    const w = tf.variable(tf.tensor2d([0.1, -0.2, 0.3, 0.4], [2, 2]));
    const b = tf.variable(tf.zeros([2]));
    const optimizer = tf.train.adam(0.01);
    const inputs = x();
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) {
      const loss = optimizer.minimize(
        () => tf.mean(tf.square(tf.relu(tf.add(tf.matMul(inputs, w), b)))) as tf.Scalar,
        true,
      ) as tf.Scalar;
      note();
      losses.push(...loss.dataSync());
      loss.dispose();
    }
    const numbers = [...losses, ...w.dataSync(), ...b.dataSync()];
    optimizer.dispose();
    inputs.dispose();
    return numbers;
  },
  'scopes that give a tensor, a list, an object, nothing and what was there before': note => {
    const outer = x();
    const one = tf.tidy(() => tf.add(tf.mul(outer, 2), 1));
    note();
    const list = tf.tidy(() => tf.unstack(tf.neg(outer)));
    note();
    const named = tf.tidy(() => ({a: tf.abs(outer), b: [tf.square(tf.abs(outer))]}));
    note();
    tf.tidy(() => {
      tf.exp(outer);
    });
    const same = tf.tidy(() => outer);
    note();
    const kept: tf.Tensor[] = [];
    const inner = tf.tidy(() => {
      kept.push(tf.keep(tf.add(outer, 1)));
      return tf.tidy(() =>
        tf.reshape(
          tf.tidy(() => tf.sub(outer, 1)),
          [6],
        ),
      );
    });
    note();
    const given = [one, ...list, named.a, ...named.b, same, ...kept, inner];
    const numbers = given.flatMap(tensor => [...tensor.dataSync()]);
    tf.dispose(given);
    return numbers;
  },
  'gradients of gradients, of several results and of the program’s own': note => {
    const inputs = x();
    const twice = tf.grad(y => tf.grad(z => tf.sum(tf.mul(z, tf.mul(z, z))))(y));
    const second = twice(inputs);
    note();
    const split = tf.grad(y => {
      const [a, b] = tf.split(y, 2, 1) as [tf.Tensor, tf.Tensor];
      return tf.sum(tf.mul(a, tf.square(b)));
    })(inputs);
    note();
    const own = tf.customGrad((...given) => {
      const [y, save] = given as unknown as [tf.Tensor, tf.GradSaveFunc];
      save([y]);
      return {value: tf.square(y), gradFunc: (dy, saved) => tf.mul(dy, tf.mul(saved[0] as tf.Tensor, 3))};
    });
    const ofOwn = tf.grad(y => tf.sum(own(y)))(inputs);
    note();
    const given = [second, split, ofOwn];
    const numbers = given.flatMap(tensor => [...tensor.dataSync()]);
    tf.dispose([...given, inputs]);
    return numbers;
  },
  'a gradient, on a tape, of what was there before it began': note => {
    const inputs = x();
    const third = tf.grad(y => {
      const cube = tf.mul(y, tf.square(y));
      const first = tf.grad(() => tf.sum(cube))(y);
      const second = tf.grad(() => tf.sum(first))(y);
      return tf.sum(tf.mul(second, tf.tanh(first)));
    })(inputs);
    note();
    const numbers = [...third.dataSync()];
    tf.dispose([third, inputs]);
    return numbers;
  },
  'several results of which some have a gradient, and inputs that are lists': note => {
    const inputs = x();
    const {grads, value} = tf.valueAndGrads((a, b) => {
      const [first, second] = tf.split(tf.concat([a as tf.Tensor, tf.square(b as tf.Tensor)]), 2);
      const [, middle] = tf.unstack(
        tf.stack([second as tf.Tensor, tf.exp(first as tf.Tensor), a as tf.Tensor]),
      );
      return tf.sum(tf.addN([middle as tf.Tensor, tf.neg(b as tf.Tensor)]));
    })([inputs, tf.mul(inputs, 0.5)]);
    note();
    const numbers = [value, ...grads].flatMap(tensor => [...tensor.dataSync()]);
    tf.dispose([value, ...grads, inputs]);
    return numbers;
  },
  'complex numbers, strings and views': note => {
    const number = tf.complex([1, 2], [3, 4]);
    const words = tf.tensor(['a', 'bc']);
    note();
    const [sizes, twice, row] = tf.tidy(() => [
      tf.abs(number),
      tf.real(tf.mul(number, number)),
      tf.slice(tf.reshape(x(), [2, 3]), [1, 0], [1, 3]),
    ]) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const again = tf.reshape(words, [2, 1]);
    note();
    const numbers = [sizes, twice, row].flatMap(tensor => [...tensor.dataSync()]);
    tf.dispose([number, words, sizes, twice, row, again]);
    return numbers;
  },
};

describe('the engine in short', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterAll(() => tf.setBackend(backendName));

  test.each(Object.entries(programs))('%s', async (_, program) => {
    expect(await on(backendName, program)).toEqual(await on('cpu', program));
  });

  test('is shortened once, however often the backend is made', async () => {
    tf.add(1, 2).dispose();
    const {runKernel, endScope} = tf.engine();
    expect(runKernel).not.toBe(Object.getPrototypeOf(tf.engine()).runKernel);
    for (let time = 0; time < 3; time++) {
      tf.engine().reset();
      expect(tf.add(1, 2).dataSync()[0]).toBe(3);
      expect(now()).toEqual({tensors: 1, buffers: 1, bytes: 4});
    }
    expect(tf.engine().runKernel).toBe(runKernel);
    expect(tf.engine().endScope).toBe(endScope);
    await tf.setBackend(backendName);
    tf.engine().reset();
  });

  test('lists the kernels of a profile', async () => {
    const profile = await tf.profile(() => tf.tidy(() => tf.sum(tf.square(x()))));
    expect(profile.kernelNames).toEqual(expect.arrayContaining(['Square', 'Sum']));
    expect(profile.kernels.find(({name}) => name === 'Square')?.outputShapes).toEqual([[3, 2]]);
    expect(profile.newTensors).toBe(1);
    tf.dispose(profile.result);
  });

  test('logs each kernel where the program debugs', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    tf.env().set('DEBUG', true);
    try {
      const y = tf.sqrt(tf.tensor1d([4]));
      await vi.waitFor(() => expect(log).toHaveBeenCalledTimes(1));
      expect(String(log.mock.calls[0]?.[0])).toContain('Sqrt');
      y.dispose();
    } finally {
      tf.env().set('DEBUG', false);
      log.mockRestore();
    }
  });

  test('runs a kernel that the program puts in the place of one', () => {
    const own = tf.getKernel('Neg', backendName);
    tf.unregisterKernel('Neg', backendName);
    try {
      expect(() => tf.neg(x())).toThrow("Kernel 'Neg' not registered for backend 'chainrule'");
      const square = tf.getKernel('Square', backendName).kernelFunc;
      tf.registerKernel({kernelName: 'Neg', backendName, kernelFunc: square});
      expect([...tf.neg([3, 4]).dataSync()]).toEqual([9, 16]);
      tf.unregisterKernel('Neg', backendName);
    } finally {
      tf.registerKernel(own);
    }
    expect([...tf.neg([3, 4]).dataSync()]).toEqual([-3, -4]);
  });

  const s = 1 / (1 + Math.exp(-0.5));
  const t = Math.tanh(0.5);
  test.each<[string, (y: tf.Tensor) => tf.Tensor, number]>([
    ['exp', tf.exp, Math.exp(0.5)],
    ['sigmoid', tf.sigmoid, s * (1 - s) * (1 - 2 * s)],
    ['tanh', tf.tanh, -2 * t * (1 - t * t)],
    ['exp of a square', y => tf.exp(tf.square(y)), 3 * Math.exp(0.25)],
  ])('finds the second gradient of %s, which saves its result', (_, f, expected) => {
    const at = tf.tensor1d([0.5]);
    const {tensors} = now();
    const nested = tf.grad(y => tf.sum(tf.grad(z => tf.sum(f(z)))(y)))(at);
    const before = tf.grad(y => {
      const value = f(y);
      return tf.sum(tf.grad(() => tf.sum(value))(y));
    })(at);
    expect(nested.dataSync()[0]).toBeCloseTo(expected, 5);
    expect(before.dataSync()[0]).toBeCloseTo(expected, 5);
    expect(now().tensors).toBe(tensors + 2);
    tf.dispose([at, nested, before]);
  });

  test.each<[string, () => unknown, string]>([
    ['of nothing', () => tf.engine().gradients(() => tf.scalar(1), []), 'an empty list of xs'],
    ['of integers', () => tf.grad(y => y)(x(), tf.zeros([3, 2], 'int32') as never), 'float32'],
    ['of no tensor', () => tf.grad(() => 1 as never)(x()), 'must be a tensor'],
    [
      'that does not depend on x',
      () => tf.grad(() => tf.square(tf.ones([2])))(x()),
      'encloses all operations',
    ],
    ['of x itself', () => tf.grad(y => y)(x()), 'encloses all operations'],
    ['that nobody knows', () => tf.grad(y => tf.sum(tf.topk(y).values))(x()), 'gradient function not found'],
    ['of another shape', () => tf.grad(y => wrong(tf.ones([5]))(y))(x()), 'does not match the shape'],
    ['of another type', () => tf.grad(y => wrong(tf.ones([3, 2], 'int32'))(y))(x()), 'float32'],
  ])('refuses a gradient %s in the words of tfjs', async (_, body, words) => {
    const said: string[] = [];
    for (const backend of [backendName, 'cpu']) {
      await tf.setBackend(backend);
      const {gradientDepth, scopeStack} = tf.engine().state;
      try {
        tf.tidy(() => void body());
      } catch (error) {
        said.push((error as Error).message);
      }
      expect(tf.engine().state.gradientDepth).toBe(gradientDepth);
      expect(tf.engine().state.scopeStack).toHaveLength(scopeStack.length);
    }
    expect(said).toHaveLength(2);
    expect(said[0]).toContain(words);
    expect(said[0]).toBe(said[1]);
  });

  test('a kernel that throws leaves tape and scopes as they were', () => {
    const {tensors} = now();
    expect(() => tf.tidy(() => tf.grad(y => tf.matMul(y as tf.Tensor2D, tf.zeros([7, 7])))(x()))).toThrow();
    expect(() => tf.tidy(() => tf.gather(x(), tf.tensor1d([9], 'int32')))).toThrow();
    expect(now().tensors).toBe(tensors);
    const gradient = tf.tidy(() => tf.grad(y => tf.sum(tf.square(y)))(x()));
    expect([...gradient.dataSync()]).toEqual([2, -4, 6, 8, 10, -12]);
    gradient.dispose();
  });
});
