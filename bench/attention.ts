// Attention as a share of the multiply-add peak of the same run, on one thread: its result and its gradients,
// for the lengths of the char transformer and of long texts. A causal mask halves the pairs that count.
import type {Tensor, Variable} from '../lib/core/tensor.ts';
import {gradients} from '../lib/graph/autodiff.ts';
import {setThreads} from '../lib/index.ts';
import * as ops from '../lib/ops/index.ts';
import {table} from '../scripts/table.ts';
import {peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf} from './options.ts';
import {randomOperand, TimedInstruction} from './product.ts';
import {digits, percent, saveResults} from './report.ts';

interface Case {
  readonly batch: number;
  readonly steps: number;
  readonly heads: number;
  readonly size: number;
  readonly causal?: boolean;
  /** Whether scores lose by distance. */
  readonly alibi?: boolean;
  /** Of its result; that of its gradients has a word more. */
  readonly goal?: string;
}

const short = {batch: 32, steps: 64, heads: 4, size: 32} as const;
const long = {batch: 4, steps: 1024, heads: 4, size: 32} as const;
const cases: readonly Case[] = [short, long].flatMap(each => [
  {...each, goal: `attention-${each.steps}`},
  {...each, causal: true},
  {...each, alibi: true},
  {...each, size: 64},
]);

const sides = ['result', 'gradients'] as const;
type Side = (typeof sides)[number];

interface Row extends Case {
  readonly side: Side;
  readonly seconds: number;
  readonly flops: number;
}

/** Products of as many multiply-adds as there are pairs and sizes. */
const products: Readonly<Record<Side, number>> = {result: 2, gradients: 5};

function instructionOf({batch, steps, heads, size, causal = false, alibi}: Case, side: Side) {
  const operands = ['q', 'k', 'v'].map(name => randomOperand(name, [batch, steps, heads, size]));
  const [q, k, v] = operands.map(({tensor}) => tensor) as [Tensor, Tensor, Tensor];
  const slopes = Array.from({length: heads}, (_, head) => 2 ** -(2 * head + 2));
  const y = ops.attention(q, k, v, {causal, ...(alibi && {slopes})});
  const dy = randomOperand('dy', y.shape);
  const [dq] = gradients(ops.sum(ops.mul(y, dy.tensor)), [q]);
  if (!dq) throw new Error('bench: attention without a gradient');
  const result = side === 'result' ? y : dq;
  const flops = products[side] * 2 * batch * heads * steps * steps * size * (causal ? 0.5 : 1);
  // One element is checked: the check of all would be part of what is timed.
  const first = ops.slice(ops.reshape(result, [result.size]), 0, 0, 1);
  const given: readonly Variable[] = side === 'result' ? operands : [...operands, dy];
  return {timed: new TimedInstruction({operands: given, result: first, flops}), flops};
}

async function timeCase(given: Case, quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (const side of sides) {
    const {timed, flops} = instructionOf(given, side);
    let seconds = Number.POSITIVE_INFINITY;
    for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
      seconds = Math.min(seconds, await timed.time(1, quick ? 0.02 : 0.05));
    }
    rows.push({...given, side, seconds, flops});
  }
  return rows;
}

function nameOf({batch, steps, heads, size, causal, alibi, side}: Row): string {
  const form = `${causal ? ', causal' : ''}${alibi ? ', ALiBi' : ''}`;
  return `${side}, ${batch} × ${heads} heads, T = ${steps}, d = ${size}${form}`;
}

export async function bench({quick, threads, ceiling}: BenchOptions): Promise<Figures> {
  setThreads(1);
  const rows: Row[] = [];
  for (const given of cases) rows.push(...(await timeCase(given, quick)));
  setThreads(threads);
  const peak = peakOf(remeasurePeak(ceiling), 1);
  const shareOf = ({flops, seconds}: Row): number => flops / seconds / 1e9 / peak;
  console.log(`one thread, peak ${digits(peak)} GFLOP/s`);
  const lines = rows.map(row => [nameOf(row), digits(row.seconds * 1e6), percent(shareOf(row))]);
  console.log(table([['', 'µs', 'of peak'], ...lines]));
  const reached = rows.flatMap(row => {
    if (row.goal === undefined) return [];
    const name = row.side === 'result' ? row.goal : `${row.goal}-gradients`;
    return [[name, {value: shareOf(row)}] as const satisfies readonly [string, Figure]];
  });
  const figures = figuresOf(Object.fromEntries(reached));
  saveResults('attention', {peak, rows, figures});
  return figures;
}
