// Recurrent layers beside their formulas in float64, with masks, states and directions; see test/recorded for
// trainings beside PyTorch.
import {describe, expect, it} from 'vitest';
import {
  input,
  type Layer,
  layers,
  model,
  modelFromJSON,
  ops,
  type Sequential,
  sequential,
  setThreads,
  type Tensor,
} from '../../../lib/index.ts';
import {Layer as LayerClass} from '../../../lib/nn/layer.ts';
import {features, type Kind, run, units, type Weights} from './recurrent-formulas.ts';

const make = (kind: Kind, options: object): Layer =>
  (layers[kind] as (options: object) => Layer)({units, biasInitializer: 'glorotUniform', ...options});

const numbers = (count: number, seed = 1): number[] =>
  Array.from({length: count}, (_, at) => Math.sin((at + seed) * 12.9898) * 1.2);

function weightsOf(layer: Layer): Weights {
  const of = (name: string): Float32Array => {
    const found = layer.getWeights().find(weight => weight.name === name);
    return found?.data as Float32Array;
  };
  return {kernel: of('kernel'), recurrentKernel: of('recurrentKernel'), bias: of('bias')};
}

function expectNear(actual: ArrayLike<number>, wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((value, at) => {
    expect(Math.abs((actual[at] as number) - value), `number ${at}`).toBeLessThan(2e-6);
  });
}

/** Marks steps whose first feature is above 0, as a layer that makes a mask does. */
class Positive extends LayerClass {
  readonly config = {};
  override readonly supportsMasking = true;
  override build() {
    return (x: Tensor) => x;
  }
  override computeMask([x]: readonly Tensor[]) {
    const [batch, steps] = (x as Tensor).shape as [number, number];
    return ops.greater(ops.reshape(ops.slice(x as Tensor, [0, 0, 0], [batch, steps, 1]), [batch, steps]), 0);
  }
}

const kinds: [Kind, object][] = [
  ['simpleRNN', {}],
  ['lstm', {}],
  ['gru', {resetAfter: true}],
  ['gru', {resetAfter: false}],
];

describe.each(kinds)('%s %j', (kind, own) => {
  const [batch, steps] = [5, 6];
  const data = numbers(batch * steps * features);
  const rowsOf = (row: number): number[][] =>
    Array.from({length: steps}, (_, step) =>
      data.slice((row * steps + step) * features, (row * steps + step + 1) * features),
    );
  const x = {data: Float32Array.from(data), shape: [batch, steps, features]};
  const rows = Array.from({length: batch}, (_, row) => row);

  it.each([false, true])('follows its formula, backwards: %s', goBackwards => {
    const layer = make(kind, {...own, goBackwards, returnSequences: true, inputShape: [steps, features]});
    const net = sequential([layer], {seed: 4});
    const w = weightsOf(layer);
    const wanted = rows.flatMap(row => run(kind, w, rowsOf(row), {...own, goBackwards}).outputs.flat());
    expectNear(net.predictSync(x).data, wanted);
    const last = make(kind, {...own, goBackwards, inputShape: [steps, features]});
    const short = sequential([last], {seed: 4});
    short.setWeights(net.getWeights());
    expectNear(
      short.predictSync(x).data,
      rows.flatMap(row => run(kind, w, rowsOf(row), {...own, goBackwards}).last),
    );
  });

  it('stops where the mask says so, with states that it was given', () => {
    const states = kind === 'lstm' ? 2 : 1;
    const [sequence, ...begin] = [
      input({shape: [steps, features]}),
      ...Array.from({length: states}, () => input({shape: [units]})),
    ] as const;
    const layer = make(kind, {...own, returnSequences: true, returnState: true});
    const masked = new Positive().apply(sequence as never);
    const outputs = layer.applyAll([masked, ...(begin as never[])]);
    const net = model({inputs: [sequence, ...begin] as never, outputs: [...outputs]});
    const initial = Array.from({length: states}, (_, at) => numbers(batch * units, 40 + at));
    // A row of which nothing counts.
    const blank = Float32Array.from(data, (value, at) => (at < steps * features ? -Math.abs(value) : value));
    const given = [
      {data: blank, shape: x.shape},
      ...initial.map(values => ({data: Float32Array.from(values), shape: [batch, units]})),
    ];
    const found = net.predictSync(given as never) as unknown as {data: Float32Array}[];
    const w = weightsOf(layer);
    const results = rows.map(row => {
      const list = rowsOf(row).map((values, step) =>
        Array.from(
          blank.slice((row * steps + step) * features, (row * steps + step) * features + values.length),
        ),
      );
      return run(kind, w, list, {
        ...own,
        mask: step => ((list[step] as number[])[0] as number) > 0,
        initial: initial.map(values => values.slice(row * units, (row + 1) * units)),
      });
    });
    expectNear(
      found[0]?.data as Float32Array,
      results.flatMap(({outputs: all}) => all.flat()),
    );
    for (let state = 0; state < states; state++) {
      expectNear(
        found[state + 1]?.data as Float32Array,
        results.flatMap(result => result.states[state] as number[]),
      );
    }
  });

  it('learns, to the same bits on any number of threads, and comes back from a file', async () => {
    const trained = async (threads: number): Promise<Sequential> => {
      setThreads(threads);
      const net = sequential(
        [
          make(kind, {...own, inputShape: [steps, features], dropout: 0.1, recurrentDropout: 0.1}),
          layers.dense({units: 1}),
        ],
        {seed: 9},
      );
      net.compile({optimizer: 'adam', loss: 'meanSquaredError'});
      const y = {data: Float32Array.from(rows, row => Math.sin(row)), shape: [batch, 1]};
      const {history} = await net.fit(x, y, {epochs: 60, batchSize: 3, verbose: 0});
      const losses = history.loss as number[];
      expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.8);
      return net;
    };
    const [one, two] = [await trained(1), await trained(2)];
    expect(two.predictSync(x)).toEqual(one.predictSync(x));
    const again = modelFromJSON(one.toJSON()) as Sequential;
    again.setWeights(one.getWeights());
    expect(again.predictSync(x)).toEqual(one.predictSync(x));
  });
});

