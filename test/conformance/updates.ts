// Samples of the optimizers' updates: segments of many sizes, each update with all that may be added.
import type {Shape} from '../../lib/core/shape.ts';
import {type UpdateName, updates} from '../reference/updates.ts';
import * as bounds from './bounds.ts';
import {exactly, type Operand, type OpSamples, reals, type Sample} from './data.ts';

const segmentShapes: Shape[][] = [
  [[1]],
  [[0], [3]],
  [[17], [3, 5], []],
  [[4095], [4096], [4097]],
  [[2, 0], [16], [33], [513], [1]],
];
const manySegments: Shape[] = [[300, 101], [101], [101, 40], [40]];

interface Extras {
  readonly decays: boolean;
  readonly averages: boolean;
  readonly pauses: boolean;
}

const none: Extras = {decays: false, averages: false, pauses: false};
const extras: readonly Extras[] = [
  none,
  {...none, decays: true},
  {...none, averages: true},
  {...none, pauses: true},
  {decays: true, averages: true, pauses: true},
];

/** Rows of numbers: the first group decays, overwrites and pauses; the second does what is left. */
function tableOf(rows: number[][], {decays, averages, pauses}: Extras): Operand {
  const full = rows.map((row, group) => [
    ...row,
    ...(decays ? [1 - 0.01 * (1 - group), 0.05 * group] : []),
    ...(averages ? [0.9, 1 - 0.9, group] : []),
    ...(pauses ? [group] : []),
  ]);
  return exactly(full.flat(), [full.length, (full[0] as number[]).length]);
}

/** Segments of these shapes, every second one of group 1. */
function sampleOf(name: UpdateName, shapes: Shape[], rows: number[][], extra: Extras): Sample {
  const moments = updates[name].width - 2;
  const segments = shapes.flatMap(shape => [
    reals(shape),
    reals(shape),
    ...Array.from({length: moments}, (_, moment) => momentOf(name, moment, shape)),
    ...(extra.averages ? [reals(shape)] : []),
  ]);
  const groups = shapes.map((_, index) => index % rows.length);
  return {operands: [tableOf(rows, extra), ...segments], attributes: {...extra, groups}};
}

/** A mean of squares is no less than the square of the mean; near it no digit of the difference is left. */
function momentOf(name: UpdateName, moment: number, shape: Shape): Operand {
  if (!name.startsWith('rmspropCentered')) return reals(shape, 0, 1);
  return moment === 0 ? reals(shape, 4, 6) : reals(shape, 0, 0.7);
}

/**
 * Moments and gradients so small that what is left of them is flushed to zero. Lion's sign hangs on the last
 * digit, so that some must be left.
 */
function vanishing(name: UpdateName, sample: Sample): Sample {
  const span = name === 'lion' ? 8 : 30;
  const [hyper, ...segments] = sample.operands as [Operand, ...Operand[]];
  const scaled = (operand: Operand): Operand =>
    exactly(
      Array.from(operand.data, (x, index) => x * 2 ** (-124 - (index % span))),
      operand.shape,
    );
  return {...sample, operands: [hyper, ...segments.map(scaled)]};
}

function samplesOf(name: UpdateName, rows: number[][]): OpSamples {
  return {
    bound: bounds.updates(name),
    values: [
      ...segmentShapes.map(shapes => sampleOf(name, shapes, rows, none)),
      ...extras.map(extra => sampleOf(name, [[17], [4097], [3], [513]], rows, extra)),
      vanishing(name, sampleOf(name, [[515]], rows, none)),
      vanishing(name, sampleOf(name, [[9], [515]], rows, extras.at(-1) as Extras)),
      ...[none, extras.at(-1) as Extras].map(extra => ({
        ...sampleOf(name, manySegments, rows, extra),
        large: true,
      })),
    ],
  };
}

const [beta1, beta2] = [0.9, 0.999];
const rests = [beta1, 1 - beta1, beta2, 1 - beta2];

const adamRow = (rate: number, t: number): number[] => [
  rate / (1 - beta1 ** t),
  ...rests,
  1 / Math.sqrt(1 - beta2 ** t),
  1e-7,
];

const rows: Record<UpdateName, number[][]> = {
  sgd: [[0.1], [0.01]],
  momentum: [
    [0.1, 0.9],
    [0.01, 0.5],
  ],
  nesterov: [
    [0.1, 0.9],
    [0.01, 0.5],
  ],
  rmsprop: [
    [0.1, 0.9, 1 - 0.9, 1e-7],
    [0.01, 0.99, 1 - 0.99, 1e-3],
  ],
  rmspropMomentum: [
    [0.1, 0.9, 1 - 0.9, 1e-7, 0.9],
    [0.01, 0.99, 1 - 0.99, 1e-3, 0.5],
  ],
  rmspropCentered: [
    [0.1, 0.9, 1 - 0.9, 1e-7],
    [0.01, 0.99, 1 - 0.99, 1e-3],
  ],
  rmspropCenteredMomentum: [
    [0.1, 0.9, 1 - 0.9, 1e-7, 0.9],
    [0.01, 0.99, 1 - 0.99, 1e-3, 0.5],
  ],
  adagrad: [
    [0.1, 0, 1e-7],
    [0.01, 0.1, 1e-3],
  ],
  adadelta: [
    [1, 0.9, 1 - 0.9, 1e-6],
    [0.1, 0.95, 1 - 0.95, 1e-3],
  ],
  adam: [adamRow(1e-3, 1), adamRow(1e-2, 100)],
  amsgrad: [adamRow(1e-3, 1), adamRow(1e-2, 100)],
  adamax: [
    [1e-2, ...rests.slice(0, 3), 1e-7],
    [1e-3, ...rests.slice(0, 3), 1e-3],
  ],
  nadam: [
    [1e-3, 5e-3, ...rests, 20, 1e-7],
    [1e-4, 1e-3, ...rests, 1.5, 1e-3],
  ],
  lion: [
    [1e-2, ...rests],
    [1e-3, ...rests],
  ],
  accumulate: [[1], [0]],
};

export const updateSamples = (): Record<UpdateName, OpSamples> => {
  const entries = Object.entries(rows).map(([name, table]) => [name, samplesOf(name as UpdateName, table)]);
  return Object.fromEntries(entries) as Record<UpdateName, OpSamples>;
};
