// Images in other sizes, cut out, mapped, in windows and blocks: against their definitions, pixel by pixel.
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../lib/core/tensor.ts';
import {ops} from '../../lib/index.ts';
import type {Interpolation, ResizeOptions} from '../../lib/ops/resize.ts';
import {expectComposite} from '../conformance/composite.ts';
import {exactly, integers, type Operand, reals, wholly} from '../conformance/data.ts';
import {untyped} from '../support/refusals.ts';

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const keys = (x: number): number => {
  const a = -0.5;
  if (x < 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
};
/** Mitchell and Netravali's, from their general form with B = C = 1/3. */
const mitchell = (x: number): number => {
  const [b, c] = [1 / 3, 1 / 3];
  if (x < 1) return ((12 - 9 * b - 6 * c) * x ** 3 + (-18 + 12 * b + 6 * c) * x ** 2 + 6 - 2 * b) / 6;
  if (x >= 2) return 0;
  return ((-b - 6 * c) * x ** 3 + (6 * b + 30 * c) * x ** 2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6;
};
const kernels: Record<
  Exclude<Interpolation, 'nearest' | 'area'>,
  readonly [number, (x: number) => number]
> = {
  bilinear: [1, x => Math.max(0, 1 - x)],
  bicubic: [2, keys],
  lanczos3: [3, x => sinc(x) * sinc(x / 3)],
  lanczos5: [5, x => sinc(x) * sinc(x / 5)],
  gaussian: [1.5, x => Math.exp(-(x ** 2) / (2 * 0.5 ** 2))],
  mitchellCubic: [2, mitchell],
};

/** The weights of a line's pixels for each position of a longer or shorter one. */
function weightsOf(from: number, to: number, options: ResizeOptions): number[][] {
  const {interpolation = 'bilinear', antialias = false, coordinates = 'halfPixel'} = options;
  const place = {
    halfPixel: (at: number) => ((at + 0.5) * from) / to - 0.5,
    alignCorners: (at: number) => (to === 1 ? 0 : (at * (from - 1)) / (to - 1)),
    asymmetric: (at: number) => (at * from) / to,
  }[coordinates];
  return Array.from({length: to}, (_, at) => {
    const own = new Array<number>(from).fill(0);
    if (interpolation === 'nearest') {
      const pixel = coordinates === 'asymmetric' ? Math.floor(place(at)) : Math.floor(place(at) + 0.5);
      own[Math.min(Math.max(pixel, 0), from - 1)] = 1;
      return own;
    }
    const scale = from / to;
    if (interpolation === 'area') {
      return own.map((__, i) => {
        const covered = Math.min(i + 1, (at + 1) * scale) - Math.max(i, at * scale);
        return Math.max(0, covered) / scale;
      });
    }
    const [radius, kernel] = kernels[interpolation];
    const width = antialias ? Math.max(1, scale) : 1;
    const raw = own.map((__, i) => {
      const distance = Math.abs(i - place(at)) / width;
      return distance < radius ? kernel(distance) : 0;
    });
    const sum = raw.reduce((a, b) => a + b);
    return raw.map(weight => weight / sum);
  });
}

/** Images [batch, height, width, channels] by the weights of both axes. */
function resized(
  x: ArrayLike<number>,
  [batch, height, width, channels]: readonly [number, number, number, number],
  [rows, columns]: readonly [number, number],
  options: ResizeOptions,
): number[] {
  const [down, across] = [weightsOf(height, rows, options), weightsOf(width, columns, options)];
  return Array.from({length: batch * rows * columns * channels}, (_, at) => {
    const channel = at % channels;
    const column = Math.floor(at / channels) % columns;
    const row = Math.floor(at / (channels * columns)) % rows;
    const image = Math.floor(at / (channels * columns * rows));
    let sum = 0;
    (down[row] as number[]).forEach((ofRow, i) => {
      (across[column] as number[]).forEach((ofColumn, j) => {
        sum += ofRow * ofColumn * (x[((image * height + i) * width + j) * channels + channel] as number);
      });
    });
    return sum;
  });
}

const [one, several] = [[2, 5, 7, 3] as const, [1, 9, 4, 1] as const];

function check(
  what: string,
  shape: typeof one | typeof several,
  size: readonly [number, number],
  options: ResizeOptions,
) {
  expectComposite(what, {
    build: x => ops.resize(x, size, options),
    exact: x => resized(x, shape as typeof one, size, options),
    operands: [reals(shape)],
    differentiable: 1,
    tolerance: 2e-6,
  });
}

describe('resize', () => {
  const methods = ['nearest', 'area', ...Object.keys(kernels)] as Interpolation[];
  it.each(methods)('%s, larger and smaller', interpolation => {
    check(interpolation, one, [8, 5], {interpolation});
    check(interpolation, several, [3, 11], {interpolation});
    check(`${interpolation} to one pixel`, one, [1, 1], {interpolation});
  });

  it.each(Object.keys(kernels) as Interpolation[])(
    '%s with a wider kernel where it becomes smaller',
    interpolation => {
      check(interpolation, one, [2, 10], {interpolation, antialias: true});
    },
  );

  it.each(['alignCorners', 'asymmetric'] as const)('%s', coordinates => {
    for (const interpolation of ['bilinear', 'nearest', 'bicubic'] as const) {
      check(coordinates, one, [9, 3], {interpolation, coordinates});
    }
  });

  it('of lines and of volumes', () => {
    const line = (x: Float64Array): number[] => resized(x, [2, 1, 5, 3], [1, 8], {});
    const operands = [reals([2, 5, 3])];
    expectComposite('line', {build: x => ops.resize(x, 8), exact: line, operands, differentiable: 1});
    const build = (x: Tensor): Tensor => ops.resize(x, [2, 3, 2], {interpolation: 'nearest'});
    const exact = (x: Float64Array): number[] =>
      Array.from({length: 12}, (_, at) => {
        const [i, j, k] = [Math.floor(at / 6), Math.floor(at / 2) % 3, at % 2];
        return x[((2 * i + 1) * 3 + j) * 4 + 2 * k + 1] as number;
      });
    expectComposite('volume', {build, exact, operands: [reals([1, 4, 3, 4, 1])], differentiable: 1});
  });

  it('a pixel that is no number does not reach where it has no weight', () => {
    const x = exactly([1, Number.NaN, 3, 4], [1, 4, 1]);
    const exact = () => [1, Number.NaN, 3, 4];
    const build = (t: Tensor): Tensor => ops.resize(ops.resize(t, 8, {interpolation: 'nearest'}), 4);
    const nearest = (t: Tensor): Tensor => ops.resize(t, 4, {interpolation: 'nearest'});
    expectComposite('nearest', {build: nearest, exact, operands: [x], differentiable: 0});
    expectComposite('there and back', {build, exact, operands: [x], differentiable: 0});
  });

  it('refuses what it cannot do', () => {
    const x = ops.ones([1, 4, 4, 1]);
    expect(() => ops.resize(x, 0)).toThrow(/^resize: size must be an integer above 0/);
    expect(() => ops.resize(x, [2, 2, 2])).toThrow(/^resize: size must be .*, or 2 of them/);
    expect(() => ops.resize(x, 2, {interpolation: untyped('cubic')})).toThrow(
      /^ops\.resize: interpolation: /,
    );
    expect(() => ops.resize(ops.ones([4, 4]), 2)).toThrow(/^resize: x must be \[batch, …, channels\]/);
  });
});

describe('cropAndResize', () => {
  const shape = [2, 4, 5, 2] as const;
  const boxes = exactly([0, 0, 1, 1, 0.2, 0.1, 0.7, 0.9, 0.9, 0.8, 0.1, 0.2, -0.3, 0.3, 0.4, 1.2], [4, 4]);
  const owners = wholly([1, 0, 0, 1]);
  const crop =
    (nearest: boolean, [rows, columns]: readonly [number, number]) =>
    (x: Float64Array, all: Float64Array): number[] =>
      [1, 0, 0, 1].flatMap((image, box) => {
        const [y1, x1, y2, x2] = all.slice(4 * box, 4 * box + 4) as unknown as readonly [
          number,
          number,
          number,
          number,
        ];
        const place = (low: number, high: number, size: number, count: number, at: number): number =>
          count === 1
            ? ((low + high) * (size - 1)) / 2
            : low * (size - 1) + (at * (high - low) * (size - 1)) / (count - 1);
        const pixel = (row: number, column: number, channel: number): number =>
          x[((image * 4 + Math.min(row, 3)) * 5 + Math.min(column, 4)) * 2 + channel] as number;
        return Array.from({length: rows * columns * 2}, (_, at) => {
          const [row, column, channel] = [
            Math.floor(at / (2 * columns)),
            Math.floor(at / 2) % columns,
            at % 2,
          ];
          const [y, left] = [place(y1, y2, 4, rows, row), place(x1, x2, 5, columns, column)];
          if (y < 0 || y > 3 || left < 0 || left > 4) return -7;
          if (nearest) return pixel(Math.floor(y + 0.5), Math.floor(left + 0.5), channel);
          const [top, first] = [Math.floor(y), Math.floor(left)];
          const line = (r: number): number =>
            pixel(r, first, channel) * (1 - left + first) + pixel(r, first + 1, channel) * (left - first);
          return line(top) * (1 - y + top) + line(top + 1) * (y - top);
        });
      });

  it.each([
    ['bilinear', [3, 4]],
    ['nearest', [3, 4]],
    ['bilinear', [1, 1]],
  ] as const)('%s to %s', (interpolation, size) => {
    const options = {interpolation, extrapolationValue: -7};
    expectComposite(`cropAndResize ${interpolation}`, {
      build: (x, all) => ops.cropAndResize(x, all, ops.constant(owners.data, [4], 'int32'), size, options),
      exact: crop(interpolation === 'nearest', size),
      operands: [reals(shape), boxes],
      differentiable: 1,
      tolerance: 1e-5,
    });
  });

  it('has gradients by the boxes', () => {
    const inner = exactly([0.11, 0.13, 0.83, 0.91], [1, 4]);
    const build = (all: Tensor, x: Tensor): Tensor =>
      ops.cropAndResize(x, all, ops.constant(Int32Array.of(1), [1], 'int32'), [2, 3]);
    const exact = (all: Float64Array, x: Float64Array): number[] => {
      const four = Float64Array.from([...all, ...all, ...all, ...all]);
      return crop(false, [2, 3])(x, four).slice(0, 12);
    };
    const operands = [inner, reals(shape)];
    expectComposite('boxes', {build, exact, operands, differentiable: 2, tolerance: 1e-5});
  });

  it('refuses boxes without an image', () => {
    const x = ops.ones([1, 4, 4, 1]);
    expect(() =>
      ops.cropAndResize(x, ops.ones([2, 4]), ops.constant(Int32Array.of(0), [1], 'int32'), 2),
    ).toThrow(/^cropAndResize: expected boxes \[n, 4\] and box indices \[n\]\. Received \[2,4\] and \[1\]/);
  });
});

describe('affineTransform', () => {
  it('maps places of the result to places of each image', () => {
    // Twice as large, moved by (1, −0.5); and a map of depth.
    const maps = exactly([0.5, 0, 1, 0, 0.5, -0.5, 0, 0, 1, 0.2, 0, 0.1, 1, 0.3, 0.05, 0.02], [2, 8]);
    const exact = (x: Float64Array, all: Float64Array): number[] =>
      Array.from({length: 2 * 3 * 4}, (_, at) => {
        const [image, row, column] = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4];
        const a = [...all.slice(8 * image, 8 * image + 8)] as number[];
        const of = (i: number): number => a[i] as number;
        const depth = of(6) * column + of(7) * row + 1;
        const left = (of(0) * column + of(1) * row + of(2)) / depth;
        const y = (of(3) * column + of(4) * row + of(5)) / depth;
        const pixel = (r: number, c: number): number =>
          r < 0 || c < 0 || r > 2 || c > 3 ? 9 : (x[(image * 3 + r) * 4 + c] as number);
        const [top, first] = [Math.floor(y), Math.floor(left)];
        const line = (r: number): number =>
          pixel(r, first) * (1 - left + first) + pixel(r, first + 1) * (left - first);
        return line(top) * (1 - y + top) + line(top + 1) * (y - top);
      });
    expectComposite('affineTransform', {
      build: (x, all) => ops.affineTransform(x, all, {fillMode: 'constant', fillValue: 9}),
      exact,
      operands: [reals([2, 3, 4, 1]), maps],
      differentiable: 1,
      tolerance: 1e-5,
    });
  });

  it('takes one map for all, and another size', () => {
    const build = (x: Tensor): Tensor =>
      ops.affineTransform(x, ops.constant(Float32Array.of(1, 0, 1, 0, 1, 0, 0, 0), [8]), {
        outputSize: [1, 2],
        interpolation: 'nearest',
      });
    const exact = (x: Float64Array): number[] => [x[1], x[2], x[7], x[8]] as number[];
    expectComposite('shift', {build, exact, operands: [reals([2, 2, 3, 1])], differentiable: 1});
    expect(() => ops.affineTransform(ops.ones([2, 2, 3, 1]), ops.ones([3, 8]))).toThrow(
      /^affineTransform: the transform must be \[8\] or \[2,8\]\. Received \[3,8\]/,
    );
  });
});

describe('windows and blocks', () => {
  it('extractPatches gives the windows of images, with strides, dilation and padding', () => {
    const build = (x: Tensor): Tensor =>
      ops.extractPatches(x, [2, 3], {strides: [2, 1], dilationRate: [1, 2], padding: 'same'});
    const exact = (x: Float64Array): number[] =>
      [0, 1].flatMap(image =>
        [0, 1, 2].flatMap(row =>
          [0, 1, 2, 3].flatMap(column =>
            [0, 1].flatMap(i =>
              [0, 1, 2].flatMap(j => {
                // 5 rows take one row of zeros behind them, 4 columns two on either side.
                const [r, c] = [2 * row + i, column + 2 * j - 2];
                return [0, 1].map(k => (r > 4 || c < 0 || c > 3 ? 0 : x[((image * 5 + r) * 4 + c) * 2 + k]));
              }),
            ),
          ),
        ),
      ) as number[];
    expectComposite('patches', {build, exact, operands: [reals([2, 5, 4, 2])], differentiable: 1});
  });

  it('extractPatches tiles lines and volumes by default', () => {
    const line = (x: Float64Array): ArrayLike<number> => x.slice(0, 6);
    const operands = [reals([1, 7, 1])];
    expectComposite('line', {build: x => ops.extractPatches(x, 2), exact: line, operands, differentiable: 1});
    expect(ops.extractPatches(ops.ones([2, 4, 4, 4, 3]), 2).shape).toEqual([2, 2, 2, 2, 24]);
  });

  it('depthToSpace and spaceToDepth undo each other', () => {
    const operand: Operand = reals([2, 3, 2, 12]);
    const build = (x: Tensor): Tensor => ops.spaceToDepth(ops.depthToSpace(x, 2), 2);
    expectComposite('both', {build, exact: x => x, operands: [operand], differentiable: 1});
    const bytes = integers([1, 2, 2, 4], 0, 9);
    const whole = ops.depthToSpace(ops.constant(bytes.data, bytes.shape, 'int32'), 2);
    expect([whole.dtype, whole.shape]).toEqual(['int32', [1, 4, 4, 1]]);
    expect(() => ops.spaceToDepth(ops.ones([1, 3, 4, 1]), 2)).toThrow(
      /^spaceToDepth: blocks of 2 · 2 pixels/,
    );
  });
});
