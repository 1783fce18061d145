// Layers around other layers, and cells, beside their formulas in float64.
import {layers, ops, type Tensor} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';
import {features, type Kind, run, units, type Weights} from './recurrent-formulas.ts';

type Numbers = Record<string, number[]>;

const rowsOf = (x: readonly number[], width = features): number[][] =>
  Array.from({length: x.length / width}, (_, row) => x.slice(row * width, (row + 1) * width));

/** The weights whose names begin so. */
const within = (weights: Numbers, prefix: string): Weights =>
  Object.fromEntries(
    ['kernel', 'recurrentKernel', 'bias'].map(name => [name, weights[`${prefix}${name}`]]),
  ) as unknown as Weights;

const shapesOf = (prefix: string, kind: Kind, inputs = features): Record<string, number[]> => {
  const columns = {simpleRNN: 1, lstm: 4, gru: 3}[kind] * units;
  return {
    [`${prefix}kernel`]: [inputs, columns],
    [`${prefix}recurrentKernel`]: [units, columns],
    [`${prefix}bias`]: kind === 'gru' ? [2, columns] : [columns],
  };
};

const bothWays = (kind: Kind): Record<string, number[]> => ({
  ...shapesOf('forward/', kind),
  ...shapesOf('backward/', kind),
});

/** What both directions give: of all steps, beside each other, or of the last. */
function bothOf(kind: Kind, x: readonly number[], weights: Numbers) {
  const rows = rowsOf(x);
  const there = run(kind, within(weights, 'forward/'), rows, {});
  const back = run(kind, within(weights, 'backward/'), rows, {goBackwards: true});
  return {last: [there.last, back.last], all: [there.outputs, [...back.outputs].reverse()]} as const;
}

const cellCase = (kind: Kind): LayerCase => {
  const states = kind === 'lstm' ? 2 : 1;
  const make = {simpleRNN: layers.simpleRNNCell, lstm: layers.lstmCell, gru: layers.gruCell}[kind];
  return {
    make: () => make({units}),
    inputs: [[features], ...Array.from({length: states}, () => [units])],
    output: [units],
    weights: shapesOf('', kind),
    formula: ([x, ...initial], weights) => run(kind, within(weights, ''), [x as number[]], {initial}).last,
  };
};

/** h ← h / 2 + x, and the output twice that. */
const leaky = ([x, h]: readonly Tensor[]): Tensor[] => {
  const next = ops.add(ops.mul(h as Tensor, 0.5), x as Tensor);
  return [ops.mul(next, 2), next];
};

const dense = (x: readonly number[], kernel: readonly number[], bias: readonly number[]): number[] =>
  bias.map((own, unit) =>
    x.reduce((sum, value, at) => sum + value * (kernel[at * bias.length + unit] as number), own),
  );

export const wrapperCases: Record<string, LayerCase> = {
  checkpoint: {
    make: () => layers.checkpoint({layer: layers.lstm({units})}),
    inputs: [[3, features]],
    output: [units],
    weights: shapesOf('layer/', 'lstm'),
    formula: ([x], weights) => run('lstm', within(weights, 'layer/'), rowsOf(x as number[]), {}).last,
  },
  bidirectional: {
    make: () => layers.bidirectional({layer: layers.lstm({units})}),
    inputs: [[3, features]],
    output: [2 * units],
    weights: bothWays('lstm'),
    formula: ([x], weights) => bothOf('lstm', x as number[], weights).last.flat(),
  },
  'bidirectional, sums of all steps': {
    make: () => layers.bidirectional({layer: layers.gru({units, returnSequences: true}), mergeMode: 'sum'}),
    inputs: [[3, features]],
    output: [3, units],
    weights: bothWays('gru'),
    formula: ([x], weights) => {
      const [there, back] = bothOf('gru', x as number[], weights).all;
      return there.flatMap((row, step) => row.map((value, at) => value + (back[step]?.[at] as number)));
    },
  },
  'bidirectional, the first of two outputs': {
    make: () => layers.bidirectional({layer: layers.simpleRNN({units}), mergeMode: null}),
    inputs: [[2, features]],
    output: [units],
    weights: bothWays('simpleRNN'),
    formula: ([x], weights) => bothOf('simpleRNN', x as number[], weights).last[0],
  },
  simpleRNNCell: cellCase('simpleRNN'),
  lstmCell: cellCase('lstm'),
  gruCell: cellCase('gru'),
  stackedRNNCells: {
    make: () => layers.stackedRNNCells({cells: [layers.gruCell({units}), layers.simpleRNNCell({units})]}),
    inputs: [[features], [units], [units]],
    output: [units],
    weights: {...shapesOf('cell_0/', 'gru'), ...shapesOf('cell_1/', 'simpleRNN', units)},
    formula: ([x, first, second], weights) => {
      const below = run('gru', within(weights, 'cell_0/'), [x as number[]], {initial: [first as number[]]});
      const initial = [second as number[]];
      return run('simpleRNN', within(weights, 'cell_1/'), [below.last], {initial}).last;
    },
  },
  rnn: {
    make: () => layers.rnn({cell: layers.lstmCell({units}), goBackwards: true}),
    inputs: [[3, features]],
    output: [units],
    weights: shapesOf('cell/', 'lstm'),
    formula: ([x], weights) =>
      run('lstm', within(weights, 'cell/'), rowsOf(x as number[]), {goBackwards: true}).last,
  },
  'rnn over two cells, with dropout in training': {
    make: () =>
      layers.rnn({
        cell: [layers.simpleRNNCell({units, dropout: 0.3}), layers.gruCell({units, recurrentDropout: 0.2})],
        returnSequences: true,
      }),
    inputs: [[3, features]],
    output: [3, units],
    weights: {...shapesOf('cell/cell_0/', 'simpleRNN'), ...shapesOf('cell/cell_1/', 'gru', units)},
    disturbs: true,
    formula: ([x], weights) => {
      const below = run('simpleRNN', within(weights, 'cell/cell_0/'), rowsOf(x as number[]), {});
      return run('gru', within(weights, 'cell/cell_1/'), below.outputs, {}).outputs.flat();
    },
  },
  'rnn over a function': {
    make: () => layers.rnn({cell: leaky, stateSize: 2, returnSequences: true}),
    inputs: [[3, 2]],
    output: [3, 2],
    customObjects: {leaky},
    formula: ([x]) => {
      let state = [0, 0];
      return rowsOf(x as number[], 2).flatMap(row => {
        state = state.map((value, at) => value / 2 + (row[at] as number));
        return state.map(value => value * 2);
      });
    },
  },
  timeDistributed: {
    make: () => layers.timeDistributed({layer: layers.dense({units: 2, activityRegularizer: 'l2'})}),
    inputs: [[3, 4]],
    output: [3, 2],
    adds: true,
    weights: {'layer/kernel': [4, 2], 'layer/bias': [2]},
    formula: ([x], weights) =>
      rowsOf(x as number[], 4).flatMap(row =>
        dense(row, weights['layer/kernel'] as number[], weights['layer/bias'] as number[]),
      ),
  },
};
