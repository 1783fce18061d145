// Layers around layers: both directions, each step, any cell; with masks, states, dropout, files and errors.
import {describe, expect, it} from 'vitest';
import {
  type CallContext,
  input,
  Layer,
  layers,
  load,
  type MakeWeight,
  type Model,
  model,
  modelFromJSON,
  ops,
  optimizers,
  sequential,
  setThreads,
  type Tensor,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const [rows, steps, features] = [4, 5, 3];
const data = numbers(rows * steps * features);
const lengths = [5, 2, 4, 0];
// Steps behind the length of a row hold zeros, which masking leaves out.
lengths.forEach((length, row) => {
  data.fill(0, (row * steps + length) * features, (row + 1) * steps * features);
});
const x = {data, shape: [rows, steps, features]};
const part = (row: number) => ({
  data: data.slice(row * steps * features, (row * steps + (lengths[row] as number)) * features),
  shape: [1, lengths[row] as number, features],
});

type Found = {data: Float32Array; shape: number[]};
const predict = (net: {predictSync(given: never): unknown}, given: unknown): Found[] =>
  [net.predictSync(given as never)].flat() as Found[];

describe('layers.bidirectional', () => {
  const kinds = ['simpleRNN', 'lstm', 'gru'] as const;

  it.each(kinds)('of %s reads what a mask leaves, in both directions', kind => {
    for (const returnSequences of [false, true]) {
      const make = (shape: number[], ...before: Layer[]) => {
        const layer = layers[kind]({units: 2, returnSequences});
        const both = layers.bidirectional({layer, ...(before.length === 0 && {inputShape: shape})});
        return sequential([...before, both]);
      };
      const masked = make([], layers.masking({inputShape: [steps, features]}));
      const [whole] = predict(masked, x) as [Found];
      lengths.forEach((length, row) => {
        const width = returnSequences ? steps * 4 : 4;
        const found = whole.data.slice(row * width, (row + 1) * width);
        if (length === 0) {
          expect([...found]).toEqual(new Array(width).fill(0));
          return;
        }
        const short = make([length, features]);
        short.setWeights(masked.getWeights());
        const [wanted] = predict(short, part(row)) as [Found];
        expect(found.slice(0, wanted.data.length)).toEqual(wanted.data);
      });
    }
  });

  it('joins both in every way, and gives two outputs where it does not', () => {
    const make = (mergeMode: 'concat' | 'sum' | 'mul' | 'ave' | null) => {
      const start = input({shape: [steps, features]});
      const both = layers.bidirectional({layer: layers.gru({units: 2}), mergeMode});
      return model({inputs: start, outputs: [...both.applyAll(start)], seed: 5});
    };
    const [a, b] = predict(make(null), x).map(({data}) => [...data]) as [number[], number[]];
    const joined = (mode: 'sum' | 'mul' | 'ave') => [...(predict(make(mode), x)[0] as Found).data];
    const each = (f: (p: number, q: number) => number) =>
      a.map((p, at) => Math.fround(f(p, b[at] as number)));
    expect(joined('sum')).toEqual(each((p, q) => p + q));
    expect(joined('mul')).toEqual(each((p, q) => p * q));
    expect(joined('ave')).toEqual(each((p, q) => Math.fround(p + q) / 2));
    const [beside] = predict(make('concat'), x) as [Found];
    expect(beside.shape).toEqual([rows, 4]);
    expect([...beside.data]).toEqual(
      Array.from({length: rows}, (_, row) => [a, b].flatMap(list => list.slice(2 * row, 2 * row + 2))).flat(),
    );
  });

  it('gives states of both, and begins with them', () => {
    const start = input({shape: [steps, features]});
    const begin = Array.from({length: 4}, () => input({shape: [2]}));
    const both = layers.bidirectional({layer: layers.lstm({units: 2, returnState: true})});
    const net = model({inputs: [start, ...begin], outputs: [...both.applyAll([start, ...begin])]});
    const states = begin.map((_, at) => ({data: numbers(rows * 2, 60 + at), shape: [rows, 2]}));
    const found = predict(net, [x, ...states]);
    expect(found.map(({shape}) => shape)).toEqual([[rows, 4], ...new Array(4).fill([rows, 2])]);
    // Each direction alone, with its weights.
    for (const [index, prefix] of ['forward', 'backward'].entries()) {
      const own = [input({shape: [2]}), input({shape: [2]})];
      const first = input({shape: [steps, features]});
      const layer = layers.lstm({units: 2, returnState: true, goBackwards: index === 1});
      const alone = model({inputs: [first, ...own], outputs: [...layer.applyAll([first, ...own])]});
      const weights = net.getWeights().filter(({name}) => name.includes(`/${prefix}/`));
      alone.setWeights(weights.map(({data: values}) => values));
      const [, h, c] = predict(alone, [x, ...states.slice(2 * index, 2 * index + 2)]) as [
        Found,
        Found,
        Found,
      ];
      expect(found[1 + 2 * index]?.data).toEqual(h.data);
      expect(found[2 + 2 * index]?.data).toEqual(c.data);
    }
  });

  it('may have another layer for the way back', async () => {
    const net = sequential([
      layers.bidirectional({
        layer: layers.gru({units: 2, name: 'there'}),
        backwardLayer: layers.lstm({units: 3, goBackwards: true}),
        inputShape: [steps, features],
      }),
    ]);
    expect(net.outputShape).toEqual([5]);
    const loaded = await load(await net.toBytes());
    expect(loaded.predictSync(x)).toEqual(net.predictSync(x));
    expect(loaded.toJSON()).toEqual(net.toJSON());
  });

  it('freezes both of its layers, and has their weights by name', () => {
    const net = sequential([
      layers.bidirectional({layer: layers.gru({units: 2}), inputShape: [steps, features], trainable: false}),
    ]);
    expect(net.getWeights().map(({name}) => name)).toEqual(
      ['forward', 'backward'].flatMap(way =>
        ['kernel', 'recurrentKernel', 'bias'].map(name => `bidirectional/${way}/${name}`),
      ),
    );
    const [layer] = net.layers as [Layer];
    expect(layer.trainableWeights).toEqual([]);
    layer.trainable = true;
    expect(layer.trainableWeights.length).toBe(6);
    expect(layer.layers.map(({kind}) => kind)).toEqual(['gru', 'gru']);
    expect(layer.layers[1]?.getWeights().length).toBe(3);
  });

  it.each([
    [/mergeMode.*Did you mean "concat"/, {layer: layers.gru({units: 1}), mergeMode: 'concta'}],
    [/layer: expected a layer\. Received undefined/, {}],
    [
      /backwardLayer: expected another goBackwards as of layer\. Received false/,
      {layer: layers.gru({units: 1}), backwardLayer: layers.gru({units: 1})},
    ],
    [
      /backwardLayer: expected the same returnSequences as of layer\. Received true/,
      {
        layer: layers.gru({units: 1}),
        backwardLayer: layers.gru({units: 1, goBackwards: true, returnSequences: true}),
      },
    ],
  ])('says what is wrong: %s', (message, options) => {
    expect(() => layers.bidirectional(options as never)).toThrow(message);
  });
});

describe('layers.timeDistributed', () => {
  it('applies a model to each step, and hands the mask on', async () => {
    const eye = sequential([
      layers.conv1d({filters: 3, kernelSize: 2, inputShape: [4, 1]}),
      layers.globalMaxPooling1d(),
    ]);
    const frames = input({shape: [steps, 4, 1]});
    const net = model({inputs: frames, outputs: layers.timeDistributed({layer: eye}).apply(frames)});
    const clip = {data: numbers(rows * steps * 4), shape: [rows, steps, 4, 1]};
    const [whole] = predict(net, clip) as [Found];
    expect(whole.shape).toEqual([rows, steps, 3]);
    const [flat] = predict(eye, {data: clip.data, shape: [rows * steps, 4, 1]}) as [Found];
    expect(whole.data).toEqual(flat.data);
    const loaded = await load(await net.toBytes());
    expect(loaded.predictSync(clip as never)).toEqual(net.predictSync(clip as never));
    const masked = sequential([
      layers.masking({inputShape: [steps, features]}),
      layers.timeDistributed({layer: layers.dense({units: 2})}),
      layers.gru({units: 2}),
    ]);
    const plain = sequential([
      layers.masking({inputShape: [steps, features]}),
      layers.dense({units: 2}),
      layers.gru({units: 2}),
    ]);
    plain.setWeights(masked.getWeights().map(({data: values}) => values));
    expect(plain.predictSync(x)).toEqual(masked.predictSync(x));
  });

  it.each([
    [
      /timeDistributed: expected samples \[steps, …\].*Received \[3,1\] and \[4,1\]/,
      [
        [3, 1],
        [4, 1],
      ],
    ],
    [
      /dense: expected one input\. Received 2/,
      [
        [3, 1],
        [3, 1],
      ],
    ],
  ])('says what is wrong: %s', (message, shapes) => {
    const layer = layers.timeDistributed({layer: layers.dense({units: 1})});
    expect(() => layer.apply(shapes.map(shape => input({shape})))).toThrow(message);
  });
});

/** A cell of one's own, with a weight and two states of different shapes. */
class Counter extends Layer {
  readonly config = {};
  readonly stateSize = [[2, 2], 1];

  override buildAll(_: readonly (readonly number[])[], weight: MakeWeight) {
    const gain = weight('gain', [1], {initializer: 'ones'});
    return ([x, square, count]: readonly Tensor[], context: CallContext) => {
      const batch = (x as Tensor).shape[0] as number;
      const kept = context.once?.(() => ops.ones([batch, 1]));
      const next = ops.add(square as Tensor, ops.reshape(ops.mul(x as Tensor, gain), [batch, 2, 2]));
      const counted = ops.add(count as Tensor, kept ?? 1);
      return [ops.mul(ops.reshape(next, [batch, 4]), counted), next, counted];
    };
  }
}

describe('layers.rnn', () => {
  it.each(['simpleRNN', 'lstm', 'gru'] as const)('over the cell of %s is that layer, to the bit', kind => {
    const cells = {simpleRNN: layers.simpleRNNCell, lstm: layers.lstmCell, gru: layers.gruCell};
    for (const options of [{}, {returnSequences: true}, {goBackwards: true, returnSequences: true}]) {
      const first = layers.masking({inputShape: [steps, features]});
      const one = sequential([first, layers.rnn({cell: cells[kind]({units: 4}), ...options})]);
      const other = sequential([
        layers.masking({inputShape: [steps, features]}),
        layers[kind]({units: 4, ...options}),
      ]);
      other.setWeights(one.getWeights().map(({data: values}) => values));
      expect(one.predictSync(x)).toEqual(other.predictSync(x));
    }
  });

  it('drops the same units in all steps', async () => {
    // The input is 1 in all steps and the state is their sum: a unit that is dropped is so throughout.
    const ones = {data: new Float32Array(64 * steps * 8).fill(1), shape: [64, steps, 8]};
    const cell = layers.simpleRNNCell({
      units: 8,
      activation: 'linear',
      dropout: 0.5,
      kernelInitializer: 'identity',
      recurrentInitializer: 'identity',
    });
    const net = sequential([layers.rnn({cell, inputShape: [steps, 8]})]);
    const {output} = (await net.forward(ones as never, {training: true})) as unknown as {output: Found};
    const seen = new Set(output.data);
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 2 * steps]);
  });

  it('takes cells of one’s own, with weights, states of any shape and what is made once', async () => {
    const build = () => {
      const start = input({shape: [steps, 4]});
      const outputs = layers.rnn({cell: new Counter(), returnState: true}).applyAll(start);
      return model({inputs: start, outputs: [...outputs]});
    };
    const net = build();
    const values = numbers(2 * steps * 4, 3);
    const found = predict(net, {data: values, shape: [2, steps, 4]});
    expect(found.map(({shape}) => shape)).toEqual([
      [2, 4],
      [2, 2, 2],
      [2, 1],
    ]);
    for (let row = 0; row < 2; row++) {
      for (let at = 0; at < 4; at++) {
        let sum = 0;
        for (let step = 0; step < steps; step++) sum += values[(row * steps + step) * 4 + at] as number;
        expect(found[1]?.data[row * 4 + at]).toBeCloseTo(sum, 5);
        expect(found[0]?.data[row * 4 + at]).toBeCloseTo(sum * steps, 4);
      }
      expect(found[2]?.data[row]).toBe(steps);
    }
    const again = modelFromJSON(JSON.stringify(net), {customObjects: {Counter}}) as Model;
    expect(predict(again, {data: values, shape: [2, steps, 4]})).toEqual(found);
  });

  it('learns over stacked cells, to the same bits on any number of threads', async () => {
    const trained = async (threads: number): Promise<Model> => {
      setThreads(threads);
      const cell = layers.stackedRNNCells({
        cells: [layers.gruCell({units: 6, dropout: 0.1}), layers.lstmCell({units: 5})],
      });
      const net = sequential(
        [layers.masking({inputShape: [steps, features]}), layers.rnn({cell}), layers.dense({units: 1})],
        {seed: 3},
      );
      net.compile({optimizer: optimizers.adam({learningRate: 0.01}), loss: 'mse'});
      const {history} = await net.fit(x, [[1], [-1], [0.5], [0]], {epochs: 80, batchSize: 3, verbose: 0});
      expect(history.loss?.at(-1)).toBeLessThan((history.loss?.[0] as number) / 2);
      return net;
    };
    const [one, two] = [await trained(1), await trained(2)];
    expect(two.getWeights()).toEqual(one.getWeights());
  });

  it.each([
    [/rnn: .*does not say the size of its states/, () => layers.rnn({cell: layers.dense({units: 2})})],
    [/stateSize: expected the size/, () => layers.rnn({cell: layers.dense({units: 2}), stateSize: 0})],
    [
      /rnn: stateful: needs a fixed batch size/,
      () => layers.rnn({cell: layers.gruCell({units: 2}), stateful: true}).apply(input({shape: [3, 2]})),
    ],
    [/cells: expected an array/, () => layers.stackedRNNCells({cells: []})],
    [
      /expected states \[2\], \[2\]\. Received \[2\]/,
      () =>
        layers.rnn({cell: layers.lstmCell({units: 2})}).apply([input({shape: [3, 1]}), input({shape: [2]})]),
    ],
    [
      /of what lambda gives behind its output: expected states \[3\]\. Received none/,
      () => layers.rnn({cell: ([h]) => [h as Tensor], stateSize: 3}).apply(input({shape: [3, 1]})),
    ],
    [
      /rnn: expected samples \[steps, …features\]\. Received \[3\]/,
      () => layers.rnn({cell: layers.gruCell({units: 2})}).apply(input({shape: [3]})),
    ],
    [
      /gruCell: expected samples \[features\]/,
      () => layers.gruCell({units: 2}).apply([input({shape: [3, 2]}), input({shape: [2]})]),
    ],
  ])('says what is wrong: %s', (message, build) => {
    expect(build).toThrow(message);
  });
});
