// Models that cannot generate say why, and so do options that cannot be.
import {describe, expect, it} from 'vitest';
import {
  input,
  Layer,
  layers,
  model,
  type Sequential,
  type Shape,
  sequential,
  type Tensor,
} from '../../../lib/index.ts';
import {failsWith, untyped} from '../../support/refusals.ts';
import {languageModels} from './language-models.ts';

const table = (): Layer => layers.embedding({inputDim: 9, outputDim: 6, inputShape: [12]});
const head = (): Layer => layers.dense({units: 9});
const heads = {numHeads: 2, keyDim: 3} as const;

class Own extends Layer {
  readonly config = {};
  override build(_: Shape) {
    return (x: Tensor): Tensor => x;
  }
}

function attending(options: object, more: object = {}): Sequential {
  const ids = input({shape: [12]});
  const x = table().apply(ids);
  const attended = layers.multiHeadAttention({...heads, ...more}).applyAll([x, x], untyped(options))[0];
  return model({inputs: ids, outputs: head().apply(attended as NonNullable<typeof attended>)});
}

const sequence = {units: 6, returnSequences: true} as const;

const refused: Readonly<Record<string, [() => Sequential, RegExp]>> = {
  'a layer that reads both ways': [
    () => sequential([table(), layers.bidirectional({layer: layers.lstm(sequence)}), head()]),
    /^bidirectional reads the steps from the last to the first, too\. So steps cannot come/,
  ],
  'a layer that reads backwards': [
    () => sequential([table(), layers.gru({...sequence, goBackwards: true}), head()]),
    /^gru reads the steps from the last to the first \(goBackwards\)/,
  ],
  'a layer that begins with what another ends with': [
    () => {
      const ids = input({shape: [12]});
      const [all, end] = layers.gru({...sequence, returnState: true}).applyAll(table().apply(ids));
      const again = layers.gru(sequence).apply([all, end] as never);
      return model({inputs: ids, outputs: head().apply(again)});
    },
    /^gru_1 begins with states that are given, which may know of steps behind\. So steps cannot come/,
  ],
  'a checkpoint around a layer that reads both ways': [
    () => {
      const layer = layers.bidirectional({layer: layers.lstm(sequence)});
      return sequential([table(), layers.checkpoint({layer}), head()]);
    },
    /^checkpoint reads the steps from the last to the first, too/,
  ],
  'an encoder that sees all': [
    () => sequential([table(), layers.transformerEncoder({intermediateDim: 6, numHeads: 2}), head()]),
    /transformerEncoder\/selfAttention|multiHeadAttention attends to steps behind each one/,
  ],
  'attention without a causal mask': [
    () => attending({}),
    /attends to steps behind each one, too: apply it with/,
  ],
  'attention whose scores are wanted': [
    () => attending({useCausalMask: true, returnAttentionScores: true}),
    /gives its scores/,
  ],
  'a convolution': [
    () => sequential([table(), layers.conv1d({filters: 6, kernelSize: 3, padding: 'same'}), head()]),
    /^conv1d does not say that a step of its output needs no step behind it/,
  ],
  'a layer of one’s own that says nothing': [
    () => sequential([table(), new Own(), head()]),
    /^Own does not say that a step of its output/,
  ],
  'a normalization over the steps': [
    () => sequential([table(), layers.layerNormalization({axis: [1, 2]}), head()]),
    /^layerNormalization works along the axis of the steps/,
  ],
  'a softmax over the steps': [
    () => sequential([table(), head(), layers.softmax({axis: 1})]),
    /^softmax works along the axis of the steps/,
  ],
};

describe.each(Object.entries(refused))('%s', (_, [make, message]) => {
  it('is refused, saying why', () => {
    expect(() => make().generate([1])).toThrow(failsWith('ERR_GRAPH', message) as Error);
  });
});

it('without a cache, a layer that says nothing is taken at its word', async () => {
  const net = sequential([table(), new Own(), head()]);
  const tokens = await net.generate([1], {useCache: false, maxNewTokens: 20}).toArray();
  expect(tokens.length).toBe(20);
});

it('models of other ends are refused', () => {
  const last = sequential([table(), layers.lstm({units: 6}), head()]);
  expect(() => last.generate([1])).toThrow(
    failsWith(
      'ERR_GRAPH',
      /to logits of the next, \[steps, classes\]\. Received one from \[12\] to \[9\]/,
    ) as Error,
  );
  const numbers = sequential([layers.dense({units: 3, inputShape: [4]})]);
  expect(() => numbers.generate([1])).toThrow(failsWith('ERR_GRAPH', /from the ids of tokens/) as Error);
});

describe('options', () => {
  const net = (languageModels['learned positions'] as () => Sequential)();

  it.each<[object, RegExp]>([
    [{temperature: -1}, /^generate: temperature/],
    [{topK: 0}, /^generate: topK/],
    [{topP: 0}, /^generate: topP/],
    [{topP: 1.5}, /^generate: topP/],
    [{numBeams: 1.5}, /^generate: numBeams/],
    [{numBeams: 2, topK: 3}, /topK: beam search takes what is likeliest/],
    [{maxNewTokens: -1}, /^generate: maxNewTokens/],
    [{maxLength: 3}, /maxNewTokens/],
    [{seed: 0.5}, /^generate: seed/],
    [{stopTokens: [-1]}, /^generate: stopTokens/],
    [{stopTokens: 'x'}, /^generate: stopTokens/],
    [{contextLength: 1}, /^generate: contextLength/],
    [{contextLength: 129}, /contextLength: the model knows 128 positions\. Received 129/],
    [{contextLength: 71, useCache: false}, /without a cache the model reads the 70 steps/],
    [{useCache: 1}, /^generate: useCache/],
    [{signal: new AbortController()}, /^generate: signal/],
  ])('%o', (options, message) => {
    expect(() => net.generate([1], options)).toThrow(failsWith('ERR_OPTION', message) as Error);
  });

  it.each([[[]], [undefined], ['text'], [[0.5]], [[-1]], [[1, 'a']], [new Float32Array(0)]])(
    'prompt %o',
    given => {
      expect(() => net.generate(untyped(given))).toThrow(
        failsWith('ERR_OPTION', /^generate: prompt/) as Error,
      );
    },
  );

  it('an id that has no row in the table is named', async () => {
    await expect(net.generate([1, 11, 2]).toArray()).rejects.toEqual(
      failsWith('ERR_OUT_OF_RANGE', /^generate: index 11 is outside 0 to 10/),
    );
  });

  it('logits that are not finite are refused', async () => {
    const own = sequential([
      layers.embedding({inputDim: 3, outputDim: 3, inputShape: [4]}),
      layers.rescaling({scale: 3}),
    ]);
    own.setWeights([Float32Array.from({length: 9}, () => 3e38)]);
    await expect(own.generate([2]).toArray()).rejects.toEqual(failsWith('ERR_NOT_FINITE', /^generate: /));
  });
});
