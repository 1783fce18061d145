// Every activation against its formula in float64: values, gradients, names, options.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {activations, compile, gradients, layers, ops} from '../../lib/index.ts';
import {toActivation} from '../../lib/nn/resolve.ts';
import {expectComposite} from '../conformance/composite.ts';
import {exactly, reals, spread} from '../conformance/data.ts';
import {erf} from '../reference/random.ts';

type Name = keyof typeof activations;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const elu = (x: number, alpha: number): number => (x > 0 ? x : alpha * Math.expm1(x));

/** Formulas of one number. */
const scalar: Readonly<
  Record<Exclude<Name, 'softmax' | 'logSoftmax' | 'glu' | 'sparsemax'>, (x: number) => number>
> = {
  linear: x => x,
  sigmoid,
  tanh: Math.tanh,
  relu: x => Math.max(x, 0),
  relu6: x => clip(x, 0, 6),
  leakyRelu: x => (x > 0 ? x : 0.2 * x),
  elu: x => elu(x, 1),
  selu: x => 1.0507009873554805 * elu(x, 1.6732632423543772),
  celu: x => elu(x, 1),
  gelu: x => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  swish: x => x * sigmoid(x),
  silu: x => x * sigmoid(x),
  mish: x => x * Math.tanh(softplus(x)),
  softplus,
  softsign: x => x / (1 + Math.abs(x)),
  hardSigmoid: x => clip(x + 3, 0, 6) / 6,
  hardSwish: x => (x * clip(x + 3, 0, 6)) / 6,
  hardSilu: x => (x * clip(x + 3, 0, 6)) / 6,
  hardTanh: x => clip(x, -1, 1),
  hardShrink: x => (Math.abs(x) <= 0.5 ? 0 : x),
  softShrink: x => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0),
  tanhShrink: x => x - Math.tanh(x),
  logSigmoid: x => -softplus(-x),
  sparsePlus: x => (x >= 1 ? x : clip(x + 1, 0, 2) ** 2 / 4),
  sparseSigmoid: x => clip((x + 1) / 2, 0, 1),
  squareplus: x => (x + Math.sqrt(x * x + 4)) / 2,
  threshold: x => Math.max(x, 0),
  exponential: Math.exp,
};

