// Convolutions as a share of the multiply-add peak of the same run: the three products of each, on one
// thread. Those of single channels as a share of a copy. And what bfloat16 gains.
import type {Precision} from '../lib/core/precision.ts';
import type {Variable} from '../lib/core/tensor.ts';
import {gradients} from '../lib/graph/autodiff.ts';
import {setThreads} from '../lib/index.ts';
import * as ops from '../lib/ops/index.ts';
import {table} from '../scripts/table.ts';
import {bandwidthOf, type Ceiling, levelOf, peakOf, remeasurePeak} from './ceiling.ts';
import {type BenchOptions, type Figure, type Figures, figuresOf, geometricMean, worstOf} from './options.ts';
import {randomOperand, TimedInstruction} from './product.ts';
import {digits, percent, saveResults} from './report.ts';

interface Shape {
  readonly size: number;
  readonly images: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly groups: number;
  /** Where its shape would have it. Shares of the peak are of direct sums. */
  readonly winograd: boolean;
  readonly precision: Precision;
}

const shape = (
  size: number,
  images: number,
  channels: number,
  outputs: number,
  kernel = 3,
  stride = 1,
  groups = 1,
): Shape => ({
  size,
  images,
  channels,
  outputs,
  kernel,
  stride,
  groups,
  winograd: false,
  precision: 'float32',
});

/** By the goal that they belong to: its result, and the gradients of its input and its kernel. */
const sides = ['result', 'input', 'kernel'] as const;
type Side = (typeof sides)[number];

interface Case extends Shape {
  readonly goals: Readonly<Partial<Record<Side, string>>>;
  /** Counts among sizes that nobody chose, which have goals together. */
  readonly odd?: boolean;
}

const cases: readonly Case[] = [
  {
    ...shape(32, 32, 64, 64),
    goals: {result: 'conv-3x3', input: 'conv-3x3', kernel: 'conv-3x3-kernel'},
  },
  {...shape(16, 32, 64, 64), goals: {}},
  {...shape(8, 32, 128, 128), goals: {result: 'conv-deep'}},
  {...shape(16, 32, 256, 64, 1), goals: {result: 'conv-1x1'}},
  {...shape(16, 32, 64, 256, 1), goals: {result: 'conv-1x1'}},
  {...shape(32, 32, 3, 32), goals: {result: 'conv-3-channels'}},
  {...shape(28, 64, 1, 32), goals: {result: 'conv-1-channel'}},
  {...shape(32, 32, 32, 64, 5, 2), goals: {result: 'conv-5x5'}},
  {...shape(32, 64, 64, 64, 3, 2), goals: {kernel: 'conv-strided-kernel'}},
  // Few channels of the result of a gradient, or of the last layer.
  {...shape(32, 32, 4, 64), goals: {}},
  {...shape(96, 8, 3, 16, 3, 2), goals: {}},
  {...shape(32, 32, 32, 3), goals: {}},
  ...[shape(32, 32, 64, 64), shape(8, 32, 128, 128), shape(26, 32, 32, 64)].map(each => ({
    ...each,
    winograd: true,
    goals: {},
  })),
  // Sizes that are nobody's choice.
  ...[3, 5, 7, 13, 26].flatMap(size =>
    [1, 3, 12, 20, 50].map(channels => ({...shape(size, 32, channels, 50), goals: {}, odd: true})),
  ),
];
/** From 64 channels on, as they are made by default: in float32 by Winograd's products where the shape is. */
const rounded: readonly Case[] = [
  shape(32, 32, 64, 64),
  shape(8, 32, 128, 128),
  shape(16, 32, 64, 128, 3, 2),
  shape(14, 32, 256, 256),
  shape(28, 32, 64, 64, 5),
].map(each => ({...each, winograd: true, goals: {}}));
const channelwise: readonly Case[] = [
  {
    ...shape(32, 256, 64, 64, 3, 1, 64),
    goals: {result: 'depthwise', input: 'depthwise', kernel: 'depthwise'},
  },
  {
    ...shape(32, 24, 64, 64, 3, 1, 64),
    goals: {result: 'depthwise-l3', input: 'depthwise-l3', kernel: 'depthwise-l3'},
  },
];

interface Row extends Case {
  readonly side: Side;
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
}

