// Images made larger or smaller, axis by axis.
import {checkBoolean, checkChoice, checkOptions} from '../core/errors.ts';
import {formatShape, sizeOf} from '../core/shape.ts';
import {checkTensor, failIn, type Tensor} from '../core/tensor.ts';
import {type Band, bandOf, resample} from './resample.ts';
import {checkImage, type PerAxis, perAxis} from './spatial.ts';

/** How pixels between those of an image are computed. */
export type Interpolation =
  | 'nearest'
  | 'bilinear'
  | 'bicubic'
  | 'area'
  | 'lanczos3'
  | 'lanczos5'
  | 'gaussian'
  | 'mitchellCubic';

const interpolations: readonly Interpolation[] = [
  ...(['nearest', 'bilinear', 'bicubic', 'area'] as const),
  ...(['lanczos3', 'lanczos5', 'gaussian', 'mitchellCubic'] as const),
];

const coordinateKinds = ['halfPixel', 'alignCorners', 'asymmetric'] as const;

export interface ResizeOptions {
  /**
   * `bilinear` (the default), `nearest`, `bicubic` (Keys 1981, a = −0.5), `area` (the mean of what a pixel
   * covers), `lanczos3`, `lanczos5`, `gaussian`, `mitchellCubic` (Mitchell and Netravali 1988).
   */
  readonly interpolation?: Interpolation;
  /** Whether to widen the kernel where images become smaller, so that no pixel is passed over. */
  readonly antialias?: boolean;
  /**
   * Where pixels of the result lie: `halfPixel` (the default) has the middles of pixels 0.5 from the border,
   * `alignCorners` puts the first and the last upon those of the image, `asymmetric` the first alone.
   */
  readonly coordinates?: (typeof coordinateKinds)[number];
}

