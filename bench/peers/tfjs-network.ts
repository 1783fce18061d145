// The nets of the bench tfjs, of tfjs-layers.
import type * as core from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {FitTask} from './fit-task.ts';
import type {Tfjs} from './tfjs-backend.ts';

/** tfjs-layers has no attention: a layer as a program would write it, of one head. */
function selfAttention(tf: Tfjs): tfl.layers.Layer {
  class SelfAttention extends tf.layers.Layer {
    static readonly className = 'SelfAttention';
    #kernels: tfl.LayerVariable[] = [];

    override build(inputShape: tfl.Shape): void {
      const units = inputShape.at(-1) as number;
      const initializer = tf.initializers.glorotUniform({});
      this.#kernels = ['query', 'key', 'value', 'output'].map(name =>
        this.addWeight(name, [units, units], 'float32', initializer),
      );
      super.build(inputShape);
    }

    override computeOutputShape(inputShape: tfl.Shape): tfl.Shape {
      return inputShape;
    }

    override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
      return tf.tidy(() => {
        const x = (Array.isArray(inputs) ? inputs[0] : inputs) as core.Tensor3D;
        const units = x.shape[2];
        const [query, key, value, output] = this.#kernels.map(kernel => kernel.read() as core.Tensor2D);
        const times = (rows: core.Tensor3D, kernel: core.Tensor2D | undefined): core.Tensor3D =>
          tf.reshape(tf.matMul(tf.reshape(rows, [-1, units]), kernel as core.Tensor2D), x.shape);
        const scores = tf.matMul(times(x, query), times(x, key), false, true);
        const weights = tf.softmax(tf.mul(scores, 1 / Math.sqrt(units)));
        return times(tf.matMul(weights, times(x, value)) as core.Tensor3D, output);
      });
    }
  }
  return new SelfAttention({});
}

/** The layers that make one row of a sequence. */
function readers(tf: Tfjs, {sizes, sequence}: FitTask): tfl.layers.Layer[] {
  const [inputs, units] = sizes as [number, number];
  const {steps, reader} = sequence as NonNullable<FitTask['sequence']>;
  const inputShape: [number, number] = [steps, inputs];
  switch (reader) {
    case 'lstm':
      return [tf.layers.lstm({units, inputShape})];
    case 'gru':
      return [tf.layers.gru({units, inputShape})];
    case 'embedding': {
      const embedding = tf.layers.embedding({inputDim: inputs, outputDim: units, inputLength: steps});
      return [embedding, tf.layers.globalAveragePooling1d({})];
    }
    case 'attention':
      return [tf.layers.dense({units, inputShape}), selfAttention(tf), tf.layers.globalAveragePooling1d({})];
  }
}

export function networkOf(tf: Tfjs, task: FitTask): tfl.LayersModel {
  const {sizes, sequence} = task;
  const last = sizes.length - 1;
  const own = sequence ? readers(tf, task) : [];
  for (let layer = own.length > 0 ? 2 : 1; layer <= last; layer++) {
    const first = own.length === 0 && {inputShape: [sizes[0] as number]};
    const activation = layer === last ? 'softmax' : 'relu';
    own.push(tf.layers.dense({units: sizes[layer] as number, activation, ...first}));
  }
  const model = tf.sequential();
  for (const layer of own) model.add(layer);
  model.compile({optimizer: tf.train.adam(0.001), loss: 'categoricalCrossentropy'});
  return model;
}
