// Tokenizers of @huggingface/tokenizers as layers: their ids in models, files, and the way back.
import {tmpdir} from 'node:os';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {input, layers, load, model, sequential} from '../../../lib/index.ts';
import {untyped} from '../../support/refusals.ts';

const pieces = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'the',
  'un',
  '##aff',
  '##able',
  'wa',
  '##nt',
  ',',
  'runn',
  '##ing',
];
const wordPiece = (options: object = {}) =>
  layers.wordPieceTokenizer({
    vocabulary: pieces,
    specialTokens: ['[CLS]', '[SEP]'],
    lowercase: true,
    ...options,
  });

/** As GPT-2 has them: Ġ stands for a space. */
const letters = [
  '<|end|>',
  'l',
  'o',
  'w',
  'e',
  'r',
  'n',
  's',
  't',
  'i',
  'd',
  'Ġ',
  'lo',
  'low',
  'er',
  'Ġlow',
  'est',
];
const merges = ['l o', 'lo w', 'e r', 'Ġ low', 'e s', 'es t'];
const bytePairs = (options: object = {}) =>
  layers.bytePairTokenizer({
    vocabulary: [...letters, 'es'],
    merges,
    unsplittableTokens: ['<|end|>'],
    ...options,
  });

/** A tokenizer.json as BERT's is. */
const bert = {
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({
    ...{id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true},
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: {type: 'BertPreTokenizer'},
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      {SpecialToken: {id: '[CLS]', type_id: 0}},
      {Sequence: {id: 'A', type_id: 0}},
      {SpecialToken: {id: '[SEP]', type_id: 0}},
    ],
    pair: [],
    special_tokens: {},
  },
  decoder: {type: 'WordPiece', prefix: '##', cleanup: true},
  model: {
    ...{
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
    vocab: Object.fromEntries(pieces.map((token, id) => [token, id])),
  },
};

describe('tokenizers', () => {
  it('WordPiece takes the longest pieces first', () => {
    // The example of BERT's own tests.
    expect([...wordPiece().call('UNwanted, running').data]).toEqual([1, 10, 11, 12]);
    expect([...wordPiece().call('unaffable the running').data]).toEqual([5, 6, 7, 4, 11, 12]);
    expect([...wordPiece().call('[CLS]the[SEP]').data]).toEqual([2, 4, 3]);
    expect([...wordPiece({lowercase: false}).call('The the').data]).toEqual([1, 4]);
    expect(wordPiece({sequenceLength: 3}).call(['the', 'unaffable the', ''])).toEqual({
      data: Int32Array.of(4, 0, 0, 5, 6, 7, 0, 0, 0),
      shape: [3, 3],
    });
    expect(
      wordPiece().detokenize([
        [5, 6, 7, 4, 0],
        [2, 4, 3, 0, 0],
      ]),
    ).toEqual(['unaffable the', 'the']);
    expect(wordPiece().getVocabulary()).toEqual(pieces);
    expect(wordPiece().vocabularySize()).toBe(13);
  });

  it('WordPiece leaves accents out, takes Chinese apart and marks pieces as it is told', () => {
    const vocabulary = ['[UNK]', 'cafe', 'café', '世', '界', '世界', '@s'];
    const of = (text: string, options: object) => [
      ...layers.wordPieceTokenizer({vocabulary, ...options}).call(text).data,
    ];
    expect(of('café', {})).toEqual([2]);
    expect(of('café', {stripAccents: true})).toEqual([1]);
    expect(of('世界', {})).toEqual([3, 4]);
    expect(of('世界', {splitOnCjk: false})).toEqual([5]);
    expect(of('cafes', {suffixIndicator: '@'})).toEqual([1, 6]);
    expect(of('cafes', {})).toEqual([0]);
    expect(of('tea', {vocabulary: ['?', 'cafe'], oovToken: '?'})).toEqual([0]);
    const marked = layers.wordPieceTokenizer({vocabulary, suffixIndicator: '@'});
    expect(marked.detokenize([[1, 6]])).toEqual(['cafes']);
  });

  it('byte pairs are joined in the order of the merges', () => {
    const layer = bytePairs();
    const tokens = layer.getVocabulary();
    const named = (text: string) => [...layer.call(text).data].map(id => tokens[id as number]);
    expect(named('lower lowest low')).toEqual(['low', 'er', 'Ġlow', 'est', 'Ġlow']);
    expect(named('low<|end|>new')).toEqual(['low', '<|end|>', 'n', 'e', 'w']);
    expect(layer.detokenize([...layer.call('lower lowest').data] as number[])).toEqual(['lower lowest']);
    const first = [...bytePairs({addPrefixSpace: true}).call('low').data];
    expect(first).toEqual([tokens.indexOf('Ġlow')]);
    expect(() => layer.call('xyz')).toThrow(/row 0: token 0 has no id in the vocabulary/);
  });

  it('a tokenizer.json adds its special tokens, and keeps them where a text is cut off', () => {
    const config = {pad_token: '[PAD]'};
    expect([...layers.tokenizer({tokenizer: bert, config}).call('The unaffable').data]).toEqual([
      2, 4, 5, 6, 7, 3,
    ]);
    const short = layers.tokenizer({tokenizer: bert, sequenceLength: 4});
    expect([...short.call(['The unaffable', 'the']).data]).toEqual([2, 4, 5, 3, 2, 4, 3, 0]);
    const plain = layers.tokenizer({tokenizer: bert, addSpecialTokens: false, padId: 1, sequenceLength: 2});
    expect([...plain.call(['The unaffable', 'the']).data]).toEqual([4, 5, 4, 1]);
  });

  it.each([
    ['wordPieceTokenizer', () => wordPiece({sequenceLength: 4, stripAccents: true, splitOnCjk: false})],
    ['bytePairTokenizer', () => bytePairs({sequenceLength: 4})],
    ['tokenizer', () => layers.tokenizer({tokenizer: bert, config: {pad_token: '[PAD]'}, sequenceLength: 4})],
  ])('%s is part of a model and its file', async (_, make) => {
    const own = make();
    const net = sequential([own, layers.embedding({inputDim: 20, outputDim: 3, maskZero: true})]);
    const texts = ['lower', 'lowest low', ''];
    const loaded = await load(await net.toBytes());
    expect(loaded.toJSON()).toEqual(net.toJSON());
    expect(loaded.predictSync(texts)).toEqual(net.predictSync(texts));
    expect(loaded.predictSync(texts).shape).toEqual([3, 4, 3]);
    const text = input({shape: [], dtype: 'string'});
    const ids = model({inputs: text, outputs: own.apply(text)});
    expect((await ids.predict(texts)).data).toEqual(own.call(texts).data);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'no vocabulary',
      () => layers.wordPieceTokenizer({vocabulary: []}),
      /vocabulary: expected an array of texts/,
    ],
    [
      'a token twice',
      () => wordPiece({vocabulary: ['[UNK]', 'a', 'a']}),
      /a token stands there more than once/,
    ],
    [
      'no token for what is unknown',
      () => wordPiece({oovToken: '?'}),
      /oovToken: "\?" is not in the vocabulary/,
    ],
    [
      'a special token without an id',
      () => wordPiece({specialTokens: ['[MASK]']}),
      /specialTokens: "\[MASK\]" is not in the vocabulary/,
    ],
    ['ids that are none', () => bytePairs({vocabulary: {a: -1}}), /"a" has the id -1/],
    ['an id twice', () => bytePairs({vocabulary: {a: 1, b: 1}}), /two tokens have the same id/],
    ['no pairs', () => bytePairs({merges: ['abc']}), /merges: "abc" is no pair/],
    [
      'no description',
      () => layers.tokenizer({tokenizer: untyped('tokenizer.json')}),
      /tokenizer: expected an object/,
    ],
    [
      'a description that is none',
      () => layers.tokenizer({tokenizer: {model: 1}}),
      /cannot read the description of the tokenizer/,
    ],
    [
      'a model without a length',
      () => wordPiece().apply(input({shape: [], dtype: 'string'})),
      /sequenceLength is missing/,
    ],
    ['several texts to a sample', () => wordPiece().call([['a', 'b']]), /expected one text to a sample/],
  ])('refused: %s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('say what to install where the package is missing', () => {
    const [program, cwd] = [process.argv[1], process.cwd()];
    process.argv[1] = path.join(tmpdir(), 'program.js');
    process.chdir(tmpdir());
    try {
      expect(() => wordPiece()).toThrow(
        'layers.wordPieceTokenizer: texts are cut into tokens by the package @huggingface/tokenizers, ' +
          'which is not installed. Install it: npm install @huggingface/tokenizers',
      );
    } finally {
      process.argv[1] = program as string;
      process.chdir(cwd);
    }
  });
});
