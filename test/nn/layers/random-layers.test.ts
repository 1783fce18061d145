// Every layer that changes images at random: what it draws follows from the seed, gives the same bits on any
// number of threads and instruction set, goes on exactly after a pause and from a checkpoint, and reads bytes
// that stay bytes.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {input as inputTensor, type Tensor} from '../../../lib/core/tensor.ts';
import {
  type Callback,
  callbacks,
  getThreads,
  input,
  type Layer,
  layers,
  type Sequential,
  sequential,
  setThreads,
} from '../../../lib/index.ts';
import type {Plan} from '../../../lib/plan.ts';
import {onCompile} from '../../../lib/session/compile.ts';
import {Network} from '../../../lib/train/network/network.ts';
import {reals} from '../../conformance/data.ts';
import {expectSameResults, isas, runNative} from '../../conformance/native.ts';
import {numbers} from '../../support/plain-networks.ts';
import {breakdown} from '../../train/resuming.ts';

const options: Readonly<Record<string, object>> = {
  randomFlip: {},
  randomCrop: {height: 17, width: 18},
  randomTranslation: {heightFactor: 0.3, widthFactor: 0.2},
  randomRotation: {factor: 0.2},
  randomZoom: {heightFactor: 0.3},
  randomShear: {xFactor: 0.3, yFactor: 0.2},
  randomContrast: {factor: 0.5},
  randomBrightness: {factor: 0.4},
  randomHue: {factor: 0.6},
  randomSaturation: {factor: [0.1, 0.9]},
  randomGrayscale: {},
  randomErasing: {scale: [0.1, 0.4]},
};
const namespace = layers as unknown as Readonly<Record<string, (options: object) => Layer>>;
const make = (name: string, more: object = {}): Layer =>
  (namespace[name] as (given: object) => Layer)({...options[name], ...more});

const [images, side, batchSize, epochs] = [24, 20, 8, 2];
const pixels = side * side * 3;
const bytes = {
  data: Uint8Array.from(numbers(images * pixels, 8), value => Math.round(127.5 + 127.5 * value)),
  shape: [images, side, side, 3],
};
const targets = numbers(images, 5);

function build(name: string): Sequential {
  const net = sequential(
    [
      make(name, {inputShape: [side, side, 3]}),
      layers.rescaling({scale: 1 / 255}),
      layers.conv2d({filters: 3, kernelSize: 3, strides: 2}),
      layers.flatten(),
      layers.dense({units: 1}),
    ],
    {seed: 4},
  );
  net.compile({optimizer: 'adam', loss: 'mse'});
  return net;
}

interface Training {
  readonly seed?: number;
  readonly threads?: number;
  /** Epochs of each call of `fit`. */
  readonly parts?: readonly number[];
  readonly more?: readonly Callback[];
}

const threads = getThreads();
async function train(name: string, given: Training = {}): Promise<number[][]> {
  const {seed = 7, parts = [epochs], more = []} = given;
  const net = build(name);
  setThreads(given.threads ?? 1);
  try {
    for (const part of parts) {
      await net.fit(bytes, targets, {batchSize, epochs: part, seed, shuffle: false, callbacks: [...more]});
    }
  } finally {
    setThreads(threads);
  }
  return net.getWeights().map(({data}) => [...data]);
}

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-random-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

it('all layers at random are here', () => {
  const wanted = Object.keys(layers).filter(name => name.startsWith('random'));
  expect(Object.keys(options).sort()).toEqual(wanted.sort());
});

describe.each(Object.keys(options))('%s', name => {
  it('trains to the same bits on any number of threads and after a pause, by the seed', async () => {
    const alone = await train(name);
    expect(alone.flat().every(Number.isFinite)).toBe(true);
    for (const count of [2, 3]) expect(await train(name, {threads: count})).toEqual(alone);
    expect(await train(name, {parts: [1, 1]})).toEqual(alone);
    expect(await train(name, {seed: 8})).not.toEqual(alone);
  });

  it('goes on exactly from a checkpoint', async () => {
    const whole = await train(name);
    const backupDir = path.join(root, name);
    const backup = (saveFreq: number) => callbacks.backupAndRestore({backupDir, saveFreq});
    await expect(train(name, {more: [breakdown(5), backup(4)]})).rejects.toThrow('breakdown');
    expect(await train(name, {more: [backup(100)]})).toEqual(whole);
  });

  it('gives the same bits on every instruction set', () => {
    const x = input({shape: [side, side, 3]});
    const network = new Network({inputs: [x], outputs: make(name).apply(x)});
    const source = inputTensor({name: 'x', shape: [4, side, side, 3]});
    const seed = inputTensor({name: 'seed', shape: [2], dtype: 'int32'});
    const step = inputTensor({name: 'step', shape: [1], dtype: 'int32', perStep: true});
    const y = network.apply([source], {training: true, random: {seed, step}}).outputs[0] as Tensor;
    const program = {
      ...{outputs: {y}, updates: [], variables: []},
      inputs: [
        [source, reals([4, side, side, 3], 0, 255)],
        [seed, {data: Int32Array.of(5, 0), shape: [2], dtype: 'int32'}],
        [step, {data: Int32Array.of(3), shape: [1], dtype: 'int32'}],
      ],
    } as const;
    const plain = runNative(program, {isa: isas[0] as string});
    for (const isa of isas.slice(1)) expectSameResults(runNative(program, {isa}), plain, `${name} on ${isa}`);
  });

  it('reads bytes where they lie', async () => {
    const plans: Plan[] = [];
    onCompile(({plan}) => plans.push(plan));
    try {
      await train(name);
    } finally {
      onCompile(undefined);
    }
    const sizeOf = (shape: readonly number[]): number =>
      shape.reduce((size, axis) => size * Math.abs(axis), 1);
    const read = plans.flatMap(({io}) => io.filter(({shape}) => sizeOf(shape) >= pixels));
    expect(read.length).toBeGreaterThan(0);
    expect(new Set(read.map(({dtype}) => dtype))).toEqual(new Set(['uint8']));
  });
});
