// Layers that change images at random, against what Keras makes of the same image: of many copies each is one
// of the images that Keras's layer gives, and each of those comes.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, it} from 'vitest';
import {input, type Layer, layers, model} from '../../lib/index.ts';
import {numbers} from './numbers.ts';

interface Recorded {
  readonly layer: string;
  readonly options: object;
  /** Outside of training. */
  readonly infers: readonly number[];
  readonly shape: readonly number[];
  readonly choices: readonly (readonly number[])[];
}

const file = path.join(import.meta.dirname, 'augmentation/keras.json');
const {inputShape, cases} = JSON.parse(readFileSync(file, 'utf8')) as {
  inputShape: readonly number[];
  cases: readonly Recorded[];
};

const copies = 400;
const image = numbers(inputShape, 11).map(value => (value + 1) / 2);
const given = {
  data: Float32Array.from({length: copies * image.length}, (_, at) => image[at % image.length] as number),
  shape: [copies, ...inputShape],
};

/** The farthest of the elements. */
const distance = (a: ArrayLike<number>, b: readonly number[]): number =>
  b.reduce((most, value, at) => Math.max(most, Math.abs(value - (a[at] as number))), 0);
const near = 1e-4;

/** Between two images, each pixel as far. */
function lies(y: Float32Array, [from, to]: readonly (readonly number[])[]): boolean {
  const [low, high] = [from as readonly number[], to as readonly number[]];
  const widest = low.reduce(
    (best, value, at) =>
      Math.abs(value - (high[at] as number)) > Math.abs((low[best] as number) - (high[best] as number))
        ? at
        : best,
    0,
  );
  const share =
    ((y[widest] as number) - (low[widest] as number)) / ((high[widest] as number) - (low[widest] as number));
  const exact = low.map((value, at) => value + share * ((high[at] as number) - value));
  return share >= 0 && share <= 1 && distance(y, exact) < near;
}

it.each(cases.map(each => [each.layer, JSON.stringify(each.options), each] as const))(
  '%s %s changes images as Keras does',
  async (kind, _, {options, infers, shape, choices}) => {
    const x = input({shape: inputShape});
    const make = (layers as unknown as Record<string, (given: object) => Layer>)[kind] as (
      given: object,
    ) => Layer;
    const net = model({inputs: x, outputs: make(options).apply(x)});
    const predicted = await net.predict(given);
    expect(predicted.shape).toEqual([copies, ...shape]);
    // Keras 3.15 gives the whole image; its documentation, and this layer, one of the size.
    if (kind !== 'randomCrop') expect(distance(predicted.data, infers)).toBeLessThan(near);
    const {output} = await net.forward(given, {training: true, seed: 2});
    const size = shape.reduce((a, b) => a * b, 1);
    const images = Array.from({length: copies}, (__, at) =>
      (output.data as Float32Array).subarray(at * size, (at + 1) * size),
    );
    if (kind === 'randomContrast') {
      expect(images.every(y => lies(y, choices))).toBe(true);
      return;
    }
    // Keras 3 turns an image around both axes or around none; here, as in Keras 2, each is drawn for itself.
    if (!('mode' in options && options.mode === 'horizontalAndVertical')) {
      const nearest = images.map(y => Math.min(...choices.map(choice => distance(y, choice))));
      expect(Math.max(...nearest)).toBeLessThan(near);
    }
    const seen = choices.map(choice => images.some(y => distance(y, choice) < near));
    expect(seen).toEqual(choices.map(() => true));
  },
);
