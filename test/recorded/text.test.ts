// Layers of texts and categories, and masks through layers, against Keras; hashes against TensorFlow.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {
  type CallContext,
  input,
  Layer,
  layers,
  model,
  ops,
  type SymbolicTensor,
  type Tensor,
} from '../../lib/index.ts';
import {farmHash64, sipHash64} from '../../lib/nn/hashes.ts';
import {untyped} from '../support/refusals.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'text', `${name}.json`), 'utf8'));

interface Case {
  readonly layer: 'stringLookup';
  readonly options: Record<string, unknown>;
  readonly adapt?: readonly string[];
  readonly data: readonly string[];
  readonly weights?: unknown;
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
  readonly vocabulary?: readonly (number | string)[];
  readonly boundaries?: readonly number[];
}

const {cases} = read('layers') as {cases: readonly Case[]};

describe('layers of Keras give', () => {
  it.each(
    cases.map(
      each => [`${each.layer} ${JSON.stringify(each.options)} of ${each.data.length}`, each] as const,
    ),
  )('%s', (_, given) => {
    const layer = layers[given.layer](given.options);
    if (given.adapt) layer.adapt(given.adapt);
    if (given.vocabulary) expect(layer.getVocabulary()).toEqual(given.vocabulary);
    if (given.vocabulary) expect(layer.vocabularySize()).toBe(given.vocabulary.length);
    if (given.boundaries) {
      const bounds: number[] = untyped(layer).binBoundaries;
      expect(bounds).toHaveLength(given.boundaries.length);
      bounds.forEach((bound, at) => {
        expect(bound).toBeCloseTo(given.boundaries?.[at] as number, 4);
      });
    }
    const made = untyped(layer).call(given.data, given.weights);
    expect(made.shape).toEqual(given.shape);
    const values = [...made.data];
    expect(values).toHaveLength(given.values.length);
    values.forEach((value, at) => {
      const wanted = given.values[at];
      if (typeof wanted === 'string') expect(value).toBe(wanted);
      else expect(value, `element ${at}`).toBeCloseTo(wanted as number, 5);
    });
  });
});

describe('hashes of TensorFlow', () => {
  const {bins, salt, texts, fast, strong} = read('hashes') as {
    bins: number;
    salt: [number, number];
    texts: string[];
    fast: number[];
    strong: number[];
  };
  it.each(texts.map((text, at) => [text.slice(0, 20), text.length, at] as const))('%s of %i', (_, __, at) => {
    const text = texts[at] as string;
    expect(Number(farmHash64(text) % BigInt(bins))).toBe(fast[at]);
    const key = [BigInt(salt[0]), BigInt(salt[1])] as const;
    expect(Number(sipHash64(text, key) % BigInt(bins))).toBe(strong[at]);
  });
});

abstract class OwnLayer extends Layer {
  get config() {
    return {};
  }
}

const [steps, features] = [4, 6];

interface Masks {
  readonly x: number[];
  readonly layers: Record<string, {mask: number[][] | null; warned: boolean}>;
  readonly pooled: number[];
}

const masks = read('masks') as Masks;

