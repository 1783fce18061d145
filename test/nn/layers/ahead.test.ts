// Layers that run ahead of the plan: what all of them promise, and what they refuse.
import {describe, expect, it} from 'vitest';
import {Dataset, input, layers, load, model, modelFromJSON} from '../../../lib/index.ts';
import {sipHash64} from '../../../lib/nn/hashes.ts';
import {untyped} from '../../support/refusals.ts';
import {aheadCases} from './ahead-cases.ts';

describe.each(Object.entries(aheadCases))('%s', (kind, given) => {
  const net = () => {
    const symbolic = given.input();
    return model({inputs: symbolic, outputs: given.make().apply(symbolic)});
  };

  it('gives in a model what it gives by itself, and so do its copies', async () => {
    const own = given.make();
    expect(own.kind).toBe(kind);
    const called = own.call(given.data);
    expect(called.shape).toEqual([given.data.length, ...given.shape]);
    expect([...called.data]).toEqual(given.output);
    const made = net();
    expect(made.outputShape).toEqual(given.shape);
    expect(made.countParams()).toBe(0);
    const copies = [
      made,
      made.clone(),
      modelFromJSON(JSON.stringify(made)),
      await load(await made.toBytes()),
    ];
    for (const copy of copies) {
      expect(copy.toJSON()).toEqual(made.toJSON());
      const predicted = await copy.predict(given.data);
      expect(predicted.shape).toEqual([given.data.length, ...given.shape]);
      expect([...predicted.data]).toEqual(given.output);
      expect(copy.predictSync(given.data)).toEqual(predicted);
    }
    const again = layers[kind as 'hashing'](untyped(own.getConfig()));
    expect([...again.call(given.data).data]).toEqual(given.output);
  });

  it('reads batches of data sets, by name as well', async () => {
    const made = net();
    const batches = Dataset.fromArrays({xs: {given: given.data}} as never).batch(1);
    const predicted = await made.predict(batches as never);
    expect([...predicted.data]).toEqual(given.output);
    const elements = Dataset.fromGenerator(() => untyped(given.data)).batch(1);
    expect([...(await made.predict(elements as never)).data]).toEqual(given.output);
  });

  it('stands directly behind an input', () => {
    const hidden = layers.dense({units: 3}).apply(input({shape: [3]}));
    expect(() => given.make().apply(hidden)).toThrow(
      `${kind}: it runs in JavaScript ahead of the plan, so it stands directly behind an input, or behind ` +
        'another such layer. Received what dense gives.',
    );
    const within = () => layers.timeDistributed({layer: given.make()}).apply(input({shape: [2, 3]}));
    expect(within).toThrow(/it runs in JavaScript ahead of the plan: directly behind an input, not within/);
  });

  it('gives the same in a model that is a layer, behind an input too', async () => {
    const {shape, dtype} = given.input();
    const outer = input({shape, dtype: dtype as 'string'});
    const whole = model({inputs: outer, outputs: net().apply(outer)});
    for (const copy of [whole, modelFromJSON(JSON.stringify(whole)), await load(await whole.toBytes())]) {
      const predicted = await copy.predict(given.data);
      expect(predicted.shape).toEqual([given.data.length, ...given.shape]);
      expect([...predicted.data]).toEqual(given.output);
    }
    const within = () => layers.checkpoint({layer: net()}).apply(outer);
    if (dtype === 'string') expect(within).toThrow(/it computes with numbers and gets text/);
    else expect(within).toThrow(/layers of this model run in JavaScript ahead of the plan: directly behind/);
  });
});

