// Kernels of images against those of tfjs's cpu backend: odd sizes, both formats, sizes rounded every way,
// gradients. Where tfjs's own gradient is not that of its kernel, against what a gradient is.
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of all ops.
import '@tensorflow/tfjs-layers';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';

const numbers = (shape: number[], seed = 1): tf.Tensor => tf.randomUniform(shape, -2, 2, 'float32', seed);
const image = (...shape: number[]): tf.Tensor4D => numbers(shape) as tf.Tensor4D;
const volume = (...shape: number[]): tf.Tensor5D => numbers(shape) as tf.Tensor5D;

type Function1 = (x: tf.Tensor4D) => tf.Tensor;

/** A result and the gradient of its operands. */
function withGradients(f: (...xs: never[]) => tf.Tensor, ...xs: tf.Tensor[]): tf.Tensor[] {
  const y = (f as (...all: tf.Tensor[]) => tf.Tensor)(...xs);
  return [y, ...tf.grads(f as (...all: tf.Tensor[]) => tf.Tensor)(xs, numbers(y.shape, 7))];
}

const convolution = (
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  ...rest: [
    strides: number | [number, number],
    pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding,
  ]
) => [
  () => withGradients((a: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(a, w, ...rest), x, filter),
  () => {
    const first = tf.transpose(x, [0, 3, 1, 2]);
    const [strides, pad] = rest;
    const own = Array.isArray(pad)
      ? ([pad[0], pad[3], pad[1], pad[2]] as tf.backend_util.ExplicitPadding)
      : pad;
    return withGradients(
      (a: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(a, w, strides, own, 'NCHW'),
      first,
      filter,
    );
  },
];

const explicit: tf.backend_util.ExplicitPadding = [
  [0, 0],
  [2, 1],
  [0, 3],
  [0, 0],
];

const filter = (...shape: number[]): tf.Tensor4D => numbers(shape, 3) as tf.Tensor4D;
const {image: of} = tf;
const complexLines = (rows: number, n: number): tf.Tensor =>
  tf.complex(numbers([rows, n]), numbers([rows, n], 5));
const parts = (x: tf.Tensor): tf.Tensor[] => [tf.real(x), tf.imag(x)];

const boxes = (): tf.Tensor2D =>
  tf.tensor2d([
    [0, 0, 1, 1],
    [0.2, 0.1, 0.7, 0.9],
    [0.9, 0.8, 0.1, 0.3],
    [-0.5, 0.25, 0.5, 1.75],
  ]);

const crowd = (): [tf.Tensor2D, tf.Tensor1D] => {
  const corners = tf.randomUniform([60, 2], 0, 3, 'float32', 4);
  const sides = tf.randomUniform([60, 2], 0.2, 1, 'float32', 5);
  const scores = tf.randomUniform<tf.Rank.R1>([60], 0, 1, 'float32', 6);
  return [tf.concat([corners, tf.add(corners, sides)], 1) as tf.Tensor2D, scores];
};

/** Each gives the tensors to compare. */
const cases: Record<string, () => tf.Tensor[]> = {};

const convolutions = {
  'a convolution': () => convolution(image(2, 7, 5, 3), filter(3, 3, 3, 4), 1, 'same'),
  'a strided one': () => convolution(image(1, 8, 9, 2), filter(3, 2, 2, 5), [2, 3], 'valid'),
  'one with explicit padding': () => convolution(image(2, 5, 6, 3), filter(2, 3, 3, 2), 2, explicit),
  'one that is a product': () => convolution(image(2, 3, 4, 7), filter(1, 1, 7, 3), 1, 'same'),
};
for (const [name, make] of Object.entries(convolutions)) {
  cases[name] = () => (make()[0] as () => tf.Tensor[])();
  cases[`${name}, channels first`] = () => (make()[1] as () => tf.Tensor[])();
}

for (const mode of ['floor', 'round', 'ceil'] as const) {
  cases[`sizes rounded by ${mode}`] = () => [
    tf.conv2d(image(1, 7, 6, 2), filter(2, 3, 2, 3), 3, 1, 'NHWC', 1, mode),
    tf.maxPool(image(1, 8, 7, 3), 3, 2, 1, mode),
    tf.avgPool(image(1, 8, 7, 3), 3, 2, 1, mode),
    tf.depthwiseConv2d(image(1, 7, 6, 2), filter(2, 3, 2, 1), 3, 1, 'NHWC', 1, mode),
    tf.maxPool3d(volume(1, 5, 6, 4, 2), 3, 2, 1, mode),
  ];
}

Object.assign(cases, {
  'a dilated convolution': () => [
    tf.conv2d(image(1, 9, 8, 2), filter(3, 2, 2, 3), 1, 'same', 'NHWC', [2, 3]),
  ],
  'a depthwise convolution': () =>
    withGradients(
      (x: tf.Tensor4D, w: tf.Tensor4D) => tf.depthwiseConv2d(x, w, [1, 1], 'same'),
      image(2, 5, 7, 3),
      filter(3, 3, 3, 2),
    ),
  'a transposed convolution': () =>
    withGradients(
      (x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2dTranspose(x, w, [2, 9, 7, 5], [2, 2], 'same'),
      image(2, 5, 4, 3),
      filter(3, 3, 5, 3),
    ),
  'fused convolutions': () =>
    (['NHWC', 'NCHW'] as const).flatMap(dataFormat =>
      (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const).map(activation =>
        tf.fused.conv2d({
          x: dataFormat === 'NHWC' ? image(1, 4, 5, 3) : image(1, 3, 4, 5),
          filter: filter(2, 2, 3, 4),
          ...{strides: 1, pad: 'same', dataFormat, activation, leakyreluAlpha: 0.2},
          bias: tf.tensor1d([0.5, -0.5, 0.25, 1]),
          preluActivationWeights: activation === 'prelu' ? tf.tensor1d([0.1, 0.2, 0.3, 0.4]) : undefined,
        }),
      ),
    ),
  'a convolution of volumes': () =>
    withGradients(
      (x: tf.Tensor5D, w: tf.Tensor5D) => tf.conv3d(x, w, [1, 2, 1], 'same'),
      volume(1, 3, 5, 4, 2),
      numbers([2, 3, 2, 2, 3], 3),
    ),
  'pools of images': () =>
    (['same', 'valid', 1] as const).flatMap(pad =>
      [tf.maxPool, tf.avgPool].flatMap(pool =>
        withGradients((x: tf.Tensor4D) => pool(x, [3, 2], pad === 1 ? 1 : 2, pad), image(2, 7, 6, 3)),
      ),
    ),
  'pools of volumes': () =>
    (['same', 'valid', 1] as const).flatMap(pad =>
      [tf.maxPool3d, tf.avgPool3d].flatMap(pool =>
        withGradients((x: tf.Tensor5D) => pool(x, [2, 3, 3], 2, pad), volume(2, 4, 5, 4, 2)),
      ),
    ),
  'places of the largest': () =>
    [true, false].flatMap(inBatch => {
      const x = tf.where(tf.less(image(3, 5, 7, 3), -1.9), Number.NaN, image(3, 5, 7, 3)) as tf.Tensor4D;
      const {result, indexes} = tf.maxPoolWithArgmax(x, 2, 2, 'same', inBatch);
      return [result, indexes];
    }),
  'places of no number': () => {
    const {result, indexes} = tf.maxPoolWithArgmax(
      tf.fill([1, 2, 2, 1], Number.NaN) as tf.Tensor4D,
      2,
      2,
      'valid',
    );
    return [result, indexes];
  },
  resizing: () =>
    [
      [8, 4],
      [3, 11],
      [5, 7],
      [1, 1],
    ].flatMap(size =>
      [of.resizeBilinear, of.resizeNearestNeighbor].flatMap(resize =>
        (
          [
            [false, false],
            [true, false],
            [false, true],
          ] as const
        ).map(ways => resize(image(2, 5, 7, 3), size as [number, number], ...ways)),
      ),
    ),
  'resizing integers': () => {
    const x = tf.cast(tf.mul(image(1, 4, 5, 2), 1e9), 'int32') as tf.Tensor4D;
    return [of.resizeBilinear(x, [6, 3]), of.resizeNearestNeighbor(x, [6, 3])];
  },
  'gradients of resizing': () =>
    [of.resizeBilinear, of.resizeNearestNeighbor].flatMap(resize =>
      [3, 8].flatMap(size =>
        [true, false].flatMap(aligned =>
          withGradients((x: tf.Tensor4D) => resize(x, [size, size], aligned), image(1, 5, 5, 3)),
        ),
      ),
    ),
  crops: () =>
    (['bilinear', 'nearest'] as const).flatMap(method =>
      [
        [3, 4],
        [1, 5],
        [6, 1],
      ].map(size => {
        const owners = tf.tensor1d([1, 0, 1, 0], 'int32');
        return of.cropAndResize(image(2, 5, 7, 3), boxes(), owners, size as [number, number], method, -1);
      }),
    ),
  'a crop of no image': () => [
    of.cropAndResize(image(2, 5, 7, 3), boxes(), tf.tensor1d([1, 2, 7, 0], 'int32'), [3, 3], 'bilinear', 1),
  ],
  transforms: () =>
    (['bilinear', 'nearest'] as const).flatMap(method =>
      (['constant', 'reflect', 'wrap', 'nearest'] as const).flatMap(fill =>
        [
          [1, 0, 2, 0, 1, -1, 0, 0],
          [0.83, -0.31, 1.127, 0.213, 1.319, -0.731, 0, 0],
          [1.113, 0.217, -9.231, 0.117, 0.931, 11.417, 0.011, 0.023],
        ].map(map => of.transform(image(1, 6, 5, 2), tf.tensor2d([map]), method, fill, 0.5, [7, 4])),
      ),
    ),
  rotations: () =>
    [0.3, -2, Math.PI / 2].flatMap(angle => [
      of.rotateWithOffset(image(2, 6, 5, 3), angle, 0.5, 0.5),
      of.rotateWithOffset(image(2, 5, 4, 4), angle, [0.1, 0.2, 0.3], [0.25, 1]),
    ]),
  flips: () => [of.flipLeftRight(image(2, 3, 5, 3))],
  'neighbours among channels': () =>
    [0, 1, 5].flatMap(radius =>
      withGradients(
        (x: tf.Tensor4D) => tf.localResponseNormalization(x, radius, 1.5, 0.7, 0.4),
        image(2, 3, 2, 7),
      ),
    ),
  dilations: () =>
    (['same', 'valid'] as const).flatMap(pad =>
      withGradients(
        (x: tf.Tensor4D, w: tf.Tensor3D) => tf.dilation2d(x, w, [2, 1], pad, [1, 2]),
        image(2, 7, 8, 3),
        numbers([3, 2, 3], 3),
      ),
    ),
  'blocks of pixels': () => [
    tf.depthToSpace(image(2, 3, 2, 12), 2),
    tf.spaceToBatchND(
      image(2, 4, 6, 3),
      [2, 3],
      [
        [0, 2],
        [3, 0],
      ],
    ),
    tf.batchToSpaceND(
      image(6, 2, 3, 2),
      [2, 3],
      [
        [1, 0],
        [2, 1],
      ],
    ),
  ],
  'Fourier transforms': () =>
    [1, 2, 7, 64, 65, 262, 300].flatMap(n => [
      ...parts(tf.fft(complexLines(3, n))),
      ...parts(tf.ifft(complexLines(3, n))),
    ]),
  'transforms of real lines': () => [
    ...parts(tf.spectral.rfft(numbers([2, 10]))),
    tf.spectral.irfft(complexLines(2, 9)),
    ...parts(tf.signal.stft(numbers([100]) as tf.Tensor1D, 32, 16)),
  ],
  'boxes that are kept': () => {
    const kept = of.nonMaxSuppressionWithScore(...crowd(), 20, 0.3, 0.1, 0.5);
    const padded = of.nonMaxSuppressionPadded(...crowd(), 40, 0.3, 0.1, true);
    const cut = of.nonMaxSuppressionPadded(...crowd(), 40, 0.3, 0.1, false);
    return [
      of.nonMaxSuppression(...crowd(), 15, 0.4),
      ...[kept.selectedIndices, kept.selectedScores, padded.selectedIndices, padded.validOutputs],
      ...[cut.selectedIndices, cut.validOutputs],
    ];
  },
  'no boxes at all': () => [of.nonMaxSuppression(...crowd(), 15, 0.4, 2)],
});

interface Plain {
  readonly shape: number[];
  readonly dtype: string;
  readonly values: number[];
}

/** What `make` gives, and nothing else left. */
function inTidy<Result>(make: () => Result): Result {
  tf.engine().startScope();
  try {
    return make();
  } finally {
    tf.engine().endScope();
  }
}

const plain = (tensors: readonly tf.Tensor[]): Plain[] =>
  tensors.map(x => ({shape: x.shape, dtype: x.dtype, values: [...x.dataSync()]}));

describe('kernels of images', () => {
  beforeEach(() => tf.setBackend(backendName));
  afterEach(() => tf.setBackend(backendName));

  test.each(Object.entries(cases))('%s', async (_, make) => {
    resetHandedOver();
    const own = inTidy(() => plain(make()));
    expect(handedOver()).toEqual([]);
    const before = tf.memory().numTensors;
    // A trace that is known, as a plan.
    expect(inTidy(() => plain(make()))).toEqual(own);
    expect(tf.memory().numTensors).toBe(before);
    await tf.setBackend('cpu');
    const wanted = inTidy(() => plain(make()));
    expect(own.map(({shape, dtype}) => ({shape, dtype}))).toEqual(
      wanted.map(({shape, dtype}) => ({shape, dtype})),
    );
    own.forEach(({values}, index) => {
      const exact = wanted[index]?.values as number[];
      const room = 2e-5 * Math.max(1, ...exact.map(value => (Number.isFinite(value) ? Math.abs(value) : 0)));
      values.forEach((value, at) => {
        const other = exact[at] as number;
        if (Object.is(value, other) || value === other) return;
        expect(Math.abs(value - other), `result ${index}, number ${at}: ${value}, not ${other}`).toBeLessThan(
          room,
        );
      });
    });
  });

  /** The sum of all products of the numbers of two tensors. */
  const dot = (a: tf.Tensor, b: tf.Tensor): number => {
    const [x, y] = [a.dataSync(), b.dataSync()];
    return Array.from(x, (own, at) => own * (y[at] as number)).reduce((sum, own) => sum + own, 0);
  };

  // ⟨dy, f(x)⟩ = ⟨gradient of dy, x⟩ for what grows as its operand does. tfjs's own gradients are others: it
  // takes height for width, forgets half pixels, or the batch.
  test.each<[string, number[], Function1]>([
    ['bilinear resizing of what is not square', [2, 6, 7, 3], x => of.resizeBilinear(x, [3, 9])],
    ['bilinear resizing by half pixels', [2, 6, 7, 3], x => of.resizeBilinear(x, [8, 4], false, true)],
    ['nearest resizing by half pixels', [2, 6, 7, 3], x => of.resizeNearestNeighbor(x, [3, 9], false, true)],
    ['nearest resizing of a batch', [3, 5, 5, 2], x => of.resizeNearestNeighbor(x, [7, 3])],
    [
      'convolutions of sizes rounded up',
      [2, 6, 7, 3],
      x => tf.conv2d(x, filter(2, 2, 3, 4), 3, 1, 'NHWC', 1, 'ceil'),
    ],
    [
      'the largest of windows that are no cubes',
      [2, 4, 5, 3, 2],
      x => tf.maxPool3d(x as tf.Tensor as tf.Tensor5D, [2, 3, 2], 2, 'same'),
    ],
  ])('the gradient of %s is one', (_, shape, f) => {
    resetHandedOver();
    tf.tidy(() => {
      const x = numbers(shape) as tf.Tensor4D;
      const y = f(x);
      const dy = numbers(y.shape, 9);
      const dx = tf.grad(f as (x: tf.Tensor) => tf.Tensor)(x, dy);
      expect(dx.shape).toEqual(x.shape);
      expect(dot(dy, y)).toBeCloseTo(dot(dx, x), 3);
    });
    expect(handedOver()).toEqual([]);
  });

  test('every image of a batch is transformed', () => {
    tf.tidy(() => {
      const x = image(3, 5, 4, 2);
      const map = [0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0, 0];
      const all = of.transform(x, tf.tensor2d([map]), 'bilinear', 'reflect');
      const maps = of.transform(x, tf.tensor2d([map, map, map]), 'bilinear', 'reflect');
      const each = [0, 1, 2].map(at =>
        of.transform(tf.slice(x, at, 1), tf.tensor2d([map]), 'bilinear', 'reflect'),
      );
      expect(all.dataSync()).toEqual(tf.concat(each, 0).dataSync());
      expect(maps.dataSync()).toEqual(all.dataSync());
    });
  });
});
