// Tables that a step updates in the rows of its batch alone: against the rules in float64, for rows that are
// left out for a step and read again; and the same step whether the table has a thousand rows or 100,000.
import {describe, expect, it} from 'vitest';
import {layers, type Optimizer, optimizers, sequential} from '../../../lib/index.ts';
import type {Plan} from '../../../lib/plan.ts';
import {onCompile} from '../../../lib/session/compile.ts';

const [width, ids] = [3, 2];
/** Twice in a sample, in two samples, left out of the second step and read again in the third. */
const batches = [
  [5, 700, 5, 5],
  [8, 700, 9, 8],
  [5, 9, 700, 5],
];
const targets = [
  [1, -2],
  [0.5, 3],
  [-1, 2],
];
const factors = [0.5, -1, 2, 1.5, 0.25, -0.75];
const startOf = (row: number, column: number): number => Math.fround(Math.sin(row * width + column));

/** Of a number: how it moves by a gradient in step `step`, with what was kept of it. */
type Rule = (gradient: number, kept: number[], step: number) => number;

const rules: Readonly<Record<string, readonly [make: () => Optimizer, moments: number, rule: Rule]>> = {
  sgd: [() => optimizers.sgd({learningRate: 0.1}), 0, gradient => -0.1 * gradient],
  momentum: [
    () => optimizers.sgd({learningRate: 0.1, momentum: 0.9}),
    1,
    (gradient, kept) => {
      kept[0] = 0.9 * (kept[0] as number) + gradient;
      return -0.1 * kept[0];
    },
  ],
  adagrad: [
    () => optimizers.adagrad({learningRate: 0.1, initialAccumulatorValue: 0.2}),
    1,
    (gradient, kept) => {
      kept[0] = (kept[0] as number) + gradient ** 2;
      return (-0.1 * gradient) / (Math.sqrt(kept[0] + 0.2) + 1e-7);
    },
  ],
  adam: [
    () => optimizers.adam({learningRate: 0.1}),
    2,
    (gradient, kept, step) => {
      kept[0] = 0.9 * (kept[0] as number) + 0.1 * gradient;
      kept[1] = 0.999 * (kept[1] as number) + 0.001 * gradient ** 2;
      const [mean, square] = [kept[0] / (1 - 0.9 ** (step + 1)), kept[1] / (1 - 0.999 ** (step + 1))];
      return (-0.1 * mean) / (Math.sqrt(square) + 1e-7);
    },
  ],
  lion: [
    () => optimizers.lion({learningRate: 0.1, beta1: 0.9, beta2: 0.99}),
    1,
    (gradient, kept) => {
      const sign = Math.sign(0.9 * (kept[0] as number) + 0.1 * gradient);
      kept[0] = 0.99 * (kept[0] as number) + 0.01 * gradient;
      return -0.1 * sign;
    },
  ],
};

/** The rows that are read after each step, in float64: their numbers, and the moments of each. */
function plainRows(rule: Rule, moments: number): Map<number, number[]>[] {
  const table = new Map<number, number[]>();
  const kept = new Map<number, number[][]>();
  for (const row of new Set(batches.flat())) {
    table.set(
      row,
      Array.from({length: width}, (_, column) => startOf(row, column)),
    );
    kept.set(
      row,
      Array.from({length: width}, () => new Array<number>(moments).fill(0)),
    );
  }
  return batches.map((batch, step) => {
    const gradients = new Map<number, number[]>();
    for (const [sample, target] of (targets[step] as number[]).entries()) {
      const own = batch.slice(sample * ids, (sample + 1) * ids);
      const parts = own.flatMap((row, at) =>
        (table.get(row) as number[]).map((value, column) => value * (factors[at * width + column] as number)),
      );
      const error = parts.reduce((sum, part) => sum + part, 0) - target;
      own.forEach((row, at) => {
        const sum = gradients.get(row) ?? new Array<number>(width).fill(0);
        gradients.set(
          row,
          sum.map((value, column) => value + error * (factors[at * width + column] as number)),
        );
      });
    }
    for (const [row, gradient] of gradients) {
      const values = table.get(row) as number[];
      gradient.forEach((value, column) => {
        const own = kept.get(row)?.[column] as number[];
        values[column] = (values[column] as number) + rule(value, own, step);
      });
    }
    return new Map([...table].map(([row, values]) => [row, [...values]]));
  });
}

