// What a training step has to do for a layer: how often it goes over the activations for a normalization, and
// which products a recurrent layer makes in its loop and outside of it.
import {describe, expect, it} from 'vitest';
import {type Layer, layers, sequential} from '../../lib/index.ts';
import type {PlanInstruction} from '../../lib/plan.ts';
import {type CompiledProgram, onCompile} from '../../lib/session/compile.ts';

/** The instructions of a training step. */
async function stepOf(list: readonly Layer[], shape: readonly number[]): Promise<readonly PlanInstruction[]> {
  const net = sequential([...list, layers.flatten(), layers.dense({units: 3, activation: 'softmax'})]);
  net.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  const programs: CompiledProgram[] = [];
  onCompile(program => programs.push(program));
  try {
    const size = shape.reduce((product, axis) => product * axis, 1);
    await net.trainOnBatch(
      {data: new Float32Array(size).fill(0.5), shape},
      new Uint8Array(shape[0] as number),
    );
  } finally {
    onCompile(undefined);
    net.dispose();
  }
  return (programs.at(-1) as CompiledProgram).plan.instructions;
}

/** Numbers of an operand such as `t3 arena+128 f32[128,10]`. */
const sizeOf = (operand: string): number =>
  (/\[([\d,]*)\]$/.exec(operand)?.[1] ?? '').split(',').reduce((product, axis) => product * Number(axis), 1);

/** Names of those that read or write as many numbers, but for products. */
const passesOver = (instructions: readonly PlanInstruction[], size: number): string[] =>
  instructions
    .filter(({name}) => !/^(conv|matmul|gather)/.test(name))
    .filter(({inputs, outputs}) => [...inputs, ...outputs].some(operand => sizeOf(operand) === size))
    .map(({name}) => name);

describe('a step goes over the activations', () => {
  const [rows, side, channels] = [4, 8, 16];
  const conv = (options: object = {}) =>
    layers.conv2d({filters: channels, kernelSize: 3, padding: 'same', useBias: false, ...options});
  const around = (...between: Layer[]) =>
    stepOf(
      [conv({inputShape: [side, side, 3]}), ...between, layers.reLU(), conv({strides: 2})],
      [rows, side, side, 3],
    );
  const activations = rows * side * side * channels;

  it('twice each way for a batch normalization, with the rectifier behind it', async () => {
    expect(passesOver(await around(), activations)).toEqual([]);
    expect(passesOver(await around(layers.batchNormalization()), activations)).toEqual([
      ...['moments', 'map'],
      ...['centeredSums', 'map'],
    ]);
  });

  it('once each way for a layer normalization', async () => {
    const dense = (units: number, options: object = {}) => layers.dense({units, useBias: false, ...options});
    const step = await stepOf(
      [dense(32, {inputShape: [6, 16]}), layers.layerNormalization(), dense(8)],
      [rows, 6, 16],
    );
    expect(passesOver(step, rows * 6 * 32)).toEqual(['layerNorm', 'layerNormGradient']);
  });
});

describe.each(['lstm', 'gru'] as const)('%s', name => {
  it('has one product for the inputs of all steps, and one for the gradient of each weight', async () => {
    const [rows, steps, features, units] = [8, 6, 5, 16];
    const step = await stepOf(
      [layers[name]({units, inputShape: [steps, features]})],
      [rows, steps, features],
    );
    const inLoops = step.filter(({depth}) => depth > 0).map(own => own.name);
    expect(inLoops).toEqual([`${name}Step`, `${name}StepGrad`]);
    const products = step.filter(
      ({name: own, inputs}) => own === 'matmul' && !inputs.join().includes('dense/'),
    );
    const width = (name === 'lstm' ? 4 : 3) * units;
    const results = products.map(({outputs}) => /\[[\d,]+\]$/.exec(outputs[0] as string)?.[0]);
    const others = [`[${units},3]`];
    expect(results.filter(shape => !others.includes(shape as string))).toEqual([
      `[${rows * steps},${width}]`,
      `[${features},${width}]`,
      `[${units},${width}]`,
    ]);
  });

  it('reads what arrives at a weight and a bias for both, one after the other', async () => {
    const step = await stepOf([layers[name]({units: 16, inputShape: [6, 5]})], [8, 6, 5]);
    const names = step.map(own => own.name);
    const behind = names.slice(names.indexOf(`${name}StepGrad`) + 1);
    const both = name === 'lstm' ? ['matmul', 'matmul', 'sum'] : ['matmul', 'sum', 'matmul', 'sum'];
    expect(behind.filter(own => own === 'matmul' || own === 'sum').slice(0, both.length)).toEqual(both);
  });
});
