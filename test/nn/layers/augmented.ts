// Layers that change images at random, on some pictures, and their results image by image.
import {expect} from 'vitest';
import {input, type Layer, model} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

export const [images, height, width] = [12, 4, 6];
const picture = (channels: number) => ({
  data: numbers(images * height * width * channels, 3).map(x => 100 * x + 128),
  shape: [images, height, width, channels],
});

/** The images and what training makes of them, as numbers of one image each. */
export async function changed(layer: Layer, channels = 1) {
  const x = input({shape: [height, width, channels]});
  const net = model({inputs: x, outputs: layer.apply(x)});
  const given = picture(channels);
  const {output} = await net.forward(given, {training: true});
  const parts = (data: ArrayLike<number>): number[][] => {
    const size = data.length / images;
    return Array.from({length: images}, (_, at) => Array.from(data).slice(at * size, (at + 1) * size));
  };
  return {before: parts(given.data), after: parts(output.data as Float32Array)};
}

export const at = (image: readonly number[], row: number, column: number, w = width): number =>
  image[row * w + column] as number;
export const from = (
  image: readonly number[],
  place: (row: number, column: number) => readonly [number, number],
): number[] => image.map((_, index) => at(image, ...place(Math.floor(index / width), index % width)));

export function expectNear(actual: readonly number[], exact: readonly number[], room = 1e-3): void {
  expect(actual.length).toBe(exact.length);
  actual.forEach((value, index) => {
    expect(Math.abs(value - (exact[index] as number)), `${value}, not ${exact[index]}`).toBeLessThan(room);
  });
}
