// Which layers pass masks on, and what losses and metrics make of them, against Keras.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {
  type CallContext,
  input,
  Layer,
  type LossLike,
  layers,
  type MetricLike,
  metrics,
  model,
  ops,
  type SymbolicTensor,
  sequential,
  type Tensor,
} from '../../lib/index.ts';
import {aheadOfPlan} from '../nn/layers/ahead-cases.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'masks', `${name}.json`), 'utf8'));

interface Listed {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface Masked extends Listed {
  readonly maskShape: readonly number[];
  readonly mask: readonly number[];
}

interface Recorded {
  readonly inputs: Readonly<Record<string, Masked | readonly Masked[]>>;
  readonly layers: Readonly<Record<string, {reads: string; mask: number[] | null; warned: boolean}>>;
  readonly pooled: readonly number[];
}

const recorded = read('layers') as Recorded;

abstract class OwnLayer extends Layer {
  get config() {
    return {};
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Gives its first input with the mask that its second is, one number of each sample after another. */
class Marked extends OwnLayer {
  override readonly supportsMasking = true;
  readonly shape: readonly number[];
  constructor(shape: readonly number[]) {
    super();
    this.shape = shape.slice(1);
  }
  override buildAll() {
    return ([x]: readonly Tensor[]) => [x as Tensor];
  }
  override computeMask([, mask]: readonly Tensor[]) {
    return ops.reshape(ops.notEqual(mask as Tensor, 0), [(mask as Tensor).shape[0] as number, ...this.shape]);
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

const [steps, features] = [4, 6];
const sequences = {units: 3, returnSequences: true} as const;
const windows = {filters: 3, kernelSize: 2} as const;

/** As record_masks.py makes them. */
const cases: Readonly<Record<string, () => Layer>> = {
  activation: () => layers.activation({activation: 'tanh'}),
  activityRegularization: () => layers.activityRegularization({l1: 0.1}),
  adaptiveAveragePooling1d: () => layers.adaptiveAveragePooling1d({outputSize: 2}),
  adaptiveAveragePooling2d: () => layers.adaptiveAveragePooling2d({outputSize: 2}),
  adaptiveAveragePooling3d: () => layers.adaptiveAveragePooling3d({outputSize: 2}),
  adaptiveMaxPooling1d: () => layers.adaptiveMaxPooling1d({outputSize: 2}),
  adaptiveMaxPooling2d: () => layers.adaptiveMaxPooling2d({outputSize: 2}),
  adaptiveMaxPooling3d: () => layers.adaptiveMaxPooling3d({outputSize: 2}),
  add: () => layers.add(),
  additiveAttention: () => layers.additiveAttention(),
  alphaDropout: () => layers.alphaDropout({rate: 0.1}),
  attention: () => layers.attention(),
  average: () => layers.average(),
  averagePooling1d: () => layers.averagePooling1d(),
  averagePooling2d: () => layers.averagePooling2d(),
  averagePooling3d: () => layers.averagePooling3d(),
  batchNormalization: () => layers.batchNormalization(),
  'batchNormalization of images': () => layers.batchNormalization(),
  bidirectional: () => layers.bidirectional({layer: layers.gru({units: 3})}),
  'bidirectional of sequences': () => layers.bidirectional({layer: layers.gru(sequences)}),
  centerCrop: () => layers.centerCrop({height: 2, width: 2}),
  concatenate: () => layers.concatenate(),
  'concatenate of steps': () => layers.concatenate({axis: 1}),
  conv1d: () => layers.conv1d(windows),
  conv1dTranspose: () => layers.conv1dTranspose(windows),
  conv2d: () => layers.conv2d(windows),
  conv2dTranspose: () => layers.conv2dTranspose(windows),
  conv3d: () => layers.conv3d(windows),
  conv3dTranspose: () => layers.conv3dTranspose(windows),
  convLstm2d: () => layers.convLstm2d({filters: 2, kernelSize: 2}),
  'convLstm2d of sequences': () => layers.convLstm2d({filters: 2, kernelSize: 2, returnSequences: true}),
  cropping1d: () => layers.cropping1d({cropping: 1}),
  cropping2d: () => layers.cropping2d({cropping: 1}),
  cropping3d: () => layers.cropping3d({cropping: 1}),
  dense: () => layers.dense({units: 3}),
  'dense of images': () => layers.dense({units: 3}),
  depthwiseConv1d: () => layers.depthwiseConv1d({kernelSize: 2}),
  depthwiseConv2d: () => layers.depthwiseConv2d({kernelSize: 2}),
  dot: () => layers.dot({axes: 2}),
  dropout: () => layers.dropout({rate: 0.1}),
  elu: () => layers.elu(),
  embedding: () => layers.embedding({inputDim: 9, outputDim: 3}),
  'embedding with maskZero': () => layers.embedding({inputDim: 9, outputDim: 3, maskZero: true}),
  flatten: () => layers.flatten(),
  gaussianDropout: () => layers.gaussianDropout({rate: 0.1}),
  gaussianNoise: () => layers.gaussianNoise({stddev: 0.1}),
  globalAveragePooling1d: () => layers.globalAveragePooling1d(),
  globalAveragePooling2d: () => layers.globalAveragePooling2d(),
  globalAveragePooling3d: () => layers.globalAveragePooling3d(),
  globalMaxPooling1d: () => layers.globalMaxPooling1d(),
  globalMaxPooling2d: () => layers.globalMaxPooling2d(),
  globalMaxPooling3d: () => layers.globalMaxPooling3d(),
  groupNormalization: () => layers.groupNormalization({groups: 2}),
  groupQueryAttention: () => layers.groupQueryAttention({headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1}),
  gru: () => layers.gru({units: 3}),
  'gru of sequences': () => layers.gru(sequences),
  lambda: () => layers.lambda({function: (x: Tensor) => ops.mul(x, 1)}),
  layerNormalization: () => layers.layerNormalization(),
  leakyReLU: () => layers.leakyReLU(),
  lstm: () => layers.lstm({units: 3}),
  'lstm of sequences': () => layers.lstm(sequences),
  masking: () => layers.masking({maskValue: 9}),
  maxPooling1d: () => layers.maxPooling1d(),
  maxPooling2d: () => layers.maxPooling2d(),
  maxPooling3d: () => layers.maxPooling3d(),
  maximum: () => layers.maximum(),
  minimum: () => layers.minimum(),
  multiHeadAttention: () => layers.multiHeadAttention({numHeads: 2, keyDim: 2}),
  multiply: () => layers.multiply(),
  normalization: () => layers.normalization({mean: 0, variance: 1}),
  permute: () => layers.permute({dims: [2, 1]}),
  prelu: () => layers.prelu(),
  randomBrightness: () => layers.randomBrightness({factor: 0.1}),
  randomContrast: () => layers.randomContrast({factor: 0.1}),
  randomCrop: () => layers.randomCrop({height: 2, width: 2}),
  randomErasing: () => layers.randomErasing({factor: 0.1}),
  randomFlip: () => layers.randomFlip(),
  randomGrayscale: () => layers.randomGrayscale({factor: 0.1}),
  randomHue: () => layers.randomHue({factor: 0.1}),
  randomRotation: () => layers.randomRotation({factor: 0.1}),
  randomSaturation: () => layers.randomSaturation({factor: 0.1}),
  randomShear: () => layers.randomShear({xFactor: 0.1, yFactor: 0.1}),
  randomTranslation: () => layers.randomTranslation({heightFactor: 0.1, widthFactor: 0.1}),
  randomZoom: () => layers.randomZoom({heightFactor: 0.1}),
  reLU: () => layers.reLU(),
  repeatVector: () => layers.repeatVector({n: 3}),
  rescaling: () => layers.rescaling({scale: 0.5}),
  reshape: () => layers.reshape({targetShape: [features, steps]}),
  resizing: () => layers.resizing({height: 2, width: 3}),
  rmsNormalization: () => layers.rmsNormalization(),
  rnn: () => layers.rnn({cell: layers.simpleRNNCell({units: 3})}),
  'rnn of sequences': () => layers.rnn({cell: layers.lstmCell({units: 3}), returnSequences: true}),
  separableConv1d: () => layers.separableConv1d(windows),
  separableConv2d: () => layers.separableConv2d(windows),
  simpleRNN: () => layers.simpleRNN({units: 3}),
  'simpleRNN of sequences': () => layers.simpleRNN(sequences),
  softmax: () => layers.softmax(),
  spatialDropout1d: () => layers.spatialDropout1d({rate: 0.1}),
  spatialDropout2d: () => layers.spatialDropout2d({rate: 0.1}),
  spatialDropout3d: () => layers.spatialDropout3d({rate: 0.1}),
  spectralNormalization: () => layers.spectralNormalization({layer: layers.dense({units: 3})}),
  subtract: () => layers.subtract(),
  timeDistributed: () => layers.timeDistributed({layer: layers.dense({units: 2})}),
  unitNormalization: () => layers.unitNormalization(),
  upSampling1d: () => layers.upSampling1d(),
  upSampling2d: () => layers.upSampling2d(),
  upSampling3d: () => layers.upSampling3d(),
  zeroPadding1d: () => layers.zeroPadding1d(),
  zeroPadding2d: () => layers.zeroPadding2d(),
  zeroPadding3d: () => layers.zeroPadding3d(),
};

/** Layers of which Keras tells nothing, and why. */
const unrecorded: Readonly<Record<string, readonly string[]>> = {
  'they run in JavaScript ahead of the plan, where there are no masks': [...aheadOfPlan, 'tokenizer'],
  'they are a step of rnn, which has the mask': [
    ...['gruCell', 'lstmCell', 'simpleRNNCell', 'stackedRNNCells'],
  ],
  'they have no values of their own': ['identity', 'inputLayer'],
  'they are of the class of convLstm2d, over other axes': ['convLstm1d', 'convLstm3d'],
  'Keras has an op or a scope, and no layer': ['checkpoint', 'pixelShuffle', 'pixelUnshuffle'],
  'they are of KerasHub or of no library of Keras': [
    ...['alibiBias', 'embeddingBag', 'positionEmbedding', 'rotaryEmbedding', 'sinePositionEncoding'],
    ...['transformerDecoder', 'transformerEncoder'],
  ],
  'it is another name of leakyReLU': ['leakyRelu'],
  'Keras 3 has reLU with a threshold instead': ['thresholdedReLU'],
};

/** Which pass the mask on here, though in Keras it ends: docs/coming-from-keras.md says why. */
const passHere = ['rmsNormalization'];
/** Of which Keras says that the mask ends, and it does not. */
const warnsForNothing = ['spectralNormalization'];

/** The inputs of a case, each with its mask beside it, and their data. */
function given(kind: string) {
  const all = [recorded.inputs[kind] as Masked | Masked[]].flat();
  const ports = all.map(({shape, maskShape}) => {
    const own = input({shape: shape.slice(1), ...(kind === 'ids' && {dtype: 'int32'})});
    const marks = input({shape: [product(maskShape.slice(1))]});
    return {pair: [own, marks], marked: new Marked(maskShape).apply([own, marks]) as SymbolicTensor};
  });
  const data = all.flatMap(({shape, values, mask, maskShape}) => [
    {data: kind === 'ids' ? Int32Array.from(values) : Float32Array.from(values), shape},
    {data: Float32Array.from(mask), shape: [shape[0] as number, product(maskShape.slice(1))]},
  ]);
  return {inputs: ports.flatMap(({pair}) => pair), marked: ports.map(({marked}) => marked), data};
}

describe('masks pass as in Keras through', () => {
  afterEach(() => vi.restoreAllMocks());

  it('every layer that both have', () => {
    const known = Object.keys(recorded.layers).map(name => name.split(' ')[0] as string);
    const all = [...new Set(known), ...Object.values(unrecorded).flat()];
    expect([...new Set(all)].sort()).toEqual(Object.keys(layers).sort());
    expect(Object.keys(cases).sort()).toEqual(Object.keys(recorded.layers).sort());
  });

  it.each(Object.entries(recorded.layers))('%s', async (name, {reads, mask, warned}) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const {inputs, marked, data} = given(reads);
    const output = (cases[name] as () => Layer)().apply(marked.length === 1 ? (marked[0] as never) : marked);
    const seen = new Seen();
    const net = model({inputs, outputs: seen.apply(output as SymbolicTensor)});
    const result = (await net.predict(data as never)) as {data: Float32Array};
    const warnings = warn.mock.calls.filter(([text]) => String(text).includes('does not support masking'));
    if (passHere.includes(name)) {
      expect([mask, warned]).toEqual([null, true]);
      expect([...result.data]).toEqual((recorded.inputs[reads] as Masked).mask);
      expect(warnings).toEqual([]);
      return;
    }
    if (mask === null) expect(seen.found.mask).toBe('none');
    else expect([...result.data]).toEqual(mask);
    expect(warnings.length > 0, 'warned').toBe(warned && !warnsForNothing.includes(name));
  });

  it('the mean of the steps that count', async () => {
    const {values, shape} = recorded.inputs.steps as Listed;
    const start = input({shape: [steps, features]});
    const pooled = layers.globalAveragePooling1d().apply(layers.masking().apply(start));
    const net = model({inputs: start, outputs: pooled});
    const {data} = await net.predict({data: Float32Array.from(values), shape});
    data.forEach((value, at) => {
      expect(value).toBeCloseTo(recorded.pooled[at] as number, 5);
    });
    // Where Keras divides by zero, nothing counts and the mean is zero.
    const empty = await net.predict(new Float32Array(steps * features));
    expect([...empty.data]).toEqual(new Array(features).fill(0));
  });
});

interface Measured {
  readonly loss: string;
  readonly x: Listed;
  readonly y: Listed;
  readonly sampleWeight: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly weightedMetrics: Readonly<Record<string, number>>;
  readonly metricsWithoutMask: Readonly<Record<string, number>>;
}

const {cases: measured} = read('measures') as {cases: Readonly<Record<string, Measured>>};

/** Steps that begin with a quarter do not count. */
class Quartered extends OwnLayer {
  override readonly supportsMasking = true;
  override build() {
    return (x: Tensor) => ops.mul(x, 1);
  }
  override computeMask([x]: readonly Tensor[]) {
    const [batch, length] = (x as Tensor).shape as [number, number];
    return ops.reshape(ops.notEqual(ops.slice(x as Tensor, 2, 0, 1), 0.25), [batch, length]);
  }
}

/** By Keras's names: means over all positions, and what is no mean. */
const means: Readonly<Record<string, MetricLike>> = {
  mean_squared_error: 'meanSquaredError',
  mean_absolute_error: 'meanAbsoluteError',
  cosine_similarity: 'cosineSimilarity',
  logcosh: 'logcosh',
  binary_accuracy: 'binaryAccuracy',
  binary_crossentropy: 'binaryCrossentropy',
  hinge: 'hinge',
  sparse_categorical_accuracy: 'sparseCategoricalAccuracy',
  sparse_categorical_crossentropy: 'sparseCategoricalCrossentropy',
  sparse_top_k_categorical_accuracy: metrics.sparseTopKCategoricalAccuracy({k: 2}),
};
const others: Readonly<Record<string, MetricLike>> = {
  root_mean_squared_error: 'rootMeanSquaredError',
  auc: 'auc',
  precision: 'precision',
  recall: 'recall',
  true_positives: 'truePositives',
  false_positives: 'falsePositives',
  true_negatives: 'trueNegatives',
  false_negatives: 'falseNegatives',
  precision_at_recall: metrics.precisionAtRecall({recall: 0.5}),
  binary_io_u: metrics.iou({targetClassIds: [1]}),
};

describe.each(Object.entries(measured))('of %s', (_, given) => {
  const data = ({shape, values}: Listed) => ({data: Float32Array.from(values), shape});
  const sampleWeight = Float32Array.from(given.sampleWeight);
  /** By Keras's names, what is among `known`. */
  async function logsOf(options: object, known: object, marks: boolean): Promise<Record<string, number>> {
    const names = Object.keys(given.metrics).filter(name => name in known);
    const own = names.map(name => (known as typeof means)[name] as MetricLike);
    const identity = () => layers.activation({activation: 'linear', inputShape: given.x.shape.slice(1)});
    const net = sequential([marks ? new Quartered({inputShape: given.x.shape.slice(1)}) : identity()]);
    const list = Object.fromEntries(Object.keys(options).map(key => [key, own]));
    const loss = given.loss.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as LossLike;
    net.compile({optimizer: 'sgd', loss, warn: false, ...list});
    const logs = Object.values(await net.evaluate(data(given.x), data(given.y), {sampleWeight}));
    return Object.fromEntries(['loss', ...names].map((name, at) => [name, logs[at] as number]));
  }
  const near = (logs: Record<string, number>, wanted: Readonly<Record<string, number>>) => {
    expect(Object.keys(logs).length).toBeGreaterThan(1);
    for (const [name, value] of Object.entries(logs))
      expect(value, name).toBeCloseTo(wanted[name] as number, 5);
  };

  it('loss and means are over what a mask leaves', async () => {
    near(await logsOf({metrics: []}, means, true), given.metrics);
    near(await logsOf({weightedMetrics: []}, means, true), given.weightedMetrics);
    near(await logsOf({metrics: []}, {...means, ...others}, false), given.metricsWithoutMask);
  });

  it('what is no mean sees everything in Keras, and here what the mask leaves', async () => {
    const names = Object.keys(given.metrics).filter(name => name in others);
    for (const name of names) expect(given.metrics[name], name).toBe(given.metricsWithoutMask[name]);
    expect(names.length === 0).toBe(given.loss.startsWith('sparse'));
    if (names.length === 0) return;
    const logs = await logsOf({metrics: []}, others, true);
    const unlike = names.filter(
      name => Math.abs((logs[name] as number) - (given.metrics[name] as number)) > 1e-3,
    );
    // Of some the two are the same by chance.
    expect(unlike.length).toBeGreaterThan(names.length / 2);
  });
});
