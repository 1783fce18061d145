// A training of the bench tfjs by this library's own fit.
import {layers, type Sequential, sequential} from '../../lib/index.ts';
import {batches, type FitTask, inputsOf, labelsOf, shapeOf} from './fit-task.ts';

type Layer = ReturnType<typeof layers.dense>;

/** The layers that make one row of a sequence, as those of tfjs-layers in `tfjs-network.ts` do. */
function readers({sizes, sequence}: FitTask): Layer[] {
  const [inputs, units] = sizes as [number, number];
  const {steps, reader} = sequence as NonNullable<FitTask['sequence']>;
  const inputShape = [steps, inputs];
  const pooled = layers.globalAveragePooling1d();
  switch (reader) {
    case 'lstm':
      return [layers.lstm({units, inputShape})];
    case 'gru':
      return [layers.gru({units, inputShape, resetAfter: false})];
    case 'embedding':
      return [layers.embedding({inputDim: inputs, outputDim: units, inputShape: [steps]}), pooled];
    case 'attention': {
      const attention = layers.multiHeadAttention({numHeads: 1, keyDim: units, useBias: false});
      return [layers.dense({units, inputShape}), attention, pooled];
    }
  }
}

export function networkOf(task: FitTask): Sequential {
  const {sizes, sequence} = task;
  const last = sizes.length - 1;
  const own = sequence ? readers(task) : [];
  for (let layer = own.length > 0 ? 2 : 1; layer <= last; layer++) {
    const first = own.length === 0 && {inputShape: [sizes[0] as number]};
    const activation = layer === last ? 'softmax' : 'relu';
    own.push(layers.dense({units: sizes[layer] as number, activation, ...first}));
  }
  return sequential(own);
}

export class OwnFit {
  readonly #model: Sequential;
  readonly #x: {readonly data: Float32Array; readonly shape: readonly number[]};
  readonly #y: Int32Array;
  readonly #batchSize: number;

  constructor(task: FitTask) {
    this.#x = {data: inputsOf(task), shape: shapeOf(task)};
    this.#y = labelsOf(task);
    this.#batchSize = task.batch;
    this.#model = networkOf(task);
    this.#model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  }

  /** Microseconds of a step, over so many seconds. */
  async time(seconds: number, _: boolean): Promise<number> {
    let [epochs, taken] = [0, 0];
    const started = performance.now();
    while (taken < seconds * 1000) {
      const options = {epochs: 4, batchSize: this.#batchSize, shuffle: false, verbose: 0} as const;
      await this.#model.fit(this.#x, this.#y, options);
      epochs += 4;
      taken = performance.now() - started;
    }
    return (taken / (epochs * batches)) * 1000;
  }
}
