// Dropout of recurrent layers: what is dropped of the inputs, or of the state, is the same in all steps, and
// what stays is scaled. Each unit reads a feature of its own, and so goes one of two ways: that of weights
// that are zero, or that of weights twice as large.
import {describe, expect, it} from 'vitest';
import {type Layer, layers, type Sequential, sequential} from '../../../lib/index.ts';

const [rows, steps, units] = [16, 5, 8];

interface Case {
  readonly gates: number;
  make(options: object): Layer;
  /** Of a step of a sample, and of the kernels before their inputs and outputs. */
  readonly sample: readonly number[];
  readonly kernel: readonly number[];
}

const vectors = {sample: [units], kernel: []};
const cases: Readonly<Record<string, Case>> = {
  simpleRNN: {...vectors, gates: 1, make: options => layers.simpleRNN({units, ...options})},
  lstm: {...vectors, gates: 4, make: options => layers.lstm({units, ...options})},
  gru: {...vectors, gates: 3, make: options => layers.gru({units, ...options})},
  'gru with its reset before the product': {
    ...{...vectors, gates: 3},
    make: options => layers.gru({units, resetAfter: false, ...options}),
  },
  convLstm2d: {
    ...{gates: 4, sample: [1, 1, units], kernel: [1, 1]},
    make: options => layers.convLstm2d({filters: units, kernelSize: 1, ...options}),
  },
};

/** A number on the diagonal of each gate. */
function diagonal({gates, kernel}: Case, weight: number): {data: Float32Array; shape: number[]} {
  const data = new Float32Array(units * gates * units);
  for (let gate = 0; gate < gates; gate++) {
    for (let unit = 0; unit < units; unit++)
      data[unit * gates * units + gate * units + unit] = weight * (gate + 1);
  }
  return {data, shape: [...kernel, units, gates * units]};
}

/** With weights of the inputs and of the state. */
function build(given: Case, options: object, input: number, state: number): Sequential {
  const shape = {returnSequences: true, inputShape: [steps, ...given.sample]};
  const net = sequential([given.make({...options, ...shape})]);
  const [, , bias] = net.getWeights() as [unknown, unknown, {data: Float32Array; shape: number[]}];
  net.setWeights([diagonal(given, input).data, diagonal(given, state).data, bias.data]);
  return net;
}

/** Of the outputs [rows, steps, …, units], those of each unit of a row in all steps. */
const waysOf = (data: ArrayLike<number>): Set<string> =>
  new Set(
    Array.from({length: rows * units}, (_, at) => {
      const [row, unit] = [Math.floor(at / units), at % units];
      const values = Array.from(
        {length: steps},
        (__, step) => data[(row * steps + step) * units + unit] as number,
      );
      return values.map(value => value.toFixed(5)).join();
    }),
  );

describe.each(Object.entries(cases))('%s', (_, given) => {
  const x = {data: new Float32Array(rows * steps * units).fill(1), shape: [rows, steps, ...given.sample]};

  it.each([
    ['dropout', [0.3, 0.4], [0, 0.4], [0.6, 0.4]],
    ['recurrentDropout', [0.3, 0.4], [0.3, 0], [0.3, 0.8]],
  ] as const)('%s drops the same in all steps, and scales what stays', async (option, own, dropped, kept) => {
    const net = build(given, {[option]: 0.5}, ...own);
    const {output} = await net.forward(x, {training: true});
    const wanted = await Promise.all(
      [dropped, kept].map(async ([input, state]) => {
        return [...waysOf((await build(given, {}, input, state).predict(x)).data)];
      }),
    );
    expect(wanted.map(({length}) => length)).toEqual([1, 1]);
    expect([...waysOf(output.data as Float32Array)].sort()).toEqual(wanted.flat().sort());
    // And nothing outside of training.
    const plain = build(given, {}, ...own);
    expect((await net.predict(x)).data).toEqual((await plain.predict(x)).data);
  });
});
