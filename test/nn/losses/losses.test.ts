// Every loss against its formula in float64: values, gradients, options, limits.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../../lib/core/tensor.ts';
import {activations, layers, losses, ops, sequential} from '../../../lib/index.ts';
import {toLoss} from '../../../lib/nn/resolve.ts';
import {expectComposite} from '../../conformance/composite.ts';
import {exactly, integers, type Operand, reals, spread} from '../../conformance/data.ts';

type Name = keyof typeof losses;
type Row = readonly number[];
/** Of one row of the last axis. */
type Formula = (target: Row, output: Row) => number;

const meanOf = (values: Row): number => values.reduce((a, b) => a + b, 0) / values.length;
const sumOf = (values: Row): number => values.reduce((a, b) => a + b, 0);
const each =
  (formula: (t: number, y: number) => number): Formula =>
  (target, output) =>
    meanOf(output.map((y, at) => formula(target[at] as number, y)));
const clip = (p: number): number => Math.min(Math.max(p, 1e-7), 1 - 1e-7);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softmax = (x: Row): number[] => {
  const powers = x.map(value => Math.exp(value - Math.max(...x)));
  return powers.map(power => power / sumOf(powers));
};
const shares = (p: Row): number[] => p.map(value => clip(value / sumOf(p)));
const logOfOneMore = (x: number): number => Math.log(Math.max(x, 1e-7) + 1);
const cross = (t: number, p: number): number => -t * Math.log(p) - (1 - t) * Math.log(1 - p);
const crossOf = (target: Row, p: Row): number =>
  -sumOf(p.map((q, at) => (target[at] as number) * Math.log(q)));
const smooth = (target: Row, share: number): number[] =>
  target.map(t => t * (1 - share) + share / target.length);
const miss = (t: number, y: number): number => Math.max(1 - (t === 0 ? -1 : t) * y, 0);

const huber =
  (delta: number): Formula =>
  (target, output) =>
    each((t, y) => {
      const d = Math.abs(y - t);
      return d <= delta ? d * d * 0.5 : delta * d - 0.5 * delta ** 2;
    })(target, output);

const cosine: Formula = (target, output) => {
  const length = (x: Row): number => Math.max(Math.hypot(...x), 1e-7);
  return -sumOf(output.map((y, at) => y * (target[at] as number))) / length(target) / length(output);
};

function binaryFocal(alpha: number | undefined, gamma: number, probability: (x: number) => number): Formula {
  return each((t, y) => {
    const p = clip(probability(y));
    const balance = alpha === undefined ? 1 : t * alpha + (1 - t) * (1 - alpha);
    return balance * (1 - (t * p + (1 - t) * (1 - p))) ** gamma * cross(t, p);
  });
}

function categoricalFocal(alpha: number, gamma: number, probabilities: (x: Row) => Row): Formula {
  return (target, output) =>
    -sumOf(
      probabilities(output).map((p, at) => alpha * (1 - p) ** gamma * (target[at] as number) * Math.log(p)),
    );
}

/** Rows of probabilities that sum to 1 nearly. */
function distribution(rows: number, classes: number): Operand {
  const raw = reals([rows, classes], 0.1, 1);
  const data = raw.data.map((value, at) => {
    const first = at - (at % classes);
    return value / sumOf([...raw.data.slice(first, first + classes)]);
  });
  return {...raw, data: Float32Array.from(data)};
}

function oneHot(rows: number, classes: number): Operand {
  const data = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) data[row * classes + ((row * row + 1) % classes)] = 1;
  return {shape: [rows, classes], dtype: 'float32', data};
}

const bits = (rows: number, width: number): Operand => {
  const {data, shape} = integers([rows, width], 0, 1);
  return {shape, dtype: 'float32', data: Float32Array.from(data)};
};
const signs = (rows: number, width: number): Operand => {
  const operand = bits(rows, width);
  return {...operand, data: operand.data.map(bit => 2 * bit - 1)};
};

interface Case {
  readonly name: Name;
  readonly options?: object;
  readonly formula: Formula;
  readonly target: Operand;
  readonly output: Operand;
}

