// What layers do to colors at random: by hand where the range is one number, else what holds for any.
import {describe, expect, it} from 'vitest';
import {layers} from '../../../lib/index.ts';
import {changed, expectNear, images, width} from './augmented.ts';

/** Hue in turns, saturation and value of a color within 0…1. */
function toHsv([r, g, b]: readonly [number, number, number]): [number, number, number] {
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
  const chroma = most - least;
  const sixth =
    chroma === 0
      ? 0
      : most === r
        ? (g - b) / chroma
        : most === g
          ? (b - r) / chroma + 2
          : (r - g) / chroma + 4;
  return [(((sixth / 6) % 1) + 1) % 1, most === 0 ? 0 : chroma / most, most];
}

function toRgb([h, s, v]: readonly [number, number, number]): number[] {
  const sector = Math.floor(h * 6) % 6;
  const f = h * 6 - Math.floor(h * 6);
  const [p, q, t] = [v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))];
  return [
    [v, t, p],
    [q, v, p],
    [p, v, t],
    [p, q, v],
    [t, p, v],
    [v, p, q],
  ][sector] as number[];
}

const colors = (image: readonly number[]): [number, number, number][] =>
  Array.from({length: image.length / 3}, (_, pixel) => image.slice(3 * pixel, 3 * pixel + 3)) as [
    number,
    number,
    number,
  ][];
const unit = (x: readonly [number, number, number]) =>
  x.map(value => value / 255) as [number, number, number];

describe('colors', () => {
  it('randomContrast scales each channel around its mean, by less or more', async () => {
    const {before, after} = await changed(layers.randomContrast({factor: 0.5}), 3);
    const factors = after.map((image, index) => {
      const own = before[index] as number[];
      const means = [0, 1, 2].map(
        channel => own.filter((_, i) => i % 3 === channel).reduce((a, b) => a + b) / (own.length / 3),
      );
      const ratios = image.map((value, i) => {
        const mean = means[i % 3] as number;
        return (value - mean) / ((own[i] as number) - mean);
      });
      const inner = ratios.filter((_, i) => (image[i] as number) > 0 && (image[i] as number) < 255);
      expectNear(inner, new Array(inner.length).fill(inner[0]), 1e-2);
      return inner[0] as number;
    });
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.49);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.51);
    expect(new Set(factors).size).toBe(images);
  });

  it('randomBrightness adds a share of the range, within it', async () => {
    const {before, after} = await changed(layers.randomBrightness({factor: [0.3, 0.3]}));
    after.forEach((image, index) => {
      expectNear(
        image,
        (before[index] as number[]).map(value => Math.min(value + 0.3 * 255, 255)),
      );
    });
  });

  it('randomHue turns hues by half a circle, and keeps the rest', async () => {
    const {before, after} = await changed(layers.randomHue({factor: [1, 1]}), 3);
    after.forEach((image, index) => {
      const exact = colors(before[index] as number[]).flatMap(color => {
        const [h, s, v] = toHsv(unit(color));
        return toRgb([(h + 0.5) % 1, s, v]).map(value => value * 255);
      });
      expectNear(image, exact, 5e-3);
    });
  });

  it('randomHue turns each image by a share of its own, to either side', async () => {
    const {before, after} = await changed(layers.randomHue({factor: 0.5}), 3);
    const turns = after.map((image, index) => {
      const hue = (own: readonly number[]): number =>
        toHsv(unit(colors(own)[0] as [number, number, number]))[0];
      return ((hue(image) - hue(before[index] as number[]) + 1.5) % 1) - 0.5;
    });
    for (const turn of turns) expect(Math.abs(turn)).toBeLessThan(0.2501);
    expect(turns.some(turn => turn > 0) && turns.some(turn => turn < 0)).toBe(true);
  });

  it('randomSaturation makes images gray, leaves them, or strengthens them', async () => {
    for (const factor of [0, 0.5, 0.6]) {
      const {before, after} = await changed(layers.randomSaturation({factor: [factor, factor]}), 3);
      const times = factor / (1 - factor);
      after.forEach((image, index) => {
        const exact = colors(before[index] as number[]).flatMap(color => {
          const [h, s, v] = toHsv(unit(color));
          return toRgb([h, Math.min(1, s * times), v]).map(value => value * 255);
        });
        expectNear(image, exact, 5e-3);
      });
    }
  });

  it('randomGrayscale makes some of the images gray', async () => {
    const {before, after} = await changed(layers.randomGrayscale(), 3);
    const gray = after.filter((image, index) => {
      const own = before[index] as number[];
      if (image.every((value, i) => value === own[i])) return false;
      const exact = colors(own).flatMap(([r, g, b]) => new Array(3).fill(0.2989 * r + 0.587 * g + 0.114 * b));
      expectNear(image, exact);
      return true;
    });
    expect(gray.length).toBeGreaterThan(1);
    expect(gray.length).toBeLessThan(images - 1);
  });

  it('randomErasing fills a rectangle of each image', async () => {
    const options = {factor: [1, 1], scale: [0.2, 0.5], fillValue: -9, valueRange: [-9, 255]} as const;
    const {before, after} = await changed(layers.randomErasing(options));
    after.forEach((image, index) => {
      const own = before[index] as number[];
      const hit = image.map(value => value === -9);
      image.forEach((value, i) => {
        expect(value).toBe(hit[i] ? -9 : own[i]);
      });
      const rows = new Set(hit.flatMap((is, i) => (is ? [Math.floor(i / width)] : [])));
      const columns = new Set(hit.flatMap((is, i) => (is ? [i % width] : [])));
      const count = hit.filter(Boolean).length;
      expect(count).toBe(rows.size * columns.size);
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(own.length);
    });
    const noise = await changed(layers.randomErasing({factor: [1, 1]}));
    for (const image of noise.after) {
      for (const value of image) expect(value >= 0 && value <= 255).toBe(true);
    }
  });
});