describe('the vocabulary', () => {
  it('begins with special tokens, then those that occur most often', () => {
    const layer = layers.stringLookup({maskToken: ''});
    layer.adapt([
      ['a', 'c', 'd'],
      ['d', 'z', 'b'],
    ]);
    expect(layer.getVocabulary()).toEqual(['', '[UNK]', 'd', 'z', 'c', 'b', 'a']);
    expect(layer.getVocabulary(false)).toEqual(['d', 'z', 'c', 'b', 'a']);
    expect(layer.vocabularySize()).toBe(7);
    layer.setVocabulary(['z']);
    expect(layer.getVocabulary()).toEqual(['', '[UNK]', 'z']);
    layer.setVocabulary(['', '[UNK]', 'q']);
    expect(layer.getVocabulary(false)).toEqual(['q']);
  });

  it('orders equal counts by code points, from the greatest on', () => {
    const layer = layers.stringLookup();
    layer.adapt(['b', '\u{ffee}', '\u{1f642}', 'B', 'bb']);
    expect(layer.getVocabulary(false)).toEqual(['\u{1f642}', '\u{ffee}', 'bb', 'b', 'B']);
  });

  it('is learned from a data set as from the rows', async () => {
    const rows = ['one two two', 'three two', '', 'three'];
    const [once, parts, labelled] = [1, 2, 3].map(() => layers.textVectorization({outputMode: 'tfIdf'}));
    once?.adapt(rows);
    await parts?.adapt(Dataset.fromArrays(rows).batch(3) as never);
    const ys = [0, 1, 0, 1];
    await labelled?.adapt(Dataset.fromArrays({xs: rows, ys}).shuffle(4).batch(2) as never);
    expect(once?.getVocabulary(false)).toEqual(['two', 'three', 'one']);
    for (const other of [parts, labelled])
      expect(other?.getConfig()).toEqual({...once?.getConfig(), name: other?.name});
  });

  const tfIdf = () => layers.stringLookup({outputMode: 'tfIdf'});
  it.each<[string, () => unknown, RegExp]>([
    [
      'no array',
      () => layers.stringLookup({vocabulary: untyped('words.txt')}),
      /vocabulary: expected an array of tokens\. Received "words\.txt"\. Of a file: readFileSync/,
    ],
    [
      'empty',
      () => layers.stringLookup({vocabulary: []}),
      /layers\.stringLookup: vocabulary: the vocabulary is empty/,
    ],
    ['only special tokens', () => layers.stringLookup({vocabulary: ['[UNK]']}), /the vocabulary is empty/],
    [
      'a token twice',
      () => layers.stringLookup({vocabulary: ['a', 'b', 'a', 'b', 'c']}),
      /tokens stand there more than once: "a", "b"\./,
    ],
    ['no text', () => layers.stringLookup({vocabulary: untyped(['a', 5])}), /token 1 is 5; expected text/],
    [
      'no integer',
      () => layers.integerLookup({vocabulary: [1, 2.5]}),
      /token 1 is 2\.5; expected an integer/,
    ],
    [
      'the mask token within',
      () => layers.stringLookup({maskToken: 'm', vocabulary: ['a', 'm']}),
      /"m" is a special token\. Leave such out, or begin with all of them, "m", "\[UNK\]"\./,
    ],
    [
      'the unknown token within, inverted',
      () => layers.stringLookup({invert: true, vocabulary: ['a', '[UNK]']}),
      /"\[UNK\]" is a special token/,
    ],
    [
      'too large',
      () => layers.stringLookup({maxTokens: 3, vocabulary: ['a', 'b', 'c']}),
      /4 ids, special ones included, are more than maxTokens 3/,
    ],
    [
      'without weights',
      () => layers.stringLookup({outputMode: 'tfIdf', vocabulary: ['a']}),
      /idfWeights are missing, one for each token/,
    ],
    [
      'with weights',
      () => layers.stringLookup({vocabulary: ['a'], idfWeights: [1]}),
      /idfWeights go with outputMode: 'tfIdf' only/,
    ],
    [
      'too few weights',
      () => tfIdf().setVocabulary(['a', 'b'], [1]),
      /idfWeights: expected a number for each token\. Received 1 for 2 tokens/,
    ],
    [
      'a weight that is none',
      () => tfIdf().setVocabulary(['a'], [Number.NaN]),
      /idfWeights: number 0 is NaN/,
    ],
    [
      'weights without it',
      () => layers.stringLookup({outputMode: 'tfIdf', idfWeights: [1]}),
      /they go with vocabulary/,
    ],
  ])('refused: %s', (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({code: 'ERR_OPTION'}));
  });

  it('must be there before a model counts on its size, which then stays', async () => {
    const text = input({shape: [], dtype: 'string'});
    const counting = layers.textVectorization({outputMode: 'count'});
    expect(() => counting.apply(text)).toThrow(/there is no vocabulary yet: adapt\(data\) learns one/);
    counting.adapt(['a b']);
    const net = model({inputs: text, outputs: counting.apply(text)});
    expect(net.outputShape).toEqual([3]);
    expect(() => counting.adapt(['a b c'])).toThrow(/a model counts on 3 ids, and there would be 4/);
    expect(counting.getVocabulary(false)).toEqual(['b', 'a']);
    counting.adapt(['c d d']);
    expect([...(await net.predict(['d d c a'])).data]).toEqual([1, 2, 1]);
    const padded = layers.textVectorization({outputMode: 'count', maxTokens: 5, padToMaxTokens: true});
    expect(padded.apply(text).shape).toEqual([5]);
    padded.adapt(['a b c']);
    padded.adapt(['a']);
    expect([...padded.call('a q').data]).toEqual([1, 1, 0, 0, 0]);
    const unknown = layers.stringLookup();
    const ids = model({inputs: text, outputs: unknown.apply(text)});
    await expect(ids.predict(['a'])).rejects.toThrow(/predict: stringLookup: there is no vocabulary yet/);
    expect(() => unknown.adapt(['[UNK]'])).toThrow(/stringLookup: adapt: the data hold no tokens/);
  });
});

it('SipHash is that of its paper', () => {
  const text = String.fromCharCode(...Array.from({length: 15}, (_, at) => at));
  expect(sipHash64(text, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n])).toBe(0xa129ca6149be45e5n);
});
