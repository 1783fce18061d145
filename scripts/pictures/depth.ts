// The norm of each kernel's gradient in twenty layers, before the first step.
import {data, layers, sequential} from 'chainrule';
import {drawLines, lineOf} from './lines.ts';

const depth = 20;
const units = 32;
const rows = 64;

/** Twenty layers of sigmoids as they come, or of ReLU with He's initializer and normalization. */
export function deepNetwork(kind: 'sigmoid' | 'relu') {
  const hidden = (index: number) => {
    const input = index === 0 ? {inputShape: [8]} : {};
    if (kind === 'sigmoid') return [layers.dense({units, activation: 'sigmoid', ...input})];
    return [
      layers.dense({units, kernelInitializer: 'heNormal', ...input}),
      layers.batchNormalization(),
      layers.activation({activation: 'relu'}),
    ];
  };
  const stack = Array.from({length: depth - 1}, (_, index) => hidden(index)).flat();
  const model = sequential([...stack, layers.dense({units: 3, activation: 'softmax'})], {seed: 1});
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  return model;
}

/** Of each kernel, from the first layer to the last. */
export async function gradientNorms(kind: 'sigmoid' | 'relu'): Promise<number[]> {
  const table = Array.from({length: rows}, (_, row) =>
    Array.from({length: 8}, (_, column) => Math.sin(1 + row * (column + 1))),
  );
  const labels = Array.from({length: rows}, (_, row) => row % 3);
  const {gradients} = await deepNetwork(kind).gradients(data.standardize(table), labels, {training: true});
  return Object.entries(gradients)
    .filter(([name]) => name.endsWith('/kernel'))
    .map(([, {data: numbers}]) => Math.hypot(...numbers));
}

export async function drawDepth(): Promise<string> {
  const lines = [
    lineOf('sigmoid', await gradientNorms('sigmoid')),
    lineOf('ReLU, He, normalization', await gradientNorms('relu')),
  ];
  return drawLines(lines, {
    title: 'Norm of each kernel’s gradient in 20 layers, before the first step',
    xName: 'layer, from the input to the output',
    yName: 'norm, logarithmic',
    logarithmic: 'y',
    dots: true,
  });
}
