// Outputs in the memory of inputs that nobody reads afterwards: the numbers are the same, and what else reads
// such an input does so before.
import {describe, expect, test} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import * as ops from '../../lib/ops/index.ts';
import {LinkedGraph} from '../../lib/session/eager/linked-graph.ts';

const size = 5;
const leaf = (name: string, shape = [size]): Tensor => ops.input({name, shape});

/** Runs a graph of float32 over arrays, which it may overwrite. */
function run(graph: LinkedGraph, arrays: readonly Float32Array[]): Float32Array[] {
  const results: Float32Array[] = [];
  const end = graph.start(
    arrays.map(place => ({place})),
    output => {
      const donor = arrays[graph.replaced[output] as number];
      const result = donor ?? new Float32Array(graph.outputs[output]?.shape.reduce((a, b) => a * b, 1) ?? 0);
      results.push(result);
      return result;
    },
  );
  if (end instanceof Object) end.finish();
  else expect(end).toBe(undefined);
  return results;
}

const numbers = (from: number, count = size): Float32Array =>
  Float32Array.from({length: count}, (_, at) => from + at / 8);

describe('outputs in the memory of inputs', () => {
  test('are where the call that makes them reads the input', () => {
    const [w, g] = [leaf('w'), leaf('g')];
    const graph = new LinkedGraph([ops.sub(w, ops.mul(g, 0.5))], [w, g], [0]);
    expect(graph.replaced).toEqual([0]);
    const arrays = [numbers(1), numbers(3)];
    const [result] = run(graph, arrays);
    expect(result).toBe(arrays[0]);
    expect(result).toEqual(numbers(1).map((value, at) => value - 0.5 * (3 + at / 8)));
  });

  test('come after all other readers of it', () => {
    const [w, x] = [leaf('w', [size, size]), leaf('x', [size, size])];
    const next = ops.mul(w, 2);
    const late = ops.sum(ops.matmul(ops.relu(ops.matmul(x, w)), ops.reshape(w, [size, size])), 0);
    const plain = new LinkedGraph([next, late], [w, x]);
    const graph = new LinkedGraph([next, late], [w, x], [0]);
    expect(graph.replaced).toEqual([0, -1]);
    const arrays = (): Float32Array[] => [numbers(-1, size * size), numbers(-2, size * size)];
    expect(run(graph, arrays())).toEqual(run(plain, arrays()));
  });

  test('are not where a reader of the input needs the output', () => {
    const w = leaf('w', [size, size]);
    const next = ops.mul(w, 2);
    const both = ops.matmul(w, next);
    expect(new LinkedGraph([next, both], [w], [0]).replaced).toEqual([-1, -1]);
  });

  test('of two that wait for each other only one is', () => {
    const [a, b] = [leaf('a', [size, size]), leaf('b', [size, size])];
    const [first, second] = [ops.add(a, 1), ops.add(b, 1)];
    const outputs = [first, second, ops.matmul(a, second), ops.matmul(b, first)];
    const graph = new LinkedGraph(outputs, [a, b], [0, 1]);
    expect(graph.replaced.filter(index => index >= 0)).toHaveLength(1);
    const plain = new LinkedGraph(outputs, [a, b]);
    const arrays = (): Float32Array[] => [numbers(-1, size * size), numbers(1, size * size)];
    expect(run(graph, arrays())).toEqual(run(plain, arrays()));
  });

  test('are not where the input is an output itself, has another shape, or the call needs it whole', () => {
    const w = leaf('w', [size, size]);
    const graphs = [
      [ops.mul(w, 2), ops.reshape(w, [size * size])],
      [ops.mul(ops.reshape(w, [1, size, size]), ops.constant(numbers(1, 2 * size * size), [2, size, size]))],
      [ops.matmul(w, w)],
    ];
    for (const outputs of graphs) {
      expect(new LinkedGraph(outputs, [w], [0]).replaced.every(index => index < 0)).toBe(true);
    }
  });
});