describe('a recurrent layer', () => {
  it('has Keras’s weights and initial values', () => {
    const layer = layers.lstm({units: 2, inputShape: [7, 3]});
    const net = sequential([layer]);
    expect(layer.getWeights().map(({name, shape}) => [name, shape])).toEqual([
      ['kernel', [3, 8]],
      ['recurrentKernel', [2, 8]],
      ['bias', [8]],
    ]);
    expect([...(layer.getWeights()[2]?.data ?? [])]).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    expect(net.outputShape).toEqual([2]);
    const plain = layers.lstm({units: 2, unitForgetBias: false, inputShape: [7, 3]});
    sequential([plain]);
    expect([...(plain.getWeights()[2]?.data ?? [])]).toEqual(new Array(8).fill(0));
    const gru = layers.gru({units: 2, resetAfter: false, useBias: true, inputShape: [7, 3]});
    sequential([gru]);
    expect(gru.getWeights().map(({shape}) => shape)).toEqual([[3, 6], [2, 6], [6]]);
  });

  it('takes one step as well as a thousand', () => {
    for (const steps of [1, 1000]) {
      const net = sequential([layers.gru({units: 3, inputShape: [steps, 2]})]);
      const y = net.predictSync({data: Float32Array.from(numbers(2 * steps)), shape: [1, steps, 2]});
      expect(y.data.every(Number.isFinite)).toBe(true);
    }
  });

  it.each([
    [
      /lstm: expected samples \[steps, features\]\. Received \[3\]/,
      () => sequential([layers.lstm({units: 2, inputShape: [3]})]),
    ],
    [/units/, () => layers.gru({units: 0})],
    [/recurrentDropout/, () => layers.lstm({units: 1, recurrentDropout: 1})],
    [/resetAfter/, () => layers.lstm({units: 1, resetAfter: true} as never)],
    [
      /expected 2 initial states, or none\. Received 1/,
      () => layers.lstm({units: 2}).apply([input({shape: [3, 1]}), input({shape: [2]})]),
    ],
    [
      /expected states \[2\]\. Received \[5\]/,
      () => layers.gru({units: 2}).apply([input({shape: [3, 1]}), input({shape: [5]})]),
    ],
  ])('says what is wrong: %s', (message, build) => {
    expect(build).toThrow(message);
  });
});