const [rows, width] = [6, 4];
/** Targets and outputs that are nowhere equal. */
const apart = {target: reals([rows, width], -1, 1), output: spread([rows, width], 1.3)};
const counts = {target: reals([rows, width], 0, 9), output: reals([rows, width], 0.2, 9)};
const binary = {target: bits(rows, width), output: reals([rows, width], 0.05, 0.95)};
const binaryLogits = {target: bits(rows, width), output: reals([rows, width], -6, 6)};
const hot = {target: oneHot(rows, width), output: distribution(rows, width)};
const hotLogits = {target: oneHot(rows, width), output: reals([rows, width], -5, 5)};
const soft = {target: distribution(rows, width), output: distribution(rows, width)};
/** Margins are nowhere met exactly. */
const scores = {target: signs(rows, width), output: reals([rows, width], -0.9, 0.9)};

const cases: readonly Case[] = [
  {name: 'meanSquaredError', formula: each((t, y) => (y - t) ** 2), ...apart},
  {name: 'meanAbsoluteError', formula: each((t, y) => Math.abs(y - t)), ...apart},
  {
    name: 'meanAbsolutePercentageError',
    formula: each((t, y) => (100 * Math.abs(y - t)) / Math.max(Math.abs(t), 1e-7)),
    ...apart,
  },
  {
    name: 'meanSquaredLogarithmicError',
    formula: each((t, y) => (logOfOneMore(y) - logOfOneMore(t)) ** 2),
    ...counts,
  },
  {name: 'logcosh', formula: each((t, y) => Math.log(Math.cosh(y - t))), ...apart},
  {name: 'poisson', formula: each((t, y) => y - t * Math.log(y + 1e-7)), ...counts},
  {name: 'huber', formula: huber(1), ...apart},
  {name: 'huber', options: {delta: 2.5}, formula: huber(2.5), ...apart},
  {name: 'cosineSimilarity', formula: cosine, ...apart},
  {name: 'cosineSimilarity', options: {axis: 1}, formula: cosine, ...apart},
  {name: 'hinge', formula: each(miss), ...scores},
  {name: 'hinge', formula: each(miss), ...scores, target: bits(rows, width)},
  {name: 'squaredHinge', formula: each((t, y) => miss(t, y) ** 2), ...scores},
  {
    name: 'categoricalHinge',
    formula(target, output) {
      const right = sumOf(output.map((y, at) => y * (target[at] as number)));
      const wrong = Math.max(...output.map((y, at) => y * (1 - (target[at] as number))));
      return Math.max(wrong - right + 1, 0);
    },
    target: hot.target,
    output: spread([rows, width], 0.13),
  },
  {
    name: 'kullbackLeiblerDivergence',
    formula: (target, output) => sumOf(target.map((t, at) => t * Math.log(t / (output[at] as number)))),
    ...soft,
  },
  {name: 'binaryCrossentropy', formula: each(cross), ...binary},
  {
    name: 'binaryCrossentropy',
    options: {fromLogits: true},
    formula: each((t, y) => cross(t, sigmoid(y))),
    ...binaryLogits,
  },
  {
    name: 'binaryCrossentropy',
    options: {labelSmoothing: 0.2},
    formula: each((t, y) => cross(0.8 * t + 0.1, y)),
    ...binary,
  },
  {name: 'categoricalCrossentropy', formula: (t, y) => crossOf(t, shares(y)), ...hot},
  {name: 'categoricalCrossentropy', formula: (t, y) => crossOf(t, shares(y)), ...soft},
  {
    name: 'categoricalCrossentropy',
    options: {fromLogits: true, labelSmoothing: 0.1},
    formula: (t, y) => crossOf(smooth(t, 0.1), softmax(y)),
    ...hotLogits,
  },
  {name: 'binaryFocalCrossentropy', formula: binaryFocal(undefined, 2, p => p), ...binary},
  {
    name: 'binaryFocalCrossentropy',
    options: {applyClassBalancing: true, alpha: 0.3, gamma: 3, fromLogits: true},
    formula: binaryFocal(0.3, 3, sigmoid),
    ...binaryLogits,
  },
  {
    name: 'binaryFocalCrossentropy',
    options: {gamma: 1.5},
    formula: binaryFocal(undefined, 1.5, p => p),
    ...binary,
  },
  {name: 'binaryFocalCrossentropy', options: {gamma: 0}, formula: each(cross), ...binary},
  {name: 'categoricalFocalCrossentropy', formula: categoricalFocal(0.25, 2, shares), ...hot},
  {
    name: 'categoricalFocalCrossentropy',
    options: {alpha: 0.5, gamma: 0.5, fromLogits: true, labelSmoothing: 0.1},
    formula: (t, y) => categoricalFocal(0.5, 0.5, softmax)(smooth(t, 0.1), y),
    ...hotLogits,
  },
];

