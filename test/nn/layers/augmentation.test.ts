// What layers do to places of pixels at random, by hand where the range is one number; and in training.
import {describe, expect, it} from 'vitest';
import {getThreads, input, layers, model, sequential, setThreads} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {untyped} from '../../support/refusals.ts';
import {at, changed, expectNear, from, height, images, width} from './augmented.ts';

describe('places of pixels', () => {
  it('randomFlip mirrors about half of the images, each axis for itself', async () => {
    const {before, after} = await changed(layers.randomFlip());
    const kinds = after.map((image, index) => {
      const own = before[index] as number[];
      const flips = [0, 1, 2, 3].map(kind =>
        from(own, (row, column) => [
          kind & 1 ? height - 1 - row : row,
          kind & 2 ? width - 1 - column : column,
        ]),
      );
      return flips.findIndex(flip => flip.every((value, place) => value === image[place]));
    });
    expect(kinds).not.toContain(-1);
    expect(new Set(kinds).size).toBeGreaterThan(2);
    const sideways = await changed(layers.randomFlip({mode: 'horizontal'}));
    const mirrored = sideways.after.filter((image, index) => {
      const own = sideways.before[index] as number[];
      const flip = from(own, (row, column) => [row, width - 1 - column]);
      const isSame = image.every((value, place) => value === own[place]);
      expect(isSame || image.every((value, place) => value === flip[place])).toBe(true);
      return !isSame;
    });
    expect(mirrored.length).toBeGreaterThan(0);
    expect(mirrored.length).toBeLessThan(images);
  });

  it('randomCrop gives windows of the images, at different places', async () => {
    const {before, after} = await changed(layers.randomCrop({height: 2, width: 3}));
    const places = after.map((part, index) => {
      const own = before[index] as number[];
      for (let row = 0; row <= height - 2; row++) {
        for (let column = 0; column <= width - 3; column++) {
          const window = [0, 1].flatMap(y => [0, 1, 2].map(x => at(own, row + y, column + x)));
          if (window.every((value, place) => value === part[place])) return `${row} ${column}`;
        }
      }
      return 'none';
    });
    expect(places).not.toContain('none');
    expect(new Set(places).size).toBeGreaterThan(3);
  });

  it('randomTranslation by whole pixels moves down and to the right, and fills up', async () => {
    const factors = {heightFactor: [0.25, 0.25], widthFactor: [1 / 3, 1 / 3]} as const;
    const fills: [object, (row: number, column: number) => readonly [number, number] | number][] = [
      [{fillMode: 'constant', fillValue: 7}, (r, c) => (r < 1 || c < 2 ? 7 : [r - 1, c - 2])],
      [{fillMode: 'nearest'}, (r, c) => [Math.max(r - 1, 0), Math.max(c - 2, 0)]],
      [{fillMode: 'wrap'}, (r, c) => [(r + height - 1) % height, (c + width - 2) % width]],
      // The mirror image: d c b a | a b c d.
      [{}, (r, c) => [r < 1 ? 0 : r - 1, c < 2 ? 1 - c : c - 2]],
    ];
    for (const [options, place] of fills) {
      const {before, after} = await changed(layers.randomTranslation({...factors, ...options}));
      after.forEach((image, index) => {
        const own = before[index] as number[];
        const exact = own.map((_, i) => {
          const source = place(Math.floor(i / width), i % width);
          return typeof source === 'number' ? source : at(own, ...source);
        });
        expectNear(image, exact, 2e-3);
      });
    }
  });

  it('randomRotation by half a turn turns around the middle, by a quarter counterclockwise', async () => {
    const half = await changed(layers.randomRotation({factor: [0.5, 0.5]}));
    half.after.forEach((image, index) => {
      const own = half.before[index] as number[];
      expectNear(
        image,
        from(own, (row, column) => [height - 1 - row, width - 1 - column]),
        2e-2,
      );
    });
    const quarter = await changed(
      layers.randomRotation({factor: [0.25, 0.25], fillMode: 'constant', interpolation: 'nearest'}),
    );
    quarter.after.forEach((image, index) => {
      const own = quarter.before[index] as number[];
      // Around (1.5, 2.5): what is to the right of the middle comes above it.
      expect(at(image, 1, 2)).toBeCloseTo(at(own, 1, 3), 3);
      expect(at(image, 1, 3)).toBeCloseTo(at(own, 2, 3), 3);
      expect(at(image, 2, 2)).toBeCloseTo(at(own, 1, 2), 3);
    });
  });

  it('randomZoom shows half as much around the middle, or twice as much', async () => {
    const near = await changed(layers.randomZoom({heightFactor: [-0.5, -0.5]}));
    near.after.forEach((image, index) => {
      const own = near.before[index] as number[];
      const exact = own.map((_, i) => {
        const [y, x] = [(Math.floor(i / width) - 1.5) / 2 + 1.5, ((i % width) - 2.5) / 2 + 2.5];
        const [top, left] = [Math.floor(y), Math.floor(x)];
        const [down, right] = [y - top, x - left];
        const row = (r: number): number =>
          at(own, r, left) * (1 - right) + at(own, r, Math.min(left + 1, width - 1)) * right;
        return row(top) * (1 - down) + row(Math.min(top + 1, height - 1)) * down;
      });
      expectNear(image, exact, 2e-3);
    });
    const far = await changed(
      layers.randomZoom({heightFactor: [1, 1], widthFactor: [0, 0], fillMode: 'constant', fillValue: -1}),
    );
    far.after.forEach((image, index) => {
      const own = far.before[index] as number[];
      // Row r of the result lies at 2r − 1.5: outside, between rows 0 and 1, 2 and 3, outside.
      expectNear([...image.slice(0, width), ...image.slice(3 * width)], new Array(2 * width).fill(-1));
      expect(at(image, 1, 2)).toBeCloseTo((at(own, 0, 2) + at(own, 1, 2)) / 2, 2);
      expect(at(image, 2, 2)).toBeCloseTo((at(own, 2, 2) + at(own, 3, 2)) / 2, 2);
    });
  });

  it('randomShear moves rows by their distance from the first, to either side', async () => {
    const {before, after} = await changed(layers.randomShear({xFactor: [1, 1], fillMode: 'constant'}));
    const sides = after.map((image, index) => {
      const own = before[index] as number[];
      const moved = (side: number) =>
        own.map((_, i) => {
          const column = (i % width) + side * Math.floor(i / width);
          return column < 0 || column >= width ? 0 : at(own, Math.floor(i / width), column);
        });
      return [1, -1].find(side =>
        moved(side).every((value, i) => Math.abs(value - (image[i] as number)) < 2e-3),
      );
    });
    expect([...new Set(sides)].sort()).toEqual([-1, 1]);
  });
});