const softmax = (row: readonly number[]): number[] => {
  const most = Math.max(...row);
  const powers = row.map(x => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
};
const rowwise: Readonly<Record<string, (row: readonly number[]) => number[]>> = {
  softmax,
  logSoftmax: row => softmax(row).map(Math.log),
  sparsemax(row) {
    // The point whose elements add up to 1, by bisection of what is subtracted.
    let [low, high] = [Math.min(...row) - 1, Math.max(...row)];
    for (let step = 0; step < 100; step++) {
      const middle = (low + high) / 2;
      const sum = row.reduce((all, x) => all + Math.max(x - middle, 0), 0);
      if (sum > 1) low = middle;
      else high = middle;
    }
    return row.map(x => Math.max(x - (low + high) / 2, 0));
  },
  glu: ([a = 0, b = 0, c = 0, d = 0]) => [a * sigmoid(c), b * sigmoid(d)],
};

/** Where a formula has its corners; samples stay clear of them. */
const smoothOperand = spread([3, 7], 0.27);
const large = [0, -0, 1e-30, -1e-30, 1e-3, -1e-3, 3, 6, 20, -20, 50, -50, 87, -87];

describe('activations', () => {
  it('are all of the table', () => {
    expect(Object.keys(activations).sort()).toEqual([...Object.keys(scalar), ...Object.keys(rowwise)].sort());
  });

  it.each(Object.entries(scalar))('%s follows its formula', (name, formula) => {
    const build = (x: Tensor): Tensor => activations[name as Name]()(x);
    const exact = (x: Float64Array): Float64Array => x.map(formula);
    for (const operand of [reals([3, 40], -8, 8), reals([257], -0.01, 0.01), exactly(large)]) {
      expectComposite(name, {build, exact, operands: [operand], differentiable: 0});
    }
    expectComposite(name, {build, exact, operands: [smoothOperand], differentiable: 1});
    const beyond = exactly([Number.NaN, Number.POSITIVE_INFINITY]);
    expectComposite(name, {build, exact, operands: [beyond], differentiable: 0});
  });

  it.each(Object.entries(rowwise))('%s follows its formula', (name, formula) => {
    const build = (x: Tensor): Tensor => activations[name as Name]()(x);
    const exact = (x: Float64Array): number[] =>
      Array.from({length: x.length / 4}, (_, row) => formula([...x.slice(4 * row, 4 * row + 4)])).flat();
    expectComposite(name, {build, exact, operands: [reals([5, 4], -9, 9)], differentiable: 1});
    expectComposite(name, {build, exact, operands: [reals([2, 3, 4])], differentiable: 1});
  });

  const withOptions: readonly (readonly [string, (x: Tensor) => Tensor, (x: number) => number])[] = [
    ['leakyRelu', activations.leakyRelu({negativeSlope: 0.01}), x => (x > 0 ? x : 0.01 * x)],
    ['elu', activations.elu({alpha: 0.5}), x => elu(x, 0.5)],
    ['celu', activations.celu({alpha: 2}), x => (x > 0 ? x : 2 * Math.expm1(x / 2))],
    ['hardShrink', activations.hardShrink({threshold: 2}), x => (Math.abs(x) > 2 ? x : 0)],
    ['softShrink', activations.softShrink({threshold: 1}), x => Math.sign(x) * Math.max(Math.abs(x) - 1, 0)],
    ['squareplus', activations.squareplus({b: 0.5}), x => (x + Math.sqrt(x * x + 0.5)) / 2],
    ['threshold', activations.threshold({threshold: 1, defaultValue: -3}), x => (x > 1 ? x : -3)],
    [
      'gelu by tanh',
      activations.gelu({approximate: true}),
      x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    ],
    ['gelu exactly', activations.gelu({approximate: false}), scalar.gelu],
  ];
  it.each(withOptions)('%s with options', (name, build, formula) => {
    const exact = (x: Float64Array): Float64Array => x.map(formula);
    expectComposite(name, {build, exact, operands: [smoothOperand], differentiable: 1});
  });

  it('have the derivatives of PyTorch at their corners', () => {
    const slopeAt = (name: Name, at: number): number => {
      const x = ops.input({name: 'x', shape: [1]});
      const [derivative] = gradients(ops.sum(activations[name]()(x)), [x]);
      return compile(derivative as Tensor).runSync({x: [at]}).data[0] as number;
    };
    const cases: readonly (readonly [Name, number, number])[] = [
      ['relu', 0, 0],
      ['relu6', 0, 0],
      ['relu6', 6, 0],
      ['leakyRelu', 0, Math.fround(0.2)],
      ['elu', 0, 1],
      ['celu', 0, 1],
      ['selu', 0, Math.fround(1.6732632423543772 * 1.0507009873554805)],
      ['hardTanh', 1, 0],
      ['hardTanh', -1, 0],
      ['hardSigmoid', 3, 0],
      ['hardSigmoid', -3, 0],
      ['softsign', 0, 1],
      ['squareplus', 0, 0.5],
      ['sparsePlus', 1, 1],
      ['sparsePlus', -1, 0],
      ['hardShrink', 0.5, 0],
      ['softShrink', 0.5, 0],
      ['threshold', 0, 0],
    ];
    for (const [name, at, wanted] of cases)
      expect(slopeAt(name, at), `${name} at ${at}`).toBeCloseTo(wanted, 6);
    // Far from 0, where the branch not taken would overflow.
    for (const name of ['elu', 'selu', 'celu', 'mish', 'softplus'] as const) {
      expect(slopeAt(name, 200), name).toBeCloseTo(name === 'selu' ? 1.0507009873554805 : 1, 6);
    }
  });

  it.each(Object.keys(scalar))('%s is the end of the product before it, or one pass over memory', name => {
    const [x, w, b] = [
      ops.input({name: 'x', shape: [8, 16]}),
      ops.input({name: 'w', shape: [16, 32]}),
      ops.input({name: 'b', shape: [32]}),
    ];
    const y = activations[name as Name]()(ops.add(ops.matmul(x, w), b));
    const names = compile(y).plan.instructions.map(instruction => instruction.name);
    expect(names[0]).toBe('matmul');
    expect([[], ['map']]).toContainEqual(names.slice(1));
  });

  it('by name, by member, by call, and as JSON', () => {
    for (const name of Object.keys(activations) as Name[]) {
      const member = toActivation(name);
      expect(member.kind).toBe(name);
      expect(toActivation(activations[name] as never).kind).toBe(name);
      const made = layers.dense({units: 2, activation: name, inputShape: [4]});
      expect(made.config).toMatchObject({activation: name});
    }
    const layer = layers.dense({units: 2, activation: activations.elu({alpha: 0.3}), inputShape: [2]});
    expect(layer.config.activation).toEqual({kind: 'elu', alpha: 0.3});
  });

  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => activations.leakyRelu({negativeSlope: -1}),
      /leakyRelu: negativeSlope: expected .* >= 0. Received -1/,
    ],
    [() => activations.elu({alpha: Number.NaN}), /elu: alpha: expected a finite number. Received NaN/],
    [() => activations.squareplus({b: 0}), /squareplus: b: expected a finite number > 0. Received 0/],
    [() => activations.softShrink({threshold: -1}), /softShrink: threshold: expected .* >= 0. Received -1/],
    [() => activations.threshold({threshold: Number.NaN}), /threshold: threshold: expected a finite number/],
    [() => activations.celu({alpha: 0}), /celu: alpha: expected a finite number > 0. Received 0/],
    [
      () => activations.gelu({approximate: 'tanh' as never}),
      /approximate: expected true or false. Received "tanh"/,
    ],
    [() => activations.glu()(ops.ones([2, 3])), /glu: expected an even number of elements .*\[2,3\]/],
    [() => layers.dense({units: 1, activation: 'geluu' as never}), /unknown activation "geluu". .*"gelu"/],
  ];
  it.each(refused)('refuse a wrong option: %#', (call, text) => {
    expect(call).toThrow(text);
  });
});