const rowsOf = (values: Float64Array, size: number): number[][] =>
  Array.from({length: values.length / size}, (_, row) => [...values.slice(size * row, size * row + size)]);

describe('losses of numbers', () => {
  type Case = (typeof cases)[number];
  const named = (some: readonly Case[]) =>
    some.map(one => [`${one.name} ${JSON.stringify(one.options ?? {})}`, one] as const);

  function compositeOf({name, options, formula, target, output}: Case) {
    const loss = (losses[name] as (given?: object) => ReturnType<typeof toLoss>)(options);
    expect([loss.kind, loss.config, loss.targets]).toEqual([name, options ?? {}, 'values']);
    const exact = (y: Float64Array, t: Float64Array): number[] => {
      const targets = rowsOf(t, width);
      return rowsOf(y, width).map((row, at) => formula(targets[at] as number[], row));
    };
    const build = (y: Tensor, t: Tensor): Tensor => loss(t, y);
    return {build, exact, operands: [output, target], differentiable: 1, tolerance: 2e-6};
  }

  it.each(named(cases))('%s follows its formula', (what, one) => {
    expectComposite(what, compositeOf(one));
  });

  const overRows = cases.filter(({options}) => options === undefined || !('axis' in options));
  it.each(named(overRows))('%s is the mean of the rows where samples have more axes', (what, one) => {
    const lines = (operand: Operand): Operand => ({...operand, shape: [2, 3, width]});
    const composite = compositeOf(one);
    expectComposite(what, {
      ...composite,
      operands: composite.operands.map(lines),
      exact(y, t) {
        const all = composite.exact(y, t);
        return [meanOf(all.slice(0, 3)), meanOf(all.slice(3))];
      },
    });
  });

  it('cosineSimilarity along another axis of a sample', () => {
    const loss = losses.cosineSimilarity({axis: 1});
    const exact = (y: Float64Array, t: Float64Array): number[] =>
      [0, 1].map(sample => {
        const column = (from: Float64Array, at: number): number[] =>
          [0, 1, 2].map(row => from[12 * sample + 4 * row + at] as number);
        return meanOf([0, 1, 2, 3].map(at => cosine(column(t, at), column(y, at))));
      });
    const operands = [reals([2, 3, 4]), reals([2, 3, 4])];
    expectComposite('cosineSimilarity', {build: (y, t) => loss(t, y), exact, operands, differentiable: 1});
  });

  it('have finite derivatives where they have none', () => {
    const flat: Readonly<Partial<Record<Name, number>>> = {
      cosineSimilarity: 0,
      meanAbsoluteError: 0,
      huber: 0,
    };
    for (const name of Object.keys(flat) as Name[]) {
      const loss = losses[name]();
      const zero = exactly([0, 0], [1, 2]);
      const build = (y: Tensor, t: Tensor): Tensor => ops.mul(loss(t, y), 1);
      expectComposite(name, {build, exact: () => [0], operands: [zero, zero], differentiable: 0});
    }
  });
});

