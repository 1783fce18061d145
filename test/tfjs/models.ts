// Models of tfjs-layers and steps of their training: the same on every backend, as all weights have a seed.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

type Model = tfl.LayersModel;

interface Case {
  readonly model: () => Model;
  readonly x: () => tf.Tensor;
  readonly y: () => tf.Tensor;
  readonly loss: string;
}

const seeded = (seed: number) => ({
  kernelInitializer: tfl.initializers.glorotUniform({seed}),
  recurrentInitializer: tfl.initializers.glorotNormal({seed: seed + 100}),
});

const rows = 48;
const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

const classes = (): tf.Tensor => {
  const labels = Int32Array.from({length: rows}, (_, row) => (row * 7) % 3);
  return tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), 3));
};

function sequential(...layers: tfl.layers.Layer[]): Model {
  const model = tfl.sequential();
  for (const layer of layers) model.add(layer);
  return model;
}

const {layers} = tfl;

/** Attention as programs write it, for tfjs-layers has none: products, a softmax over scores, a product. */
class SelfAttention extends tfl.layers.Layer {
  static readonly className = 'SelfAttention';
  #kernels: tfl.LayerVariable[] = [];

  override build(inputShape: tfl.Shape): void {
    const units = inputShape[2] as number;
    this.#kernels = ['query', 'key', 'value'].map((name, index) =>
      this.addWeight(name, [units, units], 'float32', tfl.initializers.glorotUniform({seed: 20 + index})),
    );
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tfl.Shape): tfl.Shape {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor3D;
      const rows = tf.reshape(x, [-1, x.shape[2]]);
      const [query, key, value] = this.#kernels.map(kernel =>
        tf.reshape(tf.matMul(rows, kernel.read() as tf.Tensor2D), x.shape),
      ) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(x.shape[2]));
      return tf.matMul(tf.softmax(scores), value);
    });
  }
}

const classifier = {y: classes, loss: 'categoricalCrossentropy'};

export const cases: Readonly<Record<string, Case>> = {
  perceptron: {
    model: () =>
      sequential(
        layers.dense({units: 16, activation: 'relu', inputShape: [10], ...seeded(1)}),
        layers.dropout({rate: 0.25, seed: 3}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 10], 7),
    ...classifier,
  },
  'batch normalization': {
    model: () =>
      sequential(
        layers.dense({units: 12, activation: 'tanh', inputShape: [10], ...seeded(1)}),
        layers.batchNormalization({}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 10], 7),
    ...classifier,
  },
  recurrent: {
    model: () =>
      sequential(
        layers.lstm({units: 8, returnSequences: true, inputShape: [5, 6], ...seeded(1)}),
        layers.gru({units: 6, ...seeded(4)}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 5, 6], 7),
    ...classifier,
  },
  attention: {
    model: () =>
      sequential(
        layers.dense({units: 8, inputShape: [7, 5], ...seeded(1)}),
        new SelfAttention({}),
        layers.globalAveragePooling1d({}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 7, 5], 7),
    ...classifier,
  },
  embedding: {
    model: () =>
      sequential(
        layers.embedding({
          inputDim: 20,
          outputDim: 8,
          inputLength: 6,
          embeddingsInitializer: tfl.initializers.randomUniform({minval: -0.1, maxval: 0.1, seed: 5}),
        }),
        layers.flatten(),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => tf.tidy(() => tf.floor(tf.mul(tf.add(numbers([rows, 6], 7), 1), 9.99))),
    ...classifier,
  },
  convolution: {
    model: () =>
      sequential(
        layers.conv2d({filters: 4, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 1], ...seeded(1)}),
        layers.maxPooling2d({}),
        layers.flatten(),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 8, 8, 1], 7),
    ...classifier,
  },
  images: {
    model: () =>
      sequential(
        layers.zeroPadding2d({padding: 1, inputShape: [6, 6, 2]}),
        layers.separableConv2d({
          ...{filters: 6, kernelSize: 3, padding: 'same', activation: 'relu'},
          depthwiseInitializer: tfl.initializers.glorotUniform({seed: 11}),
          pointwiseInitializer: tfl.initializers.glorotUniform({seed: 12}),
        }),
        layers.batchNormalization({}),
        layers.averagePooling2d({poolSize: 3, strides: 2, padding: 'same'}),
        layers.upSampling2d({size: [2, 3], interpolation: 'bilinear'}),
        layers.conv2dTranspose({filters: 4, kernelSize: 3, strides: 2, padding: 'same', ...seeded(1)}),
        layers.depthwiseConv2d({
          ...{kernelSize: 3, strides: 2, activation: 'tanh'},
          depthwiseInitializer: tfl.initializers.glorotUniform({seed: 13}),
        }),
        layers.cropping2D({
          cropping: [
            [1, 0],
            [0, 2],
          ],
        }),
        layers.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}),
        layers.globalAveragePooling2d({}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 6, 6, 2], 7),
    ...classifier,
  },
  'channels first': {
    model: () =>
      sequential(
        layers.conv2d({
          ...{filters: 4, kernelSize: 3, dataFormat: 'channelsFirst', padding: 'same', inputShape: [2, 6, 6]},
          ...{activation: 'relu', ...seeded(1)},
        }),
        layers.averagePooling2d({poolSize: 2, dataFormat: 'channelsFirst'}),
        layers.flatten({dataFormat: 'channelsFirst'}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 2, 6, 6], 7),
    ...classifier,
  },
  volumes: {
    model: () =>
      sequential(
        layers.conv3d({filters: 3, kernelSize: 2, padding: 'same', inputShape: [4, 4, 5, 2], ...seeded(1)}),
        layers.maxPooling3d({poolSize: 2, padding: 'same'}),
        layers.conv3d({filters: 2, kernelSize: [1, 2, 2], ...seeded(3)}),
        layers.averagePooling3d({poolSize: [2, 1, 1]}),
        layers.flatten(),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 4, 4, 5, 2], 7),
    ...classifier,
  },
  series: {
    model: () =>
      sequential(
        layers.conv1d({
          ...{filters: 4, kernelSize: 3, padding: 'same', activation: 'relu'},
          ...{inputShape: [9, 3], ...seeded(1)},
        }),
        layers.maxPooling1d({poolSize: 2}),
        layers.globalMaxPooling1d({}),
        layers.dense({units: 3, activation: 'softmax', ...seeded(2)}),
      ),
    x: () => numbers([rows, 9, 3], 7),
    ...classifier,
  },
};

export interface Trained {
  readonly losses: readonly number[];
  readonly weights: readonly Float32Array[];
}

/** Trains on the backend that is current: losses of the epochs, weights at the end. */
export async function train(name: string, optimizer: () => tf.Optimizer, epochs: number): Promise<Trained> {
  const {model: make, x: makeX, y: makeY, loss} = cases[name] as Case;
  const [model, x, y] = [make(), makeX(), makeY()];
  const own = optimizer();
  model.compile({optimizer: own, loss, metrics: ['accuracy']});
  const options = {epochs, batchSize: 16, shuffle: false, verbose: 0} as const;
  const {history} = await model.fit(x, y, options);
  const weights = model.getWeights().map(weight => weight.dataSync() as Float32Array);
  model.dispose();
  own.dispose();
  tf.dispose([x, y]);
  return {losses: history.loss as number[], weights};
}
