// Layers that run in JavaScript ahead of the plan, each with an input, data and what it gives for them in a
// model.
import {
  type AheadLayer,
  input,
  layers,
  type NestedArray,
  type NestedText,
  type SymbolicTensor,
} from '../../../lib/index.ts';

export interface AheadCase {
  make(): AheadLayer;
  input(): SymbolicTensor;
  readonly data: NestedArray | NestedText;
  readonly output: readonly number[];
  readonly shape: readonly number[];
}

const texts = ['foo bar', 'bar baz', 'baz bada boom'];
const words = [
  ['a', 'c', 'd'],
  ['d', 'z', 'b'],
];
const textInput = (shape: readonly number[]) => () => input({shape, dtype: 'string', name: 'given'});
const numberInput =
  (dtype: 'int32' | 'float32' = 'int32') =>
  () =>
    input({shape: [3], dtype, name: 'given'});

/** Facts of Keras's documentation where it has them. */
export const aheadCases: Readonly<Record<string, AheadCase>> = {
  textVectorization: {
    make() {
      const layer = layers.textVectorization({maxTokens: 5000, outputSequenceLength: 4});
      layer.adapt(texts);
      return layer;
    },
    input: textInput([]),
    data: ['foo qux bar', 'qux baz'],
    output: [4, 1, 3, 0, 1, 2, 0, 0],
    shape: [4],
  },
  stringLookup: {
    make: () => layers.stringLookup({vocabulary: ['a', 'b', 'c', 'd'], outputMode: 'count'}),
    input: textInput([3]),
    data: words,
    output: [0, 1, 0, 1, 1, 1, 0, 1, 0, 1],
    shape: [5],
  },
  integerLookup: {
    make: () => layers.integerLookup({vocabulary: [12, 36, 1138, 42]}),
    input: numberInput(),
    data: [
      [12, 1138, 42],
      [42, 1000, 36],
    ],
    output: [1, 3, 4, 4, 0, 2],
    shape: [3],
  },
  categoryEncoding: {
    make: () => layers.categoryEncoding({numTokens: 4}),
    input: numberInput(),
    data: [
      [0, 1, 1],
      [3, 1, 2],
    ],
    output: [1, 1, 0, 0, 0, 1, 1, 1],
    shape: [4],
  },
  hashing: {
    make: () => layers.hashing({numBins: 3, salt: [133, 137]}),
    input: textInput([5]),
    data: [['A', 'B', 'C', 'D', 'E']],
    output: [1, 2, 1, 0, 2],
    shape: [5],
  },
  discretization: {
    make: () => layers.discretization({binBoundaries: [0, 1, 2], outputMode: 'oneHot'}),
    input: numberInput('float32'),
    data: [[-1.5, 1, 3.4]],
    output: [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    shape: [3, 4],
  },
};

/** `tokenizer.test.ts` has those of a package. */
export const aheadOfPlan = [
  ...Object.keys(aheadCases),
  ...['tokenizer', 'bytePairTokenizer', 'wordPieceTokenizer'],
];
