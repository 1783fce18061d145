// A small model and its data, for tests of what users write.
import {layers, type Sequential, sequential} from '../../lib/index.ts';

export const rows = 50;
export const x = {
  data: Float32Array.from({length: rows * 6}, (_, i) => (((i * 37) % 101) - 50) / 50),
  shape: [rows, 6],
};
export const y = Uint8Array.from({length: rows}, (_, i) => (i * 7) % 4);
export const quiet = {verbose: 0, batchSize: 16} as const;

export type CompileOptions = Parameters<Sequential['compile']>[0];

export function build(options: Partial<CompileOptions> = {}, seed = 1): Sequential {
  const model = sequential(
    [
      layers.dense({units: 12, activation: 'relu', inputShape: [6]}),
      layers.dense({units: 4, activation: 'softmax'}),
    ],
    {seed},
  );
  model.compile({
    optimizer: 'adam',
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    ...options,
  });
  return model;
}

export const weightsOf = (model: Sequential) => model.getWeights().map(({data: values}) => [...values]);
