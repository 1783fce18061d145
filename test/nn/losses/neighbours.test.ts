// Losses of sequences and of vectors, beside formulas of their own; trainings beside PyTorch stand in
// test/recorded.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../../lib/core/tensor.ts';
import {activations, layers, losses, metrics, ops, sequential} from '../../../lib/index.ts';
import {expectComposite} from '../../conformance/composite.ts';
import {exactly, type Operand, reals} from '../../conformance/data.ts';

type Row = readonly number[];
const rowsOf = (values: ArrayLike<number>, size: number): number[][] =>
  Array.from({length: values.length / size}, (_, row) =>
    Array.from(values).slice(size * row, size * row + size),
  );
const whole = (values: Row, shape: number[]): Operand => ({
  data: Int32Array.from(values),
  shape,
  dtype: 'int32',
});
const softmax = (x: Row): number[] => {
  const powers = x.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
};

const mean = (values: Row): number => values.reduce((a, b) => a + b, 0) / values.length;

/** All ways in which steps may spell labels, one after another: the sum of their probabilities. */
function spelled(probabilities: Row[], labels: Row): number {
  const classes = probabilities[0]?.length as number;
  let total = 0;
  const walk = (path: number[], probability: number): void => {
    const step = path.length;
    if (step === probabilities.length) {
      const merged = path.filter((label, at) => label !== path[at - 1]).filter(label => label !== 0);
      if (merged.join() === labels.join()) total += probability;
      return;
    }
    for (let label = 0; label < classes; label++) {
      walk([...path, label], probability * (probabilities[step]?.[label] as number));
    }
  };
  walk([], 1);
  return total;
}

describe('losses.ctc', () => {
  const [steps, classes] = [5, 3];
  const targets = [
    [1, 2, 0, 0, 0],
    [2, 2, 0, 0, 0],
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
  ];
  const labels = whole(targets.flat(), [4, steps]);
  const exact = (y: Float64Array): number[] =>
    rowsOf(y, steps * classes).map((sample, row) => {
      const probabilities = rowsOf(sample, classes).map(softmax);
      const wanted = (targets[row] as number[]).filter(label => label !== 0);
      return -Math.log(spelled(probabilities, wanted));
    });

  it('of one step is the probability of its label, or of the blank', () => {
    const loss = losses.ctc();
    expectComposite('ctc', {
      build: (y, t) => loss(t, y),
      exact: y =>
        rowsOf(y, classes).map((row, at) => -Math.log(softmax(row)[[2, 0, 1][at] as number] as number)),
      operands: [reals([3, 1, classes], -2, 2), whole([2, 0, 1], [3, 1])],
      differentiable: 1,
      tolerance: 4e-6,
    });
  });

  it.each([
    [steps, labels],
    [
      2,
      whole(
        targets.flatMap(row => row.slice(0, 2)),
        [4, 2],
      ),
    ],
  ])('of %i labels is the sum over all ways to spell the target', (maxLabels, labels) => {
    const loss = losses.ctc({maxLabels});
    for (const last of [(y: Tensor) => y, (y: Tensor) => activations.softmax()(y)]) {
      expectComposite('ctc', {
        build: (y, t) => loss(t, last(y)),
        exact,
        operands: [reals([4, steps, classes], -2, 2), labels],
        // Its gradients are those of a loop: see the run beside PyTorch.
        differentiable: 0,
        tolerance: 4e-6,
      });
    }
  });

  it('of labels with room of their own is over the steps that a mask leaves', async () => {
    const net = sequential([layers.masking({inputShape: [steps, classes]})]);
    const short = targets.map(row => row.slice(0, 2));
    const samples = rowsOf(reals([4, steps, classes], -2, 2).data, classes);
    // All steps of the first sample, three of the second, none of the third, two apart of the last.
    const left = [[0, 1, 2, 3, 4], [0, 1, 2], [], [1, 4]];
    const x = samples.map((step, at) =>
      left[Math.floor(at / steps)]?.includes(at % steps) ? step : [0, 0, 0],
    );
    const each = left.map((own, row) => {
      const probabilities = own.map(step => softmax(x[row * steps + step] as Row));
      return -Math.log(
        spelled(
          probabilities,
          (short[row] as Row).filter(label => label !== 0),
        ),
      );
    });
    net.compile({
      optimizer: 'sgd',
      loss: losses.ctc({maxLabels: 2}),
      metrics: [metrics.editDistance({normalize: false})],
      warn: false,
    });
    const given = {data: Float32Array.from(x.flat()), shape: [4, steps, classes]};
    const sampleWeight = [1, 0.5, 2, 3];
    const weighted = each.map((loss, row) => loss * (sampleWeight[row] as number));
    const logs = await net.evaluate(given, short);
    expect(logs.loss).toBeCloseTo(mean(each), 4);
    expect(logs.editDistance).toBeGreaterThan(0);
    expect((await net.evaluate(given, short, {sampleWeight})).loss).toBeCloseTo(mean(weighted), 4);
    await expect(net.evaluate(given, targets)).rejects.toThrow(/maxLabels: 5}\) takes rows of 5 labels/);
  });

  it('refuses what is no sequence', () => {
    const net = sequential([layers.dense({units: 3, inputShape: [2]})]);
    expect(() => net.compile({optimizer: 'sgd', loss: losses.ctc()})).not.toThrow();
    return expect(net.fit([[1, 2]], [1], {epochs: 1, verbose: 0})).rejects.toThrow(/ctc: expected labels/);
  });

  it('is very large, and stops nothing, where the steps are too few', async () => {
    const net = sequential([layers.dense({units: 3, inputShape: [2, 2]})]);
    net.compile({optimizer: 'sgd', loss: 'ctc', warn: false});
    // Two equal labels need a blank between them: three steps.
    const {loss} = await net.evaluate(
      [
        [
          [1, 2],
          [3, 4],
        ],
      ] as never,
      [[2, 2]],
    );
    expect(loss).toBeGreaterThan(1e29);
  });
});