/** As record_text.py makes them. */
const masked: Readonly<Record<string, () => Layer>> = {
  activation: () => layers.activation({activation: 'tanh'}),
  activityRegularization: () => layers.activityRegularization({l1: 0.1}),
  alphaDropout: () => layers.alphaDropout({rate: 0.1}),
  averagePooling1d: () => layers.averagePooling1d(),
  batchNormalization: () => layers.batchNormalization(),
  conv1d: () => layers.conv1d({filters: 3, kernelSize: 2}),
  cropping1d: () => layers.cropping1d({cropping: 1}),
  dense: () => layers.dense({units: 3}),
  dropout: () => layers.dropout({rate: 0.1}),
  elu: () => layers.elu(),
  flatten: () => layers.flatten(),
  gaussianDropout: () => layers.gaussianDropout({rate: 0.1}),
  gaussianNoise: () => layers.gaussianNoise({stddev: 0.1}),
  globalAveragePooling1d: () => layers.globalAveragePooling1d(),
  globalMaxPooling1d: () => layers.globalMaxPooling1d(),
  groupNormalization: () => layers.groupNormalization({groups: 2}),
  layerNormalization: () => layers.layerNormalization(),
  leakyReLU: () => layers.leakyReLU(),
  maxPooling1d: () => layers.maxPooling1d(),
  normalization: () => layers.normalization({mean: 0, variance: 1}),
  permute: () => layers.permute({dims: [2, 1]}),
  prelu: () => layers.prelu(),
  reLU: () => layers.reLU(),
  rescaling: () => layers.rescaling({scale: 0.5}),
  reshape: () => layers.reshape({targetShape: [features, steps]}),
  spatialDropout1d: () => layers.spatialDropout1d({rate: 0.1}),
  unitNormalization: () => layers.unitNormalization(),
  upSampling1d: () => layers.upSampling1d(),
  zeroPadding1d: () => layers.zeroPadding1d(),
  add: () => layers.add(),
  average: () => layers.average(),
  concatenate: () => layers.concatenate(),
  dot: () => layers.dot({axes: 2}),
  maximum: () => layers.maximum(),
  minimum: () => layers.minimum(),
  multiply: () => layers.multiply(),
  subtract: () => layers.subtract(),
  embedding: () => layers.embedding({inputDim: 9, outputDim: 3}),
  'embedding with maskZero': () => layers.embedding({inputDim: 9, outputDim: 3, maskZero: true}),
  gru: () => layers.gru({units: 3}),
  'gru of sequences': () => layers.gru({units: 3, returnSequences: true}),
  timeDistributed: () => layers.timeDistributed({layer: layers.dense({units: 2})}),
  'bidirectional of sequences': () =>
    layers.bidirectional({layer: layers.gru({units: 3, returnSequences: true})}),
};
const merges = ['add', 'average', 'concatenate', 'dot', 'maximum', 'minimum', 'multiply', 'subtract'];

/** Gives its second input with the mask of the first. */
class Counted extends OwnLayer {
  override readonly supportsMasking = true;
  override buildAll() {
    return (inputs: readonly Tensor[]) => [inputs[1] as Tensor];
  }
}

/** Gives the mask of its input as numbers, and says whether there is one. */
class Seen extends OwnLayer {
  override readonly supportsMasking = true;
  readonly found: {mask: string} = {mask: 'unknown'};
  override build() {
    return (x: Tensor, {mask}: CallContext) => {
      this.found.mask = mask ? 'some' : 'none';
      const batch = x.shape[0] as number;
      return mask ? ops.cast(mask, 'float32') : ops.reshape(x, [batch, x.size / batch]);
    };
  }
  override computeMask() {
    return undefined;
  }
}

describe('masks pass as in Keras through', () => {
  afterEach(() => vi.restoreAllMocks());
  const {x} = masks;

  it.each(Object.entries(masks.layers))('%s', async (name, {mask, warned}) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const isIds = name.startsWith('embedding');
    const given = isIds ? input({shape: [steps]}) : input({shape: [steps, features]});
    const counted = isIds
      ? layers.masking().apply(layers.reshape({targetShape: [steps, 1]}).apply(given))
      : layers.masking().apply(given);
    const one = isIds ? (new Counted().apply([counted, given]) as SymbolicTensor) : counted;
    const output = (masked[name] as () => Layer)().apply(
      merges.includes(name) ? [one, layers.masking().apply(given)] : one,
    );
    const seen = new Seen();
    const net = model({inputs: given, outputs: seen.apply(output)});
    const ids = [1, 2, 0, 0, 3, 0, 4, 0];
    const data = isIds ? {data: ids, shape: [2, steps]} : {data: x, shape: [2, steps, features]};
    const result = await net.predict({...data, data: Float32Array.from(data.data)});
    if (mask === null) expect(seen.found.mask).toBe('none');
    else expect([...result.data]).toEqual(mask.flat());
    const warnings = warn.mock.calls.filter(([text]) => String(text).includes('does not support masking'));
    expect(warnings.length > 0, 'warned').toBe(warned);
  });

  it('the mean of the steps that count', async () => {
    const given = input({shape: [steps, features]});
    const pooled = layers.globalAveragePooling1d().apply(layers.masking().apply(given));
    const net = model({inputs: given, outputs: pooled});
    const {data} = await net.predict({data: Float32Array.from(x), shape: [2, steps, features]});
    data.forEach((value, at) => {
      expect(value).toBeCloseTo(masks.pooled[at] as number, 5);
    });
    // Where Keras divides by zero, nothing counts and the mean is zero.
    const empty = await net.predict(new Float32Array(steps * features));
    expect([...empty.data]).toEqual(new Array(features).fill(0));
  });
});
