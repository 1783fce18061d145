// Samples of recurrent cells, alone and with the product of their state: sizes around a vector, and odd rows.
import type {Shape} from '../../lib/core/shape.ts';
import {type Bound, unit} from './bounds.ts';
import {type Operand, type OpSamples, reals, type Sample} from './data.ts';

/** Gates are within ±1, and what is multiplied with them is of the size of one. */
const near =
  (count: number): Bound =>
  (_, __, exact) =>
    exact.map(values => values.map(y => count * unit * (1 + Math.abs(y))));

const states: readonly Shape[] = [[1, 1], [3, 17], [7, 16], [5], [2, 3, 5], [0, 4], [2, 0], [13, 33]];
const large: Shape = [301, 130];
const small: readonly Shape[] = [[2, 3], [4]];

const wide = (state: Shape, gates: number, low = -2, high = 2): Operand =>
  reals([...state.slice(0, -1), gates * (state.at(-1) as number)], low, high);

type Make = (state: Shape) => Operand[];

const samplesOf = (make: Make): OpSamples => ({
  bound: near(48),
  values: [...states.map(state => ({operands: make(state)})), {operands: make(large), large: true}],
  smooth: small.map(state => ({operands: make(state)})),
});

const lstmBack: Make = state => [wide(state, 4, -0.9, 0.9), ...[0, 1, 2, 3].map(() => reals(state))];
const gruBack: Make = state => [wide(state, 4, -0.9, 0.9), reals(state), reals(state)];

/** Rows and units; a product of up to 384 terms is one chain. */
const sizes: readonly (readonly [rows: number, units: number])[] = [
  [1, 1],
  [0, 3],
  [2, 5],
  [3, 16],
  [9, 17],
  [17, 33],
  [7, 97],
];

/** `kernel` is this many times as wide as the state, or as high where it leads back. */
function stepsOf(
  make: Make,
  kernel: (units: number) => Shape,
  more: (units: number) => Operand[] = () => [],
) {
  const sampleOf = ([rows, units]: readonly [number, number]): Sample => {
    const weights = reals(kernel(units), -0.2, 0.2);
    return {operands: [...make([rows, units]), weights, ...more(units)]};
  };
  const inPanels = (size: readonly [number, number]): Sample => {
    const {operands} = sampleOf(size);
    const [rows, columns] = kernel(size[1]) as [number, number];
    const laidOut = reals([columns / 64, rows, 64], -0.2, 0.2);
    const place = make(size).length;
    return {operands: operands.map((operand, at) => (at === place ? laidOut : operand))};
  };
  const values = [
    ...sizes.map(sampleOf),
    ...[
      [1, 64],
      [13, 64],
      [5, 128],
    ].map(([rows, units]) => inPanels([rows as number, units as number])),
    {...sampleOf([129, 64]), large: true},
  ];
  return {bound: near(256), values};
}

const gruForward: Make = state => [wide(state, 3), reals(state)];
const gruKernel = (units: number): Shape => [units, 3 * units];

export function recurrentSamples() {
  const steps = stepsOf(gruForward, gruKernel);
  const biased = stepsOf(gruForward, gruKernel, units => [reals([3 * units])]);
  return {
    lstmCell: samplesOf(state => [wide(state, 4), reals(state)]),
    lstmCellGrad: samplesOf(lstmBack),
    gruCell: samplesOf(state => [wide(state, 3), wide(state, 3), reals(state)]),
    gruCellGrad: samplesOf(gruBack),
    lstmStep: stepsOf(
      state => [wide(state, 4), reals(state), reals(state)],
      units => [units, 4 * units],
    ),
    lstmStepGrad: stepsOf(lstmBack, units => [4 * units, units]),
    gruStep: {...steps, values: [...steps.values, ...biased.values]},
    gruStepGrad: stepsOf(gruBack, units => [3 * units, units]),
  } satisfies Record<string, OpSamples>;
}