describe('losses.contrastive', () => {
  it('follows its formula', () => {
    const exact = (d: Float64Array, y: Float64Array): number[] =>
      rowsOf(d, 2).map((row, at) => {
        const each = row.map((distance, column) =>
          y[2 * at + column] === 1 ? distance ** 2 : Math.max(0.8 - distance, 0) ** 2,
        );
        return ((each[0] as number) + (each[1] as number)) / 2;
      });
    const loss = losses.contrastive({margin: 0.8});
    expectComposite('contrastive', {
      build: (d, y) => loss(y, d),
      exact,
      operands: [exactly([0.1, 0.5, 1.2, 0.7, 0.3, 2], [3, 2]), exactly([1, 0, 0, 1, 0, 1], [3, 2])],
      differentiable: 1,
    });
  });
});

const distance = (a: Row, b: Row): number => Math.hypot(...a.map((value, at) => value - (b[at] as number)));

describe('losses.triplet', () => {
  const labels = [0, 1, 0, 2, 1, 0, 1];
  const target = whole(labels, [7]);
  const exactOf = (mining: string, soft: boolean) => (x: Float64Array) => {
    const rows = rowsOf(x, 2);
    return rows.map((row, at) => {
      const others = rows.map((other, index) => [distance(row, other), index] as const);
      const own = others.filter(([, index]) => index !== at && labels[index] === labels[at]).map(([d]) => d);
      const rest = others.filter(([, index]) => labels[index] !== labels[at]).map(([d]) => d);
      // Nobody else has label 2.
      if (own.length === 0) return 0;
      const farthest = Math.max(...own);
      const beyond = rest.filter(d => d > farthest);
      const nearest = Math.min(...(mining === 'semiHard' && beyond.length > 0 ? beyond : rest));
      const apart = farthest - nearest;
      return soft ? Math.log1p(Math.exp(apart)) : Math.max(apart + 0.4, 0);
    });
  };

  it.each([
    ['hard', false],
    ['semiHard', false],
    ['semiHard', true],
  ] as const)('%s, soft: %s, follows its formula', (mining, soft) => {
    const loss = losses.triplet({margin: 0.4, mining, soft});
    expectComposite('triplet', {
      build: (x, t) => loss(t, x),
      exact: exactOf(mining, soft),
      operands: [reals([7, 2], -1, 1), target],
      differentiable: 1,
      tolerance: 1e-5,
    });
  });

  it('is 0 where all vectors have one label, and where two are the same', () => {
    const build = (x: Tensor, t: Tensor): Tensor => losses.triplet({mining: 'hard'})(t, x);
    const one = whole([3, 3, 3], [3]);
    const zero = exactly([0, 0, 0, 0, 0, 0], [3, 2]);
    expectComposite('one label', {build, exact: () => [0, 0, 0], operands: [zero, one], differentiable: 0});
  });
});

describe('losses.inBatchNegatives', () => {
  const ids = [4, 5, 4, 7];
  const target = whole(ids, [4]);

  it.each([true, false])('follows its formula, without accidental hits: %s', removeAccidentalHits => {
    const loss = losses.inBatchNegatives({temperature: 0.7, removeAccidentalHits});
    const exact = (x: Float64Array): number[] => {
      const rows = rowsOf(x, 6);
      return rows.map((row, at) => {
        const scores = rows.map((other, index) => {
          const hit = index !== at && ids[index] === ids[at];
          if (removeAccidentalHits && hit) return Number.NEGATIVE_INFINITY;
          return row.slice(0, 3).reduce((sum, q, k) => sum + q * (other[3 + k] as number), 0) / 0.7;
        });
        return -Math.log(softmax(scores)[at] as number);
      });
    };
    expectComposite('inBatchNegatives', {
      build: (x, t) => loss(t, x),
      exact,
      operands: [reals([4, 6], -1, 1), target],
      differentiable: 1,
      tolerance: 4e-6,
    });
  });

  it('says what is wrong', () => {
    const x = ops.input({name: 'x', shape: [4, 5]});
    const t = ops.input({name: 't', shape: [4], dtype: 'int32'});
    expect(() => losses.inBatchNegatives()(t, x)).toThrow(/expected two vectors of one size\. Received 5/);
    const short = ops.input({name: 't', shape: [3], dtype: 'int32'});
    expect(() => losses.triplet()(short, x)).toThrow(/a label of each\. Received \[3\] and \[4,5\]/);
    expect(() => losses.triplet({mining: 'easy' as never})).toThrow(/mining/);
    expect(() => losses.contrastive({margin: -1})).toThrow(/margin/);
    expect(() => losses.inBatchNegatives({temperature: 0})).toThrow(/temperature/);
    expect(() => losses.ctc({maxLabels: 0})).toThrow(/maxLabels/);
  });
});
