// What tests of loops share: graphs with numbers of their own, a recurrent net as a loop and unrolled.
import {expect} from 'vitest';
import type {TypedArray} from '../../lib/core/dtype.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {compileProgram, type ProgramRequest} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import {generator} from '../conformance/random.ts';
import {evaluate} from '../reference.ts';

export type Outputs = Readonly<Record<string, Tensor>>;

/** Inputs of a graph with numbers of their own. */
export class Given {
  readonly tensors = new Map<Tensor, Float32Array | Int32Array>();
  readonly arrays: Record<string, TypedArray> = {};
  readonly #next = generator(7);

  input(name: string, ...shape: number[]): Tensor {
    const tensor = ops.input({name, shape});
    const data = Float32Array.from({length: tensor.size}, () => this.#next() - 0.5);
    this.tensors.set(tensor, data);
    this.arrays[name] = data;
    return tensor;
  }

  int32(name: string, ...values: number[]): Tensor {
    const tensor = ops.input({name, shape: [values.length], dtype: 'int32'});
    this.tensors.set(tensor, Int32Array.from(values));
    this.arrays[name] = Int32Array.from(values);
    return tensor;
  }

  /** Labels of three classes, and others at these places. */
  labels(name: string, shape: readonly number[], others: Readonly<Record<number, number>>): Tensor {
    const tensor = ops.input({name, shape, dtype: 'int32'});
    const data = Int32Array.from({length: tensor.size}, (_, at) => others[at] ?? at % 3);
    this.tensors.set(tensor, data);
    this.arrays[name] = data;
    return tensor;
  }

  run(outputs: Outputs, more: Partial<ProgramRequest> = {}): Record<string, TypedArray> {
    const program = compileProgram({outputs, store: new VariableStore(), ...more});
    return program.runSync(this.arrays).outputs;
  }

  /** What the oracle says. */
  exact(outputs: Outputs): Record<string, Float64Array> {
    const values = evaluate(Object.values(outputs), this.tensors);
    return Object.fromEntries(
      Object.keys(outputs).map((name, index) => [name, values[index] as Float64Array]),
    );
  }
}

export function expectNear(
  actual: Record<string, TypedArray>,
  wanted: Record<string, ArrayLike<number>>,
  room = 1e-5,
): void {
  for (const [name, values] of Object.entries(wanted)) {
    const most = Array.from(values).reduce((size, x) => Math.max(size, Math.abs(x)), 1);
    const found = actual[name] as TypedArray;
    expect(found.length, name).toBe(values.length);
    const worst = Array.from(values).reduce(
      (sum, x, at) => Math.max(sum, Math.abs(x - (found[at] as number))),
      0,
    );
    expect(worst, name).toBeLessThanOrEqual(room * most);
  }
}

export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly units: number;
}

/** A recurrent net as a loop and unrolled: all of its outputs, and the last. */
export function recurrent(given: Given, {steps, batch, features, units}: Sizes, reverse = false) {
  const x = given.input('x', steps, batch, features);
  const [w, u, b] = [
    given.input('w', features, units),
    given.input('u', units, units),
    given.input('b', units),
  ] as const;
  const h0 = given.input('h0', batch, units);
  const cell = (h: Tensor, xt: Tensor): Tensor =>
    ops.tanh(ops.add(ops.add(ops.matmul(xt, w), b), ops.matmul(h, u)));
  const {
    carries: [last],
    outputs: [all],
  } = ops.scan(
    ([h], [xt]) => {
      const next = cell(h, xt);
      return {carries: [next], outputs: [next]};
    },
    {carries: [h0], sequences: [x], reverse},
  );
  const unrolled = new Array<Tensor>(steps);
  let h = h0;
  for (let turn = 0; turn < steps; turn++) {
    const at = reverse ? steps - 1 - turn : turn;
    h = cell(h, ops.reshape(ops.slice(x, 0, at, 1), [batch, features]));
    unrolled[at] = ops.reshape(h, [1, batch, units]);
  }
  return {
    targets: {x, w, u, b, h0},
    loop: {last, all},
    unrolled: {last: h, all: ops.concatenate(unrolled, 0)},
  };
}

export const lossOf = ({last, all}: {last: Tensor; all: Tensor}): Tensor =>
  ops.add(ops.sum(ops.square(all)), ops.sum(ops.mul(last, 0.3)));

export const named = (tensors: readonly Tensor[], names: readonly string[]): Outputs =>
  Object.fromEntries(tensors.map((tensor, index) => [`of ${names[index]}`, tensor]));