const nameOf = (row: Row): string => {
  const {size, images, channels, outputs, kernel, stride, winograd, precision, side} = row;
  const step = stride === 1 ? '' : ` stride ${stride}`;
  const of = `${kernel}×${kernel}${step} ${channels}→${outputs} at ${size}×${size}, batch ${images}`;
  return `${precision === 'float32' ? '' : `${precision}, `}${winograd ? 'Winograd, ' : ''}${side} ${of}`;
};

function instructionOf(given: Case, side: Side): {timed: TimedInstruction; flops: number; bytes: number} {
  const {size, images, channels, outputs, kernel, stride, groups, winograd, precision} = given;
  const x = randomOperand('x', [images, size, size, channels]);
  const w = randomOperand('w', [kernel, kernel, channels / groups, outputs]);
  const options = {strides: stride, padding: 'same', groups, winograd} as const;
  const y = ops.conv(x.tensor, w.tensor, options);
  const dy = randomOperand('dy', y.shape);
  const flops = 2 * y.size * kernel * kernel * (channels / groups);
  const bytes = 4 * (x.tensor.size + y.size);
  const operands: readonly Variable[] = side === 'result' ? [x, w] : side === 'input' ? [w, dy] : [x, dy];
  const loss = ops.sum(ops.mul(y, dy.tensor));
  const [dx, dw] = gradients(loss, [x.tensor, w.tensor]);
  const result = side === 'result' ? y : side === 'input' ? dx : dw;
  if (!result) throw new Error('bench: a convolution without gradients');
  // One element is checked: the check of all would be part of what is timed.
  const first = ops.slice(ops.reshape(result, [result.size]), 0, 0, 1);
  return {timed: new TimedInstruction({operands, result: first, flops, precision}), flops, bytes};
}

async function timeCase(given: Case, quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (const side of sides) {
    const {timed, flops, bytes} = instructionOf(given, side);
    let seconds = Number.POSITIVE_INFINITY;
    for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
      seconds = Math.min(seconds, await timed.time(1, quick ? 0.02 : 0.05));
    }
    rows.push({...given, side, seconds, flops, bytes});
  }
  return rows;
}

const gflops = ({flops, seconds}: Row): number => flops / seconds / 1e9;

/** Of a copy of its input and its result from where they lie. */
function shareOfCopy(row: Row, ceiling: Ceiling): number {
  const level = levelOf(ceiling, row.bytes, 1);
  return row.bytes / row.seconds / 1e9 / bandwidthOf(level, 1, 'triad');
}

function worstByGoal(
  rows: readonly Row[],
  shareOf: (row: Row) => number,
): Record<string, Figure | undefined> {
  const names = new Set(rows.flatMap(({goals}) => Object.values(goals)));
  return Object.fromEntries(
    [...names].map(name => {
      const own = rows.filter(({goals, side}) => goals[side] === name);
      return [name, worstOf(own.map(row => ({value: shareOf(row), note: nameOf(row)})))];
    }),
  );
}

/** Of all sizes that nobody chose the mean, and from 12 channels on, where rows of lanes fill, the worst. */
export function oddFigures(
  rows: readonly (Figure & {readonly channels: number})[],
): Record<string, Figure | undefined> {
  const worst = worstOf(rows.filter(({channels}) => channels >= 12));
  const mean = rows.length > 0 ? {value: geometricMean(rows.map(({value}) => value))} : undefined;
  return {'conv-odd': mean, 'conv-odd-worst': worst && {value: worst.value, note: worst.note ?? ''}};
}

/**
 * One thread ÷ all, for each side that has a goal, measured in turns. What lies in memory is left out: it
 * gains by threads what memory does.
 */
async function measureScaling(threads: number, quick: boolean): Promise<readonly Figure[]> {
  const found: Figure[] = [];
  for (const given of [...cases, ...channelwise]) {
    for (const side of sides.filter(own => (given.goals[own] ?? 'depthwise') !== 'depthwise')) {
      const {timed} = instructionOf(given, side);
      const best = {one: Number.POSITIVE_INFINITY, all: Number.POSITIVE_INFINITY};
      for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
        setThreads(1);
        best.one = Math.min(best.one, await timed.time(1, quick ? 0.02 : 0.05));
        setThreads(threads);
        best.all = Math.min(best.all, await timed.time(threads, quick ? 0.02 : 0.05));
      }
      const row = {...given, side, seconds: best.all, flops: 0, bytes: 0};
      found.push({value: best.one / best.all, note: nameOf(row)});
    }
  }
  return found;
}