interface Trained {
  readonly first: Float32Array;
  /** The table and its moments, after each step. */
  readonly steps: readonly (readonly Float32Array[])[];
  /** Of a step. */
  readonly plan: Plan;
}

/** Rows that are not as at first, which is zeros by default. */
function changedRows(values: Float32Array, first?: Float32Array): number[] {
  const rows: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== (first ? first[at] : 0)) rows.push(Math.floor(at / width));
  }
  return rows;
}

/** What a step does, the bytes beside the table, and which instructions see the table. */
const workOf = ({arenaBytes, instructions}: Plan, rows: number) => ({
  arenaBytes,
  instructions: instructions.map(({name, times}) => [name, times]),
  ofTable: instructions
    .filter(each => [...each.inputs, ...each.outputs].some(text => text.includes(`[${rows},${width}]`)))
    .map(({name}) => name),
});

async function train(rows: number, make: () => Optimizer): Promise<Trained> {
  const net = sequential([
    layers.embedding({inputDim: rows, outputDim: width, sparse: true, inputShape: [ids]}),
    layers.flatten(),
    layers.dense({units: 1, useBias: false, trainable: false}),
  ]);
  const table = Float32Array.from({length: rows * width}, (_, at) =>
    startOf(Math.floor(at / width), at % width),
  );
  net.setWeights([table, Float32Array.from(factors)]);
  net.compile({optimizer: make(), loss: 'meanSquaredError'});
  let trained: Plan | undefined;
  onCompile(({plan}) => {
    if (plan.instructions.some(({name}) => name.endsWith('Rows'))) trained = plan;
  });
  try {
    const steps: Float32Array[][] = [];
    for (const [step, batch] of batches.entries()) {
      await net.trainOnBatch(
        {data: Int32Array.from(batch), shape: [batch.length / ids, ids]},
        (targets[step] as number[]).map(target => [target]),
      );
      const all = [...net.getWeights(), ...net.optimizer.getWeights()];
      steps.push(
        all.flatMap(({data, shape}) => (shape[0] === rows ? [Float32Array.from(data as Float32Array)] : [])),
      );
    }
    return {first: table, steps, plan: trained as unknown as Plan};
  } finally {
    onCompile(undefined);
    net.dispose();
  }
}

describe.each(Object.entries(rules))('%s by rows', (_, [make, moments, rule]) => {
  it('is its rule for the rows that a step reads, the others stay, in a table of any size', async () => {
    const wanted = plainRows(rule, moments);
    const [small, large] = [await train(1000, make), await train(100_000, make)];
    const work = workOf(large.plan, 100_000);
    expect(work).toEqual(workOf(small.plan, 1000));
    // None but what reads its rows and what updates them.
    expect(work.ofTable).toEqual(['gather', expect.stringMatching(/Rows$/)]);
    const read = [...new Set(batches.flat())];
    for (const [step, tables] of large.steps.entries()) {
      expect(tables).toHaveLength(1 + moments);
      const [table = new Float32Array()] = tables;
      for (const row of read) {
        wanted[step]?.get(row)?.forEach((value, column) => {
          expect(table[row * width + column], `step ${step}, row ${row}`).toBeCloseTo(value, 5);
        });
      }
      // The same bits, moments as well.
      const smaller = small.steps[step] as readonly Float32Array[];
      expect(tables.map(own => own.subarray(0, 1000 * width))).toEqual(smaller);
      // Every other row is as it was.
      const moved = tables.flatMap((own, index) => changedRows(own, index === 0 ? large.first : undefined));
      expect(new Set(moved)).toEqual(new Set(batches.slice(0, step + 1).flat()));
    }
  });
});