interface Kernel {
  readonly radius: number;
  weight(distance: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const lanczos = (radius: number): Kernel => ({
  radius,
  weight: x => (x < radius ? sinc(x) * sinc(x / radius) : 0),
});

const kernels: Readonly<Record<Exclude<Interpolation, 'nearest' | 'area'>, Kernel>> = {
  bilinear: {radius: 1, weight: x => Math.max(0, 1 - x)},
  bicubic: {
    radius: 2,
    weight: x => {
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
  // A deviation of half a pixel, cut off at three of them.
  gaussian: {radius: 1.5, weight: x => (x < 1.5 ? Math.exp(-2 * x * x) : 0)},
  mitchellCubic: {
    radius: 2,
    weight: x => {
      if (x < 1) return ((7 * x - 12) * x * x + 16 / 3) / 6;
      return x < 2 ? (((-7 / 3) * x + 12) * x * x - 20 * x + 32 / 3) / 6 : 0;
    },
  },
};

/** From a position of the result to the place in the image, where pixel i lies at i. */
function placeOf(from: number, to: number, kind: (typeof coordinateKinds)[number]): (at: number) => number {
  const scale = from / to;
  if (kind === 'halfPixel') return at => (at + 0.5) * scale - 0.5;
  if (kind === 'asymmetric') return at => at * scale;
  return at => (to === 1 ? 0 : (at * (from - 1)) / (to - 1));
}

const within = (at: number, size: number): number => Math.min(Math.max(at, 0), size - 1);

function nearestBand(from: number, to: number, kind: (typeof coordinateKinds)[number]): Band {
  const place = placeOf(from, to, kind);
  // The pixel that a place lies in; of what is aligned at the corners, the nearest.
  const offset = kind === 'asymmetric' ? 0 : 0.5;
  return bandOf(
    from,
    Array.from({length: to}, (_, at) => ({
      start: within(Math.floor(place(at) + offset), from),
      weights: [1],
    })),
  );
}

function areaBand(from: number, to: number): Band {
  const scale = from / to;
  return bandOf(
    from,
    Array.from({length: to}, (_, at) => {
      const [low, high] = [at * scale, (at + 1) * scale];
      const start = Math.floor(low);
      const count = Math.max(1, Math.ceil(high - 1e-9) - start);
      const covered = Array.from({length: count}, (__, tap) =>
        Math.max(0, Math.min(high, start + tap + 1) - Math.max(low, start + tap)),
      );
      const whole = covered.reduce((sum, own) => sum + own, 0);
      return {start, weights: covered.map(own => own / whole)};
    }),
  );
}

/** The weights by which an axis of one size becomes one of another. */
export function resizingBand(from: number, to: number, options: ResizeOptions = {}): Band {
  const {interpolation = 'bilinear', antialias = false, coordinates = 'halfPixel'} = options;
  if (interpolation === 'nearest') return nearestBand(from, to, coordinates);
  if (interpolation === 'area') return areaBand(from, to);
  const {radius, weight} = kernels[interpolation];
  const place = placeOf(from, to, coordinates);
  const width = antialias ? Math.max(1, from / to) : 1;
  return bandOf(
    from,
    Array.from({length: to}, (_, at) => {
      const center = within(place(at), from);
      // Beyond the border, at half a pixel from it, other pixels weigh as they do from where they are seen.
      const middle = place(at);
      const first = Math.max(0, Math.ceil(middle - radius * width));
      const last = Math.min(from - 1, Math.floor(middle + radius * width));
      const own: number[] = [];
      for (let pixel = first; pixel <= last; pixel++) own.push(weight(Math.abs(pixel - middle) / width));
      const sum = own.reduce((all, each) => all + each, 0);
      if (Math.abs(sum) < 1e-6) return {start: Math.round(center), weights: [1]};
      return {start: first, weights: own.map(each => each / sum)};
    }),
  );
}

/** Of an axis: each of its pixels has weights of its own. */
const largestSize = 2 ** 20;

/** @throws ERR_OPTION */
export function checkResizing(where: string, options: ResizeOptions): void {
  const {interpolation, antialias, coordinates} = options;
  if (interpolation !== undefined) checkChoice(`${where}: interpolation`, interpolation, interpolations);
  if (antialias !== undefined) checkBoolean(`${where}: antialias`, antialias);
  if (coordinates !== undefined) checkChoice(`${where}: coordinates`, coordinates, coordinateKinds);
}

/**
 * Images [batch, …sizes, channels] of one to three axes in another size: one number for all axes, or one for
 * each. At borders the weights of the pixels that are there are scaled to a sum of 1.
 *
 * @throws ERR_SHAPE, ERR_VALUE, ERR_OPTION.
 */
export function resize(x: Tensor, size: PerAxis, options: ResizeOptions = {}): Tensor {
  checkTensor('resize', 'x', x);
  checkOptions('ops.resize', options, ['interpolation', 'antialias', 'coordinates']);
  checkResizing('ops.resize', options);
  checkImage('resize', 'x', x.shape);
  const sizes = perAxis('resize', 'size', size, x.rank - 2);
  const from = x.shape.slice(1, -1);
  if (sizeOf(from) === 0) {
    failIn('resize', 'ERR_SHAPE', `images must have pixels. Received ${formatShape(x.shape)}`);
  }
  const largest = sizes.reduce((most, own) => Math.max(most, own));
  if (largest > largestSize) {
    failIn('resize', 'ERR_VALUE', `size [${sizes}]: an axis can have ${largestSize} pixels at most`);
  }
  const growth = (axis: number): number => (sizes[axis] as number) / (from[axis] as number);
  // What becomes smallest comes first, so that the others have less to do.
  const axes = from.map((_, axis) => axis).sort((a, b) => growth(a) - growth(b));
  return axes.reduce((y, axis) => {
    const [own, wanted] = [from[axis] as number, sizes[axis] as number];
    return own === wanted ? y : resample(y, axis + 1, resizingBand(own, wanted, options));
  }, x);
}
