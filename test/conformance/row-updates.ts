// Samples of updates by rows: ids once, many times, out of order and outside; all rows, and those alone.
import type {Shape} from '../../lib/core/shape.ts';
import {type Bound, unit} from './bounds.ts';
import {exactly, integers, type OpSamples, reals, type Sample} from './data.ts';

/** Two groups each. */
const hypers = {
  sgd: [[0.1], [0.3]],
  momentum: [
    [0.1, 0.9],
    [0.2, 0.5],
  ],
  adagrad: [
    [0.1, 0.2, 1e-7],
    [0.2, 0.1, 1e-3],
  ],
  adam: [
    [0.01, 0.9, 0.1, 0.999, 0.001, 1.5, 1e-3],
    [0.02, 0.8, 0.2, 0.99, 0.01, 1.1, 1e-2],
  ],
  lion: [
    [0.01, 0.9, 0.1, 0.99, 0.01],
    [0.02, 0.8, 0.2, 0.9, 0.1],
  ],
};

type Name = keyof typeof hypers;

const cases: readonly (readonly [table: Shape, ids: Shape])[] = [
  [[1, 1], [1]],
  [[5, 3], [7]],
  [
    [9, 16],
    [2, 3],
  ],
  [
    [33, 17],
    [4, 5],
  ],
  [[70, 2, 3], [11]],
  [[6], [9]],
  [[4, 5], [0]],
  [[0, 5], [0]],
  // Ids of three bytes.
  [[70_000], [50]],
];

function sampleOf(name: Name, [table, ids]: (typeof cases)[number], index: number, all: boolean): Sample {
  const rows = hypers[name];
  const moments = {sgd: 0, momentum: 1, adagrad: 1, adam: 2, lion: 1}[name];
  const size = table[0] as number;
  const operands = [
    exactly(rows.flat(), [2, (rows[0] as number[]).length]),
    reals(table),
    integers(ids, index % 3 === 2 ? -1 : 0, Math.max(0, size - (index % 3 === 1 ? 0 : 1))),
    reals([...ids, ...table.slice(1)]),
    ...Array.from({length: moments}, () => reals(table, 0.01, 1)),
  ];
  return {operands, attributes: {group: index % 2, all}};
}

/** A sum of what arrives, and a few operations. */
const near: Bound = (_, __, exact) => exact.map(values => values.map(y => 64 * unit * (1 + Math.abs(y))));

function samplesOf(name: Name): OpSamples {
  const small = cases.flatMap((own, index) => [true, false].map(all => sampleOf(name, own, index, all)));
  const large = [true, false].map(all => ({
    ...sampleOf(
      name,
      [
        [4000, 40],
        [60, 10],
      ],
      0,
      all,
    ),
    large: true,
  }));
  return {bound: near, values: [...small, ...large]};
}

export const rowUpdateSamples = () => ({
  sgdRows: samplesOf('sgd'),
  momentumRows: samplesOf('momentum'),
  adagradRows: samplesOf('adagrad'),
  adamRows: samplesOf('adam'),
  lionRows: samplesOf('lion'),
});
