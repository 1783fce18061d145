// Models that read text as layers of others: what runs ahead of the plan of one runs ahead of both.
import {describe, expect, it} from 'vitest';
import {
  Dataset,
  input,
  layers,
  load,
  type Model,
  model,
  modelFromJSON,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {failsWith, untyped} from '../../support/refusals.ts';

const texts = ['great fun', 'a great film', 'dull film', 'bad and dull', 'fun and good', 'a bad, bad film'];
const labels = [1, 1, 0, 0, 1, 0];
const more = ['great', 'unknown words', '', 'dull and bad'];
const options = {epochs: 4, batchSize: 4, seed: 3, verbose: 0} as const;
const rows = {inputDim: 20, outputDim: 4, maskZero: true} as const;
const unmasked = {...rows, maskZero: false};

function vectorizer(name?: string) {
  const words = layers.textVectorization({outputSequenceLength: 5, ...(name !== undefined && {name})});
  words.adapt(texts);
  return words;
}

const compiled = <Net extends Model>(net: Net): Net => {
  net.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy']});
  return net;
};

/** From ids to a probability. */
const classifier = (): Sequential =>
  sequential(
    [
      layers.embedding({...rows, inputShape: [5]}),
      layers.globalAveragePooling1d(),
      layers.dropout({rate: 0.2}),
      layers.dense({units: 1, activation: 'sigmoid'}),
    ],
    {seed: 2},
  );

/** The same from texts, without a model within. */
const plain = (): Sequential =>
  compiled(
    sequential(
      [
        vectorizer(),
        layers.embedding(rows),
        layers.globalAveragePooling1d(),
        layers.dropout({rate: 0.2}),
        layers.dense({units: 1, activation: 'sigmoid'}),
      ],
      {seed: 2},
    ),
  );

const valuesOf = (net: Model) => net.getWeights().map(({data}) => [...data]);

/** Each a model from texts to a probability, of models in another order. */
const nested: Readonly<Record<string, () => Model>> = {
  'a model of words before one of ids': () => {
    const text = input({shape: [], dtype: 'string'});
    const inner = input({shape: [], dtype: 'string'});
    const words = model({inputs: inner, outputs: vectorizer().apply(inner), name: 'words'});
    return model({inputs: text, outputs: classifier().apply(words.apply(text))});
  },
  'a whole model as a layer': () => {
    const text = input({shape: [], dtype: 'string'});
    return model({inputs: text, outputs: plain().apply(text)});
  },
  'a model in a chain': () => sequential([sequential([vectorizer()]), classifier()]),
  'a model in a model in a model': () => {
    const [inner, middle, outer] = [0, 1, 2].map(() => input({shape: [], dtype: 'string'}));
    const first = model({inputs: inner as never, outputs: vectorizer().apply(inner as never)});
    const second = model({
      inputs: middle as never,
      outputs: layers.embedding(rows).apply(first.apply(middle as never)),
    });
    const pooled = layers.globalAveragePooling1d().apply(second.apply(outer as never));
    const head = sequential([
      layers.dropout({rate: 0.2, inputShape: [4]}),
      layers.dense({units: 1, activation: 'sigmoid'}),
    ]);
    return model({inputs: outer as never, outputs: head.apply(pooled)});
  },
  'a model of text whose input is said by a layer': () => {
    const words = sequential([layers.inputLayer({inputShape: [], dtype: 'string'}), vectorizer()]);
    return sequential([words, classifier()]);
  },
};

describe.each(Object.entries(nested))('%s', (_, make) => {
  const build = (): Model => {
    const net = compiled(make());
    net.setWeights(
      plain()
        .getWeights()
        .map(({data}) => data),
    );
    return net;
  };

  it('predicts, evaluates and trains as the layers in a row do, to the bit', async () => {
    const [net, expected] = [build(), plain()];
    expect((await net.predict(more)).data).toEqual((await expected.predict(more)).data);
    expect(net.predictSync('great fun')).toEqual(expected.predictSync('great fun'));
    const [{history}, {history: wanted}] = [
      await net.fit(texts, labels, {...options, validationData: [more, [1, 0, 0, 0]]}),
      await expected.fit(texts, labels, {...options, validationData: [more, [1, 0, 0, 0]]}),
    ];
    expect(history).toEqual(wanted);
    expect(valuesOf(net)).toEqual(valuesOf(expected));
    expect(await net.evaluate(texts, labels)).toEqual(await expected.evaluate(texts, labels));
    const batches = Dataset.fromArrays({xs: texts, ys: labels}).batch(3);
    expect(await net.fit(batches, {epochs: 2, verbose: 0, seed: 5})).toEqual(
      expect.objectContaining({
        history: (await expected.fit(batches, {epochs: 2, verbose: 0, seed: 5})).history,
      }),
    );
    expect(net.predictSync(more).data).toEqual(expected.predictSync(more).data);
  });

  it('comes back from its description and from a file, with its vocabulary', async () => {
    const net = build();
    await net.fit(texts, labels, options);
    const copies = [modelFromJSON(JSON.stringify(net)), await load(await net.toBytes()), net.clone()];
    copies[0]?.setWeights(net.getWeights());
    for (const copy of copies) {
      expect(copy.toJSON()).toEqual(net.toJSON());
      expect(copy.predictSync(more)).toEqual(net.predictSync(more));
    }
    const [, loaded] = copies as [Model, Model];
    await loaded.fit(texts, labels, options);
    await net.fit(texts, labels, options);
    expect(valuesOf(loaded)).toEqual(valuesOf(net));
    expect(net.summary({print: () => {}})).toContain('[batch,1]');
    expect(await net.plot()).toContain('svg');
  });
});

describe('a model of text as a layer', () => {
  it('may be applied twice, and beside inputs that only a plan reads', async () => {
    const [first, second] = [input({shape: [], dtype: 'string'}), input({shape: [], dtype: 'string'})];
    const year = input({shape: [2]});
    const own = input({shape: [], dtype: 'string'});
    const number = input({shape: [2]});
    const words = layers.flatten().apply(layers.embedding(unmasked).apply(vectorizer().apply(own)));
    const inner = model({
      inputs: {own, number},
      outputs: layers.concatenate().apply([words, number]),
      name: 'inner',
    });
    const wide = layers.dense({units: 2}).apply(year);
    const both = [first, second].map(text => inner.apply({own: text, number: wide}));
    const net = model({inputs: {first, second, year}, outputs: layers.concatenate().apply(both)});
    const x = {first: texts, second: [...texts].reverse(), year: texts.map((_, at) => [at, 1])};
    const predicted = await net.predict(x);
    expect(predicted.shape).toEqual([6, 44]);
    const turned = await net.predict({...x, first: x.second, second: x.first});
    for (let row = 0; row < 6; row++) {
      const line = (from: number) => [...predicted.data.subarray(row * 44 + from, row * 44 + from + 22)];
      expect([...turned.data.subarray(row * 44, row * 44 + 44)]).toEqual([...line(22), ...line(0)]);
    }
    const alone = model({inputs: {own, number: year}, outputs: inner.apply({own, number: wide})});
    expect((await alone.predict({own: texts, number: x.year})).data.subarray(0, 22)).toEqual(
      predicted.data.subarray(0, 22),
    );
  });

  it('gives what layers ahead of the plan, and those in it, both read', async () => {
    const own = input({shape: [2], dtype: 'string'});
    const look = layers.stringLookup({vocabulary: ['a', 'b', 'c']});
    const ids = model({inputs: own, outputs: {ids: look.apply(own)}});
    const text = input({shape: [2], dtype: 'string'});
    const {ids: found} = ids.apply(text);
    const hot = layers.categoryEncoding({numTokens: 4, outputMode: 'multiHot'}).apply(found);
    const vectors = layers.flatten().apply(layers.embedding({inputDim: 4, outputDim: 1}).apply(found));
    const net = model({inputs: text, outputs: [hot, vectors]});
    const table = net.getWeights()[0]?.data as Float32Array;
    const [encoded, looked] = untyped(
      await net.predict([
        ['a', 'c'],
        ['z', 'b'],
      ]),
    );
    expect([...encoded.data]).toEqual([0, 1, 0, 1, 1, 0, 1, 0]);
    expect([...looked.data]).toEqual([1, 3, 0, 2].map(id => table[id]));
  });

  it('says which row its layers could not read', async () => {
    const own = input({shape: [1], dtype: 'int32'});
    const encode = layers.categoryEncoding({numTokens: 3, outputMode: 'oneHot'});
    const inner = model({inputs: own, outputs: encode.apply(own), name: 'inner'});
    const given = input({shape: [1], dtype: 'int32'});
    const net = model({inputs: given, outputs: layers.dense({units: 1}).apply(inner.apply(given))});
    await expect(net.predict([[0], [3]])).rejects.toThrow(/predict: inner: categoryEncoding: .*row 1/);
  });

  const inner = () => {
    const own = input({shape: [], dtype: 'string'});
    return model({
      inputs: own,
      outputs: layers.embedding(rows).apply(vectorizer().apply(own)),
      name: 'inner',
    });
  };
  it.each<[string, () => unknown, string, RegExp]>([
    [
      'numbers',
      () => inner().apply(input({shape: [3]})),
      'ERR_SHAPE',
      /^inner: the model takes \[\]\. Received \[3\]/,
    ],
    [
      'what is no text',
      () => {
        const own = input({shape: [2], dtype: 'string'});
        const look = layers.stringLookup({vocabulary: ['a']}).apply(own);
        model({inputs: own, outputs: look, name: 'inner'}).apply(input({shape: [2]}));
      },
      'ERR_DTYPE',
      /^inner: expected text\. Received float32/,
    ],
    [
      'what a plan gives',
      () => {
        const own = input({shape: [2]});
        const bins = layers.discretization({binBoundaries: [0, 1]}).apply(own);
        const net = model({inputs: own, outputs: bins, name: 'inner'});
        net.apply(layers.dense({units: 2}).apply(input({shape: [2]})));
      },
      'ERR_GRAPH',
      /^inner: its layer discretization runs in JavaScript ahead of the plan, .*Received what dense gives\.$/,
    ],
    [
      'within another layer',
      () => {
        const own = input({shape: [2]});
        const bins = layers.discretization({binBoundaries: [0, 1]}).apply(own);
        const net = model({inputs: own, outputs: bins, name: 'inner'});
        layers.timeDistributed({layer: net}).apply(input({shape: [3, 2]}));
      },
      'ERR_GRAPH',
      /layers of this model run in JavaScript ahead of the plan: directly behind an input, not within/,
    ],
  ])('refuses %s', (_, act, code, message) => {
    expect(act).toThrow(failsWith(code, message) as Error);
  });
});
