// Texts and categories as numbers: what layers make of them, one after another too, and what they refuse.
import {describe, expect, it} from 'vitest';
import {input, layers, load, model, sequential} from '../../../lib/index.ts';
import {untyped} from '../../support/refusals.ts';

describe('texts', () => {
  const vectors = (options: object) => layers.textVectorization({vocabulary: ['a', 'b', 'a b'], ...options});

  it('are standardized and split by functions of one’s own, which files know by name', async () => {
    const shout = (text: string) => text.toUpperCase();
    const bySemicolon = (text: string) => text.split(';');
    const make = () =>
      layers.textVectorization({
        standardize: shout,
        split: bySemicolon,
        vocabulary: ['A', 'B C'],
        outputSequenceLength: 3,
      });
    expect([...make().call(['a;b c;d']).data]).toEqual([2, 3, 1]);
    const net = sequential([make()]);
    const bytes = await net.toBytes();
    await expect(load(bytes)).rejects.toThrow(/customObjects: \{shout/);
    const again = await load(bytes, {customObjects: {shout, bySemicolon}});
    expect([...(await again.predict(['b c;a'])).data]).toEqual([3, 2, 0]);
    const odd = vectors({split: untyped(() => 'text')});
    expect(() => odd.call(['a'])).toThrow(
      /split: the function must give an array of texts\. Received "text"/,
    );
    const none = vectors({standardize: untyped(() => undefined)});
    expect(() => none.call(['a'])).toThrow(/standardize: the function must give text\. Received undefined/);
  });

  it('may be empty, alone, in other alphabets; tokens may hold spaces', () => {
    expect([...vectors({outputSequenceLength: 2}).call(['', '  \n\t']).data]).toEqual([0, 0, 0, 0]);
    expect(vectors({}).call(['', ''])).toEqual({data: Int32Array.of(0, 0), shape: [2, 1]});
    expect(vectors({ngrams: 2}).call('A, b!')).toEqual({data: Int32Array.of(2, 3, 4), shape: [3]});
    expect([...vectors({split: null, outputSequenceLength: 1}).call(['a b', 'b a']).data]).toEqual([4, 1]);
    const greek = layers.textVectorization({vocabulary: ['öl', 'σοφία'], outputSequenceLength: 2});
    expect([...greek.call(['ÖL Σοφία']).data]).toEqual([2, 3]);
    const letters = layers.textVectorization({split: 'character', vocabulary: ['🙂', 'é']});
    expect([...letters.call('é🙂').data]).toEqual([3, 2]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['numbers', () => vectors({}).call([1, 2]), /textVectorization: call: expected text\. Received numbers/],
    [
      'two texts to a sample',
      () => vectors({}).call([['a', 'b']]),
      /expected one text to a sample, \[\] or \[1\]/,
    ],
    [
      'what is missing',
      () => vectors({}).call(untyped(['a', null])),
      /row 1 is missing where text is expected/,
    ],
    [
      'a number among them',
      () => vectors({}).call(untyped(['a', 5])),
      /row 1 holds 5 where text is expected/,
    ],
    [
      'ragged lists',
      () => layers.stringLookup({vocabulary: ['a']}).call(untyped([['a', 'b'], ['a']])),
      /is ragged: row 1 has 1 texts where row 0 has 2/,
    ],
    ['no rows', () => vectors({}).call(untyped([])), /expected|empty/],
    [
      'an input of numbers',
      () => vectors({}).apply(input({shape: [1]})),
      /textVectorization: expected text\. Received float32; input\(\{…, dtype: 'string'\}\)/,
    ],
    [
      'a length that is missing',
      () => vectors({}).apply(input({shape: [], dtype: 'string'})),
      /outputSequenceLength is missing/,
    ],
    [
      'a length with counts',
      () => vectors({outputMode: 'count', outputSequenceLength: 3}),
      /goes with outputMode: 'int'/,
    ],
    ['padding without a size', () => vectors({padToMaxTokens: true}), /padToMaxTokens: it needs maxTokens/],
    [
      'another name',
      () => vectors({standardize: 'upper'}),
      /standardize: expected lowerAndStripPunctuation, lower, stripPunctuation/,
    ],
    ['no ngrams', () => vectors({ngrams: []}), /ngrams: expected a number, or some/],
    [
      'text for a layer of ops',
      () => layers.dense({units: 1}).apply(input({shape: [1], dtype: 'string'})),
      /dense: it computes with numbers and gets text\. layers\.textVectorization/,
    ],
    [
      'text as an output',
      () => {
        const ids = input({shape: [2], dtype: 'int32'});
        return model({
          inputs: ids,
          outputs: layers.stringLookup({invert: true, vocabulary: ['a']}).apply(ids),
        });
      },
      /the output stringLookup is text, which no plan gives/,
    ],
  ])('refused: %s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('refused in a model by the name of the array and the row', async () => {
    const net = sequential([
      layers.textVectorization({outputMode: 'count', vocabulary: ['a']}),
      layers.dense({units: 1}),
    ]);
    net.compile({optimizer: 'sgd', loss: 'mse'});
    await expect(net.predict([1, 2])).rejects.toThrow(/predict: x: row 0 holds 1 where text is expected/);
    await expect(net.predict(Float32Array.of(1))).rejects.toThrow(
      /predict: x: expected texts, an array of them/,
    );
    await expect(net.fit(['a', 'b'], [1], {verbose: 0})).rejects.toThrow(/x has 2 rows and y 1/);
    await expect(net.fit(['a'], untyped(['b']), {verbose: 0})).rejects.toThrow(
      /row 0 holds "b" where a number is expected/,
    );
    await expect(net.fit('a' as never, [1])).rejects.toThrow(
      /expected an array of texts\. Received one, "a"/,
    );
    const numeric = sequential([layers.dense({units: 1, inputShape: [1]})]);
    await expect(numeric.predict(['a'])).rejects.toThrow(
      /holds "a" where a number is expected\. An input with dtype: 'string'/,
    );
  });
});

describe('categories', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'an id without a place',
      () =>
        layers.categoryEncoding({numTokens: 4}).call([
          [0, 1],
          [4, 1],
        ]),
      /row 1, column 0 holds 4; expected ids from 0 to 3/,
    ],
    ['an id below 0', () => layers.categoryEncoding({numTokens: 4}).call([-1]), /row 0 holds -1/],
    [
      'an id that is none',
      () => layers.categoryEncoding({numTokens: 4}).call([0.5]),
      /row 0 holds 0\.5; expected integers/,
    ],
    [
      'text as an id',
      () => layers.categoryEncoding({numTokens: 4}).call(['a']),
      /expected numbers\. Received text; layers\.stringLookup/,
    ],
    [
      'weights of another shape',
      () => layers.categoryEncoding({numTokens: 4, outputMode: 'count'}).call([[0, 1]], [1]),
      /a weight for each/,
    ],
    [
      'weights of ones',
      () => layers.categoryEncoding({numTokens: 4}).call([[0, 1]], [[1, 1]]),
      /weights go with outputMode: 'count'/,
    ],
    ['no size', () => layers.categoryEncoding(untyped({})), /numTokens: expected an integer >= 1/],
    [
      'lists of lists to count',
      () =>
        layers
          .categoryEncoding({numTokens: 4, outputMode: 'count'})
          .apply(input({shape: [2, 2], dtype: 'int32'})),
      /expected samples of one axis at most/,
    ],
    [
      'a token that is not there',
      () => layers.stringLookup({numOovIndices: 0, vocabulary: ['a']}).call([['a', 'q']]),
      /row 0, column 1 holds "q", which is not in the vocabulary; numOovIndices: 1/,
    ],
    [
      'integers that float32 rounds',
      () => layers.integerLookup({vocabulary: [1]}).call(Float32Array.of(2 ** 24 + 2)),
      /holds 16777218, more than float32 tells apart/,
    ],
    [
      'text for integers',
      () => layers.integerLookup({vocabulary: [1]}).call(['a']),
      /expected numbers\. Received text/,
    ],
    [
      'a salt without its hash',
      () => layers.integerLookup({salt: 5}),
      /salt: it goes with oovMethod: 'farmhash'/,
    ],
    [
      'a salt that is none',
      () => layers.hashing({numBins: 3, salt: untyped([1, 2, 3])}),
      /salt: expected a number, or two/,
    ],
    ['no bins', () => layers.hashing({numBins: 0}), /numBins: expected an integer >= 1/],
    [
      'a mask of another kind',
      () => layers.hashing({numBins: 3, maskValue: 0}).call(['a']),
      /maskValue is 0, and the input text/,
    ],
    [
      'inverted counts',
      () => layers.stringLookup({invert: true, outputMode: 'count'}),
      /outputMode must be 'int', not 'count'/,
    ],
    [
      'neither bounds nor bins',
      () => layers.discretization(untyped({})),
      /expected binBoundaries, or numBins/,
    ],
    [
      'bounds out of order',
      () => layers.discretization({binBoundaries: [1, 0]}),
      /0 stands behind 1; sort them/,
    ],
    [
      'bins before they are known',
      () => layers.discretization({numBins: 3}).call([1]),
      /there are no bins yet: adapt/,
    ],
    [
      'bins of bounds',
      () => layers.discretization({binBoundaries: [1]}).adapt([1]),
      /its binBoundaries were given/,
    ],
    ['too few data', () => layers.discretization({numBins: 3}).adapt([1]), /too few numbers/],
    [
      'no number',
      () => layers.discretization({binBoundaries: [1]}).call([[1, Number.NaN]]),
      /row 0, column 1 holds NaN/,
    ],
  ])('refused: %s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('large integers are looked up exactly', () => {
    const large = 2 ** 40 + 1;
    const lookup = layers.integerLookup({vocabulary: [large, -7]});
    const ids = {data: BigInt64Array.of(BigInt(large), BigInt(large - 1), -7n), shape: [1, 3]};
    expect([...lookup.call(ids).data]).toEqual([1, 0, 2]);
    const net = sequential([layers.inputLayer({inputShape: [3], dtype: 'int64'}), lookup]);
    expect([...net.predictSync(ids).data]).toEqual([1, 0, 2]);
  });

  it('go through one layer ahead of the plan after another, and the way back', async () => {
    const words = input({shape: [2], dtype: 'string', name: 'words'});
    const size = input({shape: [1], name: 'size'});
    const lookup = layers.stringLookup({vocabulary: ['red', 'green', 'blue']});
    const ids = lookup.apply(words);
    const colors = layers.categoryEncoding({numTokens: lookup.vocabularySize()}).apply(ids);
    const sizes = layers.discretization({binBoundaries: [10, 20], outputMode: 'oneHot'}).apply(size);
    const net = model({
      inputs: [words, size],
      outputs: {all: layers.concatenate().apply([colors, sizes, size]), ids},
    });
    const x = {
      words: [
        ['red', 'blue'],
        ['pink', 'red'],
      ],
      size: [[5], [25]],
    };
    for (const copy of [net, await load(await net.toBytes())]) {
      const {all, ids: numbers} = untyped(await copy.predict(x));
      expect([...all.data]).toEqual([0, 1, 0, 1, 1, 0, 0, 5, 1, 1, 0, 0, 0, 0, 1, 25]);
      expect([...numbers.data]).toEqual([1, 3, 0, 1]);
      const back = layers.stringLookup({vocabulary: lookup.getVocabulary(), invert: true});
      expect(back.call(numbers)).toEqual({data: ['red', 'blue', '[UNK]', 'red'], shape: [2, 2]});
    }
    const weighted = layers.categoryEncoding({numTokens: 3, outputMode: 'count'});
    const counted = input({shape: [2], dtype: 'int32'});
    const weights = input({shape: [2]});
    const counting = model({inputs: [counted, weights], outputs: weighted.apply([counted, weights])});
    const sums = await counting.predict([
      [
        [0, 0],
        [1, 2],
      ],
      [
        [0.5, 0.25],
        [1, 2],
      ],
    ]);
    expect([...sums.data]).toEqual([0.75, 0, 0, 0, 1, 2]);
  });
});
