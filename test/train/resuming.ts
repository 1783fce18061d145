// A training in which everything that a checkpoint must keep plays a part.
import {
  type Callback,
  callbacks,
  type History,
  layers,
  optimizers,
  type Sequential,
  sequential,
} from '../../lib/index.ts';
import {labelsOf, numbers} from '../support/plain-networks.ts';

const rows = 46;
const features = 5;
export const x = numbers(rows * features, 2);
export const y = labelsOf(rows, 3);
export const batchSize = 8;
export const epochs = 6;
/** The short last one included. */
export const batches = 6;

export function build(): Sequential {
  const model = sequential(
    [
      layers.dense({units: 8, activation: 'relu', inputShape: [features]}),
      layers.dropout({rate: 0.3}),
      layers.dense({units: 3, activation: 'softmax'}),
    ],
    {seed: 3},
  );
  model.compile({
    optimizer: optimizers.adam({learningRate: 0.05}),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

export interface Ending {
  readonly weights: number[][];
  readonly history: History;
  readonly iterations: number;
  readonly rate: number;
  /** The optimizer's moments, by their effect on a further step. */
  readonly next: number[][];
}

const weightsOf = (model: Sequential): number[][] => model.getWeights().map(({data}) => [...data]);

/** Trains to the end; the callbacks given come after those that remember something. */
export async function train(more: Callback[], options = {}): Promise<Ending> {
  const model = build();
  const history = await model.fit(x, y, {
    batchSize,
    epochs,
    seed: 5,
    validationData: [x, y],
    validationFreq: 2,
    callbacks: [
      callbacks.earlyStopping({patience: 1, restoreBestWeights: true, minDelta: 0.1}),
      callbacks.reduceLROnPlateau({monitor: 'loss', patience: 1, factor: 0.5, minDelta: 0.05}),
      ...more,
    ],
    ...options,
  });
  const weights = weightsOf(model);
  const rate = model.optimizer.learningRate as number;
  const {iterations} = model;
  await model.trainOnBatch(x, y);
  return {weights, history, iterations, rate, next: weightsOf(model)};
}

/** Throws after `steps` steps of the process. */
export function breakdown(steps: number): Callback {
  let seen = 0;
  return {
    onBatchEnd() {
      seen++;
      if (seen === steps) throw new Error('breakdown');
    },
  };
}