const augmented = () =>
  sequential(
    [
      layers.randomFlip({mode: 'horizontal', inputShape: [8, 8, 3]}),
      layers.randomTranslation({heightFactor: 0.2, widthFactor: 0.2}),
      layers.randomRotation({factor: 0.1}),
      layers.randomZoom({heightFactor: 0.2}),
      layers.randomShear({xFactor: 0.2}),
      layers.randomContrast({factor: 0.3}),
      layers.randomHue({factor: 0.3}),
      layers.randomErasing(),
      layers.rescaling({scale: 1 / 255}),
      layers.flatten(),
      layers.dense({units: 2, activation: 'softmax'}),
    ],
    {seed: 4},
  );
const bytes = {
  data: Uint8Array.from(numbers(20 * 192, 8), value => Math.round(127.5 + 127.5 * value)),
  shape: [20, 8, 8, 3],
};
const labels = Int32Array.from({length: 20}, (_, index) => index % 2);

describe('in training', () => {
  it('images of bytes give the same bits on any number of threads, and after a pause', async () => {
    const threads = getThreads();
    const train = async (parts: readonly number[]) => {
      const net = augmented();
      net.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
      for (const epochs of parts) await net.fit(bytes, labels, {batchSize: 8, epochs, verbose: 0});
      return net.getWeights().map(({data}) => [...data]);
    };
    try {
      setThreads(1);
      const alone = await train([3]);
      expect(alone.flat().every(Number.isFinite)).toBe(true);
      expect(await train([1, 2])).toEqual(alone);
      setThreads(3);
      expect(await train([3])).toEqual(alone);
    } finally {
      setThreads(threads);
    }
  });

  it('each image and each step has numbers of its own', async () => {
    const layer = layers.randomBrightness({factor: 0.4});
    const x = input({shape: [1, 1, 1]});
    const net = model({inputs: x, outputs: layer.apply(x)});
    const given = {data: new Float32Array(6).fill(128), shape: [6, 1, 1, 1]};
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map(async seed => [
        ...((await net.forward(given, {training: true, seed})).output.data as Float32Array),
      ]),
    );
    expect(new Set(first).size).toBe(6);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});

const refusals: [string, () => unknown, RegExp][] = [
  [
    'a range backwards',
    () => layers.randomZoom({heightFactor: [0.3, 0.1]}),
    /heightFactor: the least must not/,
  ],
  ['a negative number', () => layers.randomRotation({factor: -0.1}), /factor: expected a finite number >= 0/],
  [
    'three numbers',
    () => layers.randomHue({factor: untyped([0, 1, 2])}),
    /factor: expected a number, or \[least/,
  ],
  [
    'other channels than three',
    () => layers.randomHue({factor: 0.1, name: 'hue'}).apply(input({shape: [4, 4, 1]})),
    /^hue: expected 3 channels, red, green and blue\. Received samples \[4,4,1\]\.$/,
  ],
  ['an unknown fill', () => layers.randomShear({fillMode: untyped('mirror')}), /fillMode: /],
  [
    'channels first',
    () => layers.randomFlip({dataFormat: 'channelsFirst'}),
    /^layers\.randomFlip: dataFormat: .*permute\(\{dims: \[2, 3, 1\]\}\)/,
  ],
  [
    'samples without channels',
    () => layers.randomFlip({name: 'flip'}).apply(input({shape: [4, 4]})),
    /^flip: expected samples \[height, width, channels\]/,
  ],
  [
    'two ways to keep proportions',
    () => layers.resizing({height: 2, width: 2, cropToAspectRatio: true, padToAspectRatio: true}),
    /^layers\.resizing: either cropToAspectRatio or padToAspectRatio/,
  ],
  [
    'factors that are not those of the channels',
    () => layers.rescaling({scale: [1, 2], name: 'scale'}).apply(input({shape: [4, 3]})),
    /^scale: 2 numbers for samples \[4,3\]/,
  ],
  [
    'channels that are no blocks',
    () => layers.pixelShuffle().apply(input({shape: [4, 4, 6]})),
    /^depthToSpace: blocks of 2 · 2 pixels do not divide the channels of \[2,4,4,6\]/,
  ],
];

describe('layers of images refuse', () => {
  it.each(refusals)('%s', (_, make, text) => {
    expect(make).toThrow(text);
  });
});
