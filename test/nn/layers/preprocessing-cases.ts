// Layers that resize, rescale and change images, and their formulas in float64.
import {type Layer, layers} from '../../../lib/index.ts';
import type {LayerCase} from './check-layer.ts';

type Numbers = readonly number[];

/** Pixels of an image [height, width, channels], those of the result from places in it. */
function moved(
  x: Numbers,
  [, width, channels]: Numbers,
  [rows, columns]: readonly [number, number],
  from: (row: number, column: number) => readonly [number, number],
): number[] {
  const [w, c] = [width as number, channels as number];
  return Array.from({length: rows * columns * c}, (_, at) => {
    const [row, column] = from(Math.floor(at / (columns * c)), Math.floor(at / c) % columns);
    return x[(row * w + column) * c + (at % c)] as number;
  });
}

/** Weights of a line's pixels by a kernel of their distance, scaled to a sum of 1. */
function along(line: Numbers, to: number, radius: number, kernel: (x: number) => number): number[] {
  return Array.from({length: to}, (_, at) => {
    const place = ((at + 0.5) * line.length) / to - 0.5;
    const weights = line.map((__, i) => (Math.abs(i - place) < radius ? kernel(Math.abs(i - place)) : 0));
    const sum = weights.reduce((a, b) => a + b);
    return line.reduce((all, value, i) => all + (value * (weights[i] as number)) / sum, 0);
  });
}

/** An image of one channel in another size, both axes alike. */
export function resized(
  x: Numbers,
  [height, width]: Numbers,
  [rows, columns]: readonly [number, number],
  radius: number,
  kernel: (x: number) => number,
): number[] {
  const lines = Array.from({length: height as number}, (_, row) =>
    along(x.slice(row * (width as number), (row + 1) * (width as number)), columns, radius, kernel),
  );
  const across = Array.from({length: columns}, (_, column) =>
    along(
      lines.map(line => line[column] as number),
      rows,
      radius,
      kernel,
    ),
  );
  return Array.from({length: rows}, (_, row) => across.map(line => line[row] as number)).flat();
}