/** The worst, beside what multiply-adds in registers gain from as many threads. */
export function scalingOf(rows: readonly Figure[], {fmaGflops, threads}: Ceiling): Figure | undefined {
  const worst = worstOf(rows);
  const probe = (fmaGflops.at(-1) as number) / (fmaGflops[0] as number);
  const beside = `${threads} threads, multiply-adds ${probe.toFixed(2)} ×`;
  return worst && {value: worst.value, note: `${worst.note}; ${beside}`};
}

/** Direct sums ÷ Winograd's products, of the result and the gradient of the input of one shape. */
function winogradOf(rows: readonly Row[]): Figure | undefined {
  const {size, channels} = cases[0] as Case;
  const pairs = sides.slice(0, 2).flatMap(side => {
    const same = rows.filter(row => row.side === side && row.size === size && row.channels === channels);
    const direct = same.find(row => row.goals.result === 'conv-3x3');
    const fast = same.find(({winograd}) => winograd);
    return direct && fast ? [{value: direct.seconds / fast.seconds, note: nameOf(fast)}] : [];
  });
  return worstOf(pairs);
}

/** float32 ÷ bfloat16 for each product of these, in turns. */
async function measureRounded(quick: boolean): Promise<readonly Gain[]> {
  const gains: Gain[] = [];
  for (const given of rounded) {
    for (const side of sides) {
      const both = (['float32', 'bfloat16'] as const).map(
        precision => instructionOf({...given, precision}, side).timed,
      );
      const best = both.map(() => Number.POSITIVE_INFINITY);
      for (let repeat = 0; repeat < (quick ? 2 : 5); repeat++) {
        for (const [index, timed] of both.entries()) {
          best[index] = Math.min(best[index] as number, await timed.time(1, quick ? 0.02 : 0.05));
        }
      }
      const [float32, bfloat16] = best as [number, number];
      const row = {...given, winograd: false, side, seconds: float32, flops: 0, bytes: 0};
      gains.push({name: nameOf(row), float32, bfloat16});
    }
  }
  return gains;
}

interface Gain {
  readonly name: string;
  readonly float32: number;
  readonly bfloat16: number;
}

const ofRounding = ({name, float32, bfloat16}: Gain): Figure => ({value: float32 / bfloat16, note: name});

export async function bench(options: BenchOptions): Promise<Figures> {
  const {quick, threads} = options;
  setThreads(1);
  const rows: Row[] = [];
  for (const given of [...cases, ...channelwise]) rows.push(...(await timeCase(given, quick)));
  const ceiling = remeasurePeak(options.ceiling);
  const peak = peakOf(ceiling, 1);
  const plain = rows.filter(({groups}) => groups === 1);
  const single = rows.filter(({groups}) => groups > 1);
  console.log(`one thread, peak ${digits(peak)} GFLOP/s`);
  console.log(
    table([
      ['', 'µs', 'GFLOP/s', 'of peak', 'of a copy'],
      ...rows.map(row => [
        nameOf(row),
        digits(row.seconds * 1e6),
        digits(gflops(row)),
        percent(gflops(row) / peak),
        row.groups > 1 ? percent(shareOfCopy(row, ceiling)) : '',
      ]),
    ]),
  );
  const gains = await measureRounded(quick);
  console.log(
    table([
      ['', 'float32, µs', 'bfloat16, µs', '÷'],
      ...gains.map(({name, float32, bfloat16}) => [
        name,
        digits(float32 * 1e6),
        digits(bfloat16 * 1e6),
        (float32 / bfloat16).toFixed(2),
      ]),
    ]),
  );
  const scaling = threads > 1 ? await measureScaling(threads, quick) : [];
  const scalingLines = scaling.map(({value, note = ''}) => [note, value.toFixed(2)]);
  if (threads > 1) console.log(table([['', `one thread ÷ ${threads}`], ...scalingLines]));
  setThreads(threads);
  const figures = figuresOf({
    ...worstByGoal(plain, row => gflops(row) / peak),
    ...worstByGoal(single, row => shareOfCopy(row, ceiling)),
    ...oddFigures(
      rows
        .filter(({odd}) => odd)
        .map(row => ({value: gflops(row) / peak, note: nameOf(row), channels: row.channels})),
    ),
    'conv-scaling': scalingOf(scaling, ceiling),
    'conv-winograd': winogradOf(plain),
    'conv-bfloat16': worstOf(gains.map(ofRounding)),
  });
  saveResults('conv', {threads, ceiling, rows, scaling, gains, figures});
  return figures;
}
