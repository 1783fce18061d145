// Samples of ops that read or write at positions that are data.
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import * as bounds from './bounds.ts';
import {bools, integers, type Operand, type OpSamples, reals, type Sample, wholes} from './data.ts';
import {ofEveryWidth} from './moving.ts';

const {correctlyRounded} = bounds;

interface Place {
  readonly axis: number;
  readonly batchDims: number;
}

/** x, the shape of the indices, and where. */
const gathers: (readonly [Shape, Shape, Place])[] = [
  [[1], [3], {axis: 0, batchDims: 0}],
  [[9], [17], {axis: 0, batchDims: 0}],
  [[9, 3], [5], {axis: 0, batchDims: 0}],
  [[4, 33], [2, 3], {axis: 0, batchDims: 0}],
  [[3, 7], [5], {axis: 1, batchDims: 0}],
  [[3, 7, 70], [2, 2], {axis: 1, batchDims: 0}],
  [[4, 6], [4, 5], {axis: 1, batchDims: 1}],
  [[2, 3, 5, 4], [2, 3, 2], {axis: 2, batchDims: 2}],
  [[2, 3, 5, 4], [2, 2], {axis: 2, batchDims: 1}],
  [[5, 3], [], {axis: 0, batchDims: 0}],
  [[5, 3], [0], {axis: 0, batchDims: 0}],
  [[5, 0], [4], {axis: 0, batchDims: 0}],
];
const largeGather: readonly [Shape, Shape, Place] = [[60, 513], [400], {axis: 0, batchDims: 0}];
const smoothGathers: (readonly [Shape, Shape, Place])[] = [
  [[4, 2], [5], {axis: 0, batchDims: 0}],
  [[2, 3], [2, 2], {axis: 1, batchDims: 0}],
  [[2, 3], [2, 4], {axis: 1, batchDims: 1}],
];

const indicesFor = (x: Shape, shape: Shape, {axis}: Place): Operand =>
  integers(shape, 0, (x[axis] as number) - 1);

const gatheredShape = (x: Shape, indices: Shape, {axis, batchDims}: Place): Shape => [
  ...x.slice(0, axis),
  ...indices.slice(batchDims),
  ...x.slice(axis + 1),
];

const axisGathers = (): OpSamples => ({
  bound: correctlyRounded,
  values: [
    ...gathers.flatMap(([x, shape, place]) =>
      ofEveryWidth(x).map(operand => ({operands: [operand, indicesFor(x, shape, place)], attributes: place})),
    ),
    {operands: [reals(largeGather[0]), indicesFor(...largeGather)], attributes: largeGather[2], large: true},
  ],
  smooth: smoothGathers.map(([x, shape, place]) => ({
    operands: [reals(x), indicesFor(x, shape, place)],
    attributes: place,
  })),
});

/** The indices from 0 on in some order: none is there twice, where there are no more than positions. */
const distinct = (x: Shape, shape: Shape, {axis}: Place): Operand => {
  const size = x[axis] as number;
  return {
    shape,
    dtype: 'int32',
    data: Int32Array.from({length: sizeOf(shape)}, (_, at) => (at * 3 + 1) % size),
  };
};

function scatters(withInts: boolean, bound: bounds.Bound): OpSamples {
  const sample = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [reals(x), indicesFor(x, shape, place), reals(gatheredShape(x, shape, place))],
    attributes: place,
  });
  const narrow = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [bools(x), indicesFor(x, shape, place), bools(gatheredShape(x, shape, place))],
    attributes: place,
  });
  /** Sums of int32, which wrap: exact. */
  const whole = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [wholes(x), distinct(x, shape, place), wholes(gatheredShape(x, shape, place))],
    attributes: place,
  });
  const apart: (readonly [Shape, Shape, Place])[] = [
    [[4, 2], [4], {axis: 0, batchDims: 0}],
    [[2, 5], [2], {axis: 1, batchDims: 0}],
  ];
  return {
    bound: (call, inputs, exact) =>
      (call.result.dtype === 'int32' ? correctlyRounded : bound)(call, inputs, exact),
    values: [
      ...gathers.map(sample),
      ...(withInts ? gathers.map(narrow) : [...gathers, largeGather].map(whole)),
      {...sample(largeGather), large: true},
      {...sample([[3000], [9001], {axis: 0, batchDims: 0}]), large: true},
    ],
    smooth: withInts
      ? apart.map(([x, shape, place]) => ({
          operands: [reals(x), distinct(x, shape, place), reals(gatheredShape(x, shape, place))],
          attributes: place,
        }))
      : smoothGathers.map(sample),
  };
}