describe('sparseCategoricalCrossentropy', () => {
  const labels = integers([rows], 0, width - 1);
  const formula = (probabilities: (x: Row) => Row, share: number) => (y: Float64Array, t: Float64Array) =>
    rowsOf(y, width).map((row, at) => {
      const hotRow = Array.from({length: width}, (_, index) => Number(index === t[at]));
      return crossOf(smooth(hotRow, share), probabilities(row));
    });
  it.each([
    [{}, shares, distribution(rows, width), 0],
    [{labelSmoothing: 0.2}, shares, distribution(rows, width), 0.2],
    [{fromLogits: true}, softmax, reals([rows, width], -6, 6), 0],
    [{fromLogits: true, labelSmoothing: 0.1}, softmax, reals([rows, width], -6, 6), 0.1],
  ] as const)('with %j', (options, probabilities, output, share) => {
    const loss = losses.sparseCategoricalCrossentropy(options);
    const exact = formula(probabilities, share);
    const composite = {exact, operands: [output, labels], differentiable: 1, tolerance: 2e-6};
    expectComposite('sparse', {...composite, build: (y, t) => loss(t, y)});
    const lines = {...output, shape: [2, 3, width]};
    expectComposite('sparse, of three axes', {
      ...composite,
      operands: [lines, {...labels, shape: [2, 3]}],
      build: (y, t) => loss(t, y),
      exact(y, t) {
        const all = exact(y, t);
        return [meanOf(all.slice(0, 3)), meanOf(all.slice(3))];
      },
    });
  });

  it('takes the logits of a softmax', () => {
    const far = exactly([200, -200, 0, 0], [1, 4]);
    for (const labelSmoothing of [0, 0.1]) {
      const loss = losses.sparseCategoricalCrossentropy({labelSmoothing});
      const label = {...integers([1], 1, 1), dtype: 'int32' as const};
      const exact = (): number[] => [400 * (1 - labelSmoothing) + labelSmoothing * 200];
      const build = (y: Tensor, t: Tensor): Tensor => loss(t, activations.softmax()(y));
      expectComposite('far', {build, exact, operands: [far, label], differentiable: 0});
    }
  });
});

describe('losses', () => {
  it('are all of the table', () => {
    const others = ['contrastive', 'ctc', 'dice', 'inBatchNegatives', 'triplet', 'tversky'];
    const tested = new Set<string>([
      ...cases.map(({name}) => name),
      'sparseCategoricalCrossentropy',
      ...others,
    ]);
    expect([...tested].sort()).toEqual(Object.keys(losses).sort());
  });

  it('have the short names of Keras', () => {
    const short = {
      mse: 'meanSquaredError',
      mae: 'meanAbsoluteError',
      mape: 'meanAbsolutePercentageError',
      msle: 'meanSquaredLogarithmicError',
      bce: 'binaryCrossentropy',
      kld: 'kullbackLeiblerDivergence',
    } as const;
    for (const [name, long] of Object.entries(short)) expect(toLoss(name as 'mse').kind).toBe(long);
  });

  const model = sequential([layers.dense({units: 3, inputShape: [2]})]);
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => losses.huber({delta: 0}), /losses.huber: delta: expected a finite number > 0/],
    [() => losses.cosineSimilarity({axis: 1.5}), /cosineSimilarity: axis: expected an integer/],
    [
      () => losses.cosineSimilarity({axis: 0})(ops.ones([2, 3]), ops.ones([2, 3])),
      /cosineSimilarity: axis 0 is none of a sample's axes/,
    ],
    [
      () => losses.binaryCrossentropy({fromLogits: 1 as never}),
      /fromLogits: expected true or false. Received 1/,
    ],
    [() => losses.binaryCrossentropy({labelSmoothing: 2}), /binaryCrossentropy: labelSmoothing: .* <= 1/],
    [() => losses.categoricalCrossentropy({labelSmoothing: -1}), /labelSmoothing: .* >= 0/],
    [() => losses.sparseCategoricalCrossentropy({ignoreClass: 0.5}), /ignoreClass: expected an integer/],
    [() => losses.binaryFocalCrossentropy({alpha: 2}), /binaryFocalCrossentropy: alpha: .* <= 1/],
    [
      () => losses.binaryFocalCrossentropy({applyClassBalancing: 'yes' as never}),
      /applyClassBalancing: expected true/,
    ],
    [() => losses.categoricalFocalCrossentropy({gamma: -1}), /categoricalFocalCrossentropy: gamma: .* >= 0/],
    [() => model.compile({optimizer: 'sgd', loss: 'hubert' as never}), /unknown loss "hubert". .*"huber"/],
    [
      () => losses.hinge()(ops.ones([2, 3]), ops.ones([2, 4])),
      /hinge: the target must be numbers of the output's shape. Received float32\[2,3\] and float32\[2,4\]/,
    ],
    [
      () => losses.sparseCategoricalCrossentropy()(ops.ones([2, 3]), ops.ones([2, 3])),
      /expected class labels without the output's last axis. Received \[2,3\] and \[2,3\]/,
    ],
  ];
  it.each(refused)('refuse a wrong option: %#', (call, text) => {
    expect(call).toThrow(text);
  });
});