export const triangle = (x: number): number => Math.max(0, 1 - x);
/** Keys's cubic with a = −1/2, as its text has it. */
export const cubic = (x: number): number => {
  const a = -0.5;
  if (x < 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
};
export const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** In training it changes images; otherwise, and in its file, it gives them as they are. */
const atRandom = (make: () => Layer, shape = [3, 3, 1]): LayerCase => ({
  make,
  inputs: [shape],
  output: shape,
  disturbs: true,
  formula: ([x]) => x as number[],
});
const wide = {valueRange: [-4, 4]} as const;
const colored = [2, 2, 3];

export const preprocessingCases: Record<string, LayerCase> = {
  rescaling: {
    make: () => layers.rescaling({scale: 1 / 4, offset: -1}),
    inputs: [[2, 3]],
    output: [2, 3],
    formula: ([x]) => (x as number[]).map(value => value / 4 - 1),
  },
  'rescaling of each channel': {
    make: () => layers.rescaling({scale: [2, 3], offset: [0, 1]}),
    inputs: [[2, 2, 2]],
    output: [2, 2, 2],
    formula: ([x]) => (x as number[]).map((value, at) => (at % 2 === 0 ? 2 * value : 3 * value + 1)),
  },
  centerCrop: {
    make: () => layers.centerCrop({height: 2, width: 3}),
    inputs: [[5, 4, 2]],
    output: [2, 3, 2],
    formula: ([x]) => moved(x as number[], [5, 4, 2], [2, 3], (row, column) => [row + 1, column]),
  },
  'centerCrop of a smaller image, resized': {
    make: () => layers.centerCrop({height: 4, width: 4}),
    inputs: [[2, 3, 1]],
    output: [4, 4, 1],
    formula: ([x]) => {
      const square = moved(x as number[], [2, 3, 1], [2, 2], (row, column) => [row, column]);
      return resized(square, [2, 2], [4, 4], 1, triangle);
    },
  },
  resizing: {
    make: () => layers.resizing({height: 3, width: 7}),
    inputs: [[5, 4, 1]],
    output: [3, 7, 1],
    formula: ([x]) => resized(x as number[], [5, 4], [3, 7], 1, triangle),
  },
  'resizing, cubic, cropped to its proportions': {
    make: () => layers.resizing({height: 4, width: 4, interpolation: 'bicubic', cropToAspectRatio: true}),
    inputs: [[3, 5, 1]],
    output: [4, 4, 1],
    formula: ([x]) => {
      const square = moved(x as number[], [3, 5, 1], [3, 3], (row, column) => [row, column + 1]);
      return resized(square, [3, 3], [4, 4], 2, cubic);
    },
  },
  'resizing to the nearest, filled up to its proportions': {
    make: () => layers.resizing({height: 6, width: 6, interpolation: 'nearest', padToAspectRatio: true}),
    inputs: [[1, 3, 1]],
    output: [6, 6, 1],
    formula: ([x]) => {
      const square = [0, 0, 0, ...(x as number[]), 0, 0, 0];
      return moved(square, [3, 3, 1], [6, 6], (row, column) => [Math.floor(row / 2), Math.floor(column / 2)]);
    },
  },
  // As in Keras: both sides get as many, so that an odd number that is missing loses one.
  'resizing to the nearest, one row short of its proportions': {
    make: () => layers.resizing({height: 6, width: 6, interpolation: 'nearest', padToAspectRatio: true}),
    inputs: [[2, 3, 1]],
    output: [6, 6, 1],
    formula: ([x]) =>
      moved(x as number[], [2, 3, 1], [6, 6], (row, column) => [Math.floor(row / 3), Math.floor(column / 2)]),
  },
  'upSampling2d, bicubic': {
    make: () => layers.upSampling2d({size: [2, 3], interpolation: 'bicubic'}),
    inputs: [[3, 2, 1]],
    output: [6, 6, 1],
    formula: ([x]) => resized(x as number[], [3, 2], [6, 6], 2, cubic),
  },
  'upSampling2d, lanczos3': {
    make: () => layers.upSampling2d({size: 2, interpolation: 'lanczos3'}),
    inputs: [[4, 4, 1]],
    output: [8, 8, 1],
    formula: ([x]) => resized(x as number[], [4, 4], [8, 8], 3, at => sinc(at) * sinc(at / 3)),
  },
  pixelShuffle: {
    make: () => layers.pixelShuffle({blockSize: 2}),
    inputs: [[2, 1, 8]],
    output: [4, 2, 2],
    formula: ([x]) =>
      Array.from({length: 16}, (_, at) => {
        const [row, column, channel] = [Math.floor(at / 4), Math.floor(at / 2) % 2, at % 2];
        return x?.[Math.floor(row / 2) * 8 + ((row % 2) * 2 + column) * 2 + channel] as number;
      }),
  },
  pixelUnshuffle: {
    make: () => layers.pixelUnshuffle(),
    inputs: [[2, 4, 1]],
    output: [1, 2, 4],
    formula: ([x]) => [0, 1, 4, 5, 2, 3, 6, 7].map(at => x?.[at] as number),
  },
  spectralNormalization: {
    // So many iterations that the vector is the singular one: gradients through it are then 0.
    make: () => layers.spectralNormalization({layer: layers.dense({units: 2}), powerIterations: 80}),
    inputs: [[3]],
    output: [2],
    weights: {kernel: [3, 2], kernelVector: [1, 2], bias: [2]},
    updates: ['kernelVector'],
    once: true,
    formula: ([x], {kernel, bias}) => {
      const [a, b] = [0, 1].map(unit =>
        (kernel as number[]).filter((_, at) => at % 2 === unit),
      ) as number[][];
      const dot = (p: number[] | undefined, q: number[] | undefined): number =>
        (p ?? []).reduce((sum, value, at) => sum + value * (q?.[at] as number), 0);
      // The larger eigenvalue of the 2 × 2 matrix of products.
      const [aa, ab, bb] = [dot(a, a), dot(a, b), dot(b, b)];
      const norm = Math.sqrt((aa + bb + Math.sqrt((aa - bb) ** 2 + 4 * ab * ab)) / 2);
      return [dot(x, a) / norm + (bias?.[0] as number), dot(x, b) / norm + (bias?.[1] as number)];
    },
  },
  randomFlip: atRandom(() => layers.randomFlip()),
  randomCrop: {
    make: () => layers.randomCrop({height: 2, width: 3}),
    inputs: [[4, 5, 2]],
    output: [2, 3, 2],
    disturbs: true,
    formula: ([x]) => moved(x as number[], [4, 5, 2], [2, 3], (row, column) => [row + 1, column + 1]),
  },
  randomTranslation: atRandom(() => layers.randomTranslation({heightFactor: 0.3, widthFactor: [0.1, 0.3]})),
  randomRotation: atRandom(() => layers.randomRotation({factor: 0.2, fillMode: 'wrap'})),
  randomZoom: atRandom(() => layers.randomZoom({heightFactor: 0.3, fillMode: 'nearest'})),
  'randomZoom of each axis': atRandom(() =>
    layers.randomZoom({heightFactor: 0.3, widthFactor: [-0.4, 0], fillMode: 'constant', fillValue: 0.5}),
  ),
  randomShear: atRandom(() => layers.randomShear({xFactor: 0.4, yFactor: [0.1, 0.2]})),
  randomContrast: atRandom(() => layers.randomContrast({factor: 0.4, ...wide})),
  randomBrightness: atRandom(() => layers.randomBrightness({factor: 0.2, ...wide})),
  randomHue: atRandom(() => layers.randomHue({factor: 0.8, ...wide}), colored),
  randomSaturation: atRandom(() => layers.randomSaturation({factor: [0.6, 0.8], ...wide}), colored),
  randomGrayscale: atRandom(() => layers.randomGrayscale(), colored),
  randomErasing: atRandom(() => layers.randomErasing({scale: [0.2, 0.5], ...wide})),
};