/** Rows of a vector and more are marked, which takes words of more and less than 64 rows. */
const sums: (readonly [Shape, Shape, Place])[] = [
  ...gathers,
  [[65, 16], [40], {axis: 0, batchDims: 0}],
  [[2, 130, 33], [2, 300], {axis: 1, batchDims: 1}],
  [[3, 15], [9], {axis: 0, batchDims: 0}],
];

function scatterSums(): OpSamples {
  const sample = ([x, shape, place]: readonly [Shape, Shape, Place]): Sample => ({
    operands: [indicesFor(x, shape, place), reals(gatheredShape(x, shape, place))],
    attributes: {...place, shape: x},
  });
  return {bound: bounds.summed, values: [...sums.map(sample), {...sample(largeGather), large: true}]};
}

/** x, how many indices along the axis, and which axis. */
const takes: (readonly [Shape, number, axis: number])[] = [
  [[9], 17, 0],
  [[3, 7], 5, 1],
  [[3, 7], 1, 0],
  [[3, 7, 33], 4, 1],
  [[2, 40, 3], 40, 1],
  [[2, 1, 3, 2, 2, 3], 4, 3],
  [[4, 5], 0, 1],
  [[0, 5], 3, 1],
];
const largeTake: readonly [Shape, number, number] = [[70, 901], 701, 1];
const smoothTakes: (readonly [Shape, number, number])[] = [
  [[3, 4], 2, 1],
  [[3, 2], 4, 0],
];

const taken = (x: Shape, count: number, axis: number): Shape =>
  x.map((size, at) => (at === axis ? count : size));

const indicesAlong = (x: Shape, count: number, axis: number): Operand =>
  integers(taken(x, count, axis), 0, (x[axis] as number) - 1);

const takesAlong = (): OpSamples => ({
  bound: correctlyRounded,
  values: [
    ...takes.flatMap(([x, count, axis]) =>
      ofEveryWidth(x).map(operand => ({
        operands: [operand, indicesAlong(x, count, axis)],
        attributes: {axis},
      })),
    ),
    {operands: [reals(largeTake[0]), indicesAlong(...largeTake)], attributes: {axis: 1}, large: true},
  ],
  smooth: smoothTakes.map(([x, count, axis]) => ({
    operands: [reals(x), indicesAlong(x, count, axis)],
    attributes: {axis},
  })),
});

function addsAlong(): OpSamples {
  const sample = ([x, count, axis]: readonly [Shape, number, number]): Sample => ({
    operands: [reals(x), indicesAlong(x, count, axis), reals(taken(x, count, axis))],
    attributes: {axis},
  });
  return {
    bound: bounds.scattered,
    values: [...takes.map(sample), {...sample(largeTake), large: true}],
    smooth: smoothTakes.map(sample),
  };
}

function flattenings(): OpSamples {
  const sample = (rows: Shape, sizes: readonly number[]): Sample => {
    const columns = sizes.map(size => integers(rows, 0, size - 1).data);
    const count = sizeOf(rows);
    const data = Int32Array.from({length: count * sizes.length}, (_, at) =>
      Number(columns[at % sizes.length]?.[Math.floor(at / sizes.length)]),
    );
    return {operands: [{shape: [...rows, sizes.length], dtype: 'int32', data}], attributes: {sizes}};
  };
  return {
    bound: correctlyRounded,
    values: [
      sample([5], [7]),
      sample([2, 17], [3, 4]),
      sample([33], [2, 3, 4, 5, 6, 7]),
      sample([0], [3, 4]),
      sample([], [40_000, 50_000]),
      {...sample([40_001], [300, 200, 5]), large: true},
    ],
  };
}

export const indexingSamples = () => ({
  gather: axisGathers(),
  scatterAdd: scatters(false, bounds.scattered),
  scatterSum: scatterSums(),
  scatterUpdate: scatters(true, correctlyRounded),
  takeAlongAxis: takesAlong(),
  addAlongAxis: addsAlong(),
  flattenIndices: flattenings(),
});
