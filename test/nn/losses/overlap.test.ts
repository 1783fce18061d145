// Losses of areas against Keras's formulas in float64: over a whole batch, and over some of its axes.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../../lib/core/tensor.ts';
import {losses, ops} from '../../../lib/index.ts';
import {expectComposite} from '../../conformance/composite.ts';
import {integers, type Operand, reals} from '../../conformance/data.ts';

type Row = readonly number[];

const sumOf = (values: Row): number => values.reduce((a, b) => a + b, 0);
const meanOf = (values: Row): number => sumOf(values) / values.length;

const dice = (t: Row, y: Row): number =>
  1 - (2 * sumOf(y.map((p, at) => p * (t[at] as number)))) / (sumOf(t) + sumOf(y) + 1e-7);

function tversky(alpha: number, beta: number): typeof dice {
  return (t, y) => {
    const area = (of: (t: number, y: number) => number): number =>
      sumOf(y.map((p, at) => of(t[at] as number, p)));
    const common = area((a, b) => a * b);
    const added = area((a, b) => (1 - a) * b);
    const missed = area((a, b) => a * (1 - b));
    return 1 - common / (common + alpha * added + beta * missed + 1e-7);
  };
}

interface Case {
  readonly name: 'dice' | 'tversky';
  readonly options?: object;
  readonly formula: typeof dice;
}

const cases: readonly Case[] = [
  {name: 'dice', formula: dice},
  {name: 'tversky', formula: tversky(0.5, 0.5)},
  {name: 'tversky', options: {alpha: 0.3, beta: 0.9}, formula: tversky(0.3, 0.9)},
];

const [samples, lines, width] = [2, 3, 4];
const shape = [samples, lines, width];

/** Which axes are summed over, and what number the places that are summed together have in common. */
const choices: readonly (readonly [number | readonly number[] | undefined, (at: number) => number])[] = [
  [undefined, () => 0],
  [[0, 1, -1], () => 0],
  [[0, 1], at => at % width],
  [0, at => at % (lines * width)],
  [[1, 2], at => Math.floor(at / lines / width)],
  [-2, at => Math.floor(at / lines / width) * width + (at % width)],
];

describe('losses of areas', () => {
  const named = cases.map(one => [`${one.name} ${JSON.stringify(one.options ?? {})}`, one] as const);

  it.each(named)(
    '%s follows its formula over the axes that are asked for',
    (what, {name, options, formula}) => {
      const target: Operand = {...reals(shape), data: Float32Array.from(integers(shape, 0, 1).data)};
      for (const [axis, groupOf] of choices) {
        const given = {...options, ...(axis !== undefined && {axis})};
        const loss = losses[name](given);
        expect([loss.kind, loss.config, loss.targets]).toEqual([name, given, 'values']);
        const wholeBatch = axis === undefined || [axis].flat().includes(0);
        const exact = (y: Float64Array, t: Float64Array): number[] =>
          Array.from({length: samples}, (_, sample) => {
            const own = [...y.keys()].filter(at => wholeBatch || Math.floor(at / lines / width) === sample);
            const groups = [...new Set(own.map(groupOf))].map(group =>
              own.filter(at => groupOf(at) === group),
            );
            const of = (values: Float64Array, group: Row) => group.map(at => values[at] as number);
            return meanOf(groups.map(group => formula(of(t, group), of(y, group))));
          });
        const build = (y: Tensor, t: Tensor): Tensor => loss(t, y);
        const operands = [reals(shape, 0.05, 0.95), target];
        expectComposite(`${what} over ${axis}`, {build, exact, operands, differentiable: 1, tolerance: 2e-6});
      }
    },
  );

  it.each(['dice', 'tversky'] as const)('%s says what is wrong with axes', name => {
    const x = ops.input({name: 'x', shape});
    expect(() => losses[name]({axis: []})).toThrow(/axis: expected at least one/);
    expect(() => losses[name]({axis: 0.5})).toThrow(/axis: expected an integer/);
    expect(() => losses[name]({axis: 3})(x, x)).toThrow(
      new RegExp(`${name}: axis 3 is none of the axes of float32\\[2,3,4\\]`),
    );
  });
});
