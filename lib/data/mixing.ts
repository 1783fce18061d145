// Batches whose samples are mixed with others of the same batch, inputs and targets alike.
import {dtypeOfArray} from '../core/dtype.ts';
import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {isShaped, show} from '../core/kinds.ts';
import {formatShape} from '../core/shape.ts';
import type {NumberArray, ShapedArray} from './arrays.ts';
import {counterBased, shuffleRows} from './order.ts';
import {isRecord, mapTree} from './tree.ts';

export interface MixOptions {
  /** Of the distribution Beta(alpha, alpha) of shares: 0.2 for `mixUp`, 1 for `cutMix` by default. */
  readonly alpha?: number;
  /** Decides partners and shares, together with the pass and the batch. 0 by default. */
  readonly seed?: number;
}

/** Mixes a batch, `number` batches after the first of a pass. */
export type Mix = (element: unknown, pass: number, number: number) => unknown;

/** Uniform numbers in (0, 1), one after another. */
type Uniform = () => number;

function uniformOf(seed: number, pass: number, batch: number): Uniform {
  const random = counterBased(counterBased(seed, pass)(batch), 0x6d69);
  let position = 0;
  return () => (random(position++) + 0.5) / 2 ** 32;
}

/** Gamma-distributed with this shape (Marsaglia and Tsang 2000). */
function gamma(shape: number, uniform: Uniform): number {
  if (shape < 1) return gamma(shape + 1, uniform) * uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const v = (1 + normal / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(uniform()) < 0.5 * normal ** 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

function beta(alpha: number, uniform: Uniform): number {
  const [a, b] = [gamma(alpha, uniform), gamma(alpha, uniform)];
  return a + b === 0 ? 0.5 : a / (a + b);
}

interface Options {
  readonly alpha: number;
  readonly seed: number;
}

function checked(where: string, options: MixOptions, byDefault: number): Options {
  checkOptions(where, options, ['alpha', 'seed']);
  const {alpha = byDefault, seed = 0} = options;
  checkNumber(`${where}: alpha`, alpha, {above: 0, max: 1e6});
  checkNumber(`${where}: seed`, seed, {integer: true});
  return {alpha, seed};
}

const isArray = (value: unknown): value is ShapedArray =>
  isShaped(value) && Array.isArray(value.shape) && ArrayBuffer.isView(value.data);

interface Parts {
  readonly xs: unknown;
  readonly ys: unknown;
}

/** The arrays of a batch. @throws ERR_VALUE for what is none, and for class labels, which cannot be mixed. */
function partsOf(where: string, element: unknown): Parts {
  const given = isRecord(element) ? (element as {xs?: unknown; ys?: unknown}) : {};
  const instead = 'dataset.batch(32) before it makes batches of {xs, ys}';
  const array = (name: string) => (value: unknown, path: string) => {
    if (isArray(value) && value.shape.length >= 1) return value;
    return fail(
      'ERR_VALUE',
      `${where}: ${path || name}: expected a batch. Received ${show(value)}; ${instead}.`,
    );
  };
  mapTree(given.xs, array('xs'), 'xs');
  mapTree(given.ys, array('ys'), 'ys');
  mapTree(given.ys, (value, path) => {
    const {data, shape} = value as ShapedArray;
    if (dtypeOfArray(data) === 'float32' || shape.length > 1) return value;
    const what = `${path || 'ys'}: class labels ${formatShape(shape)} cannot be mixed`;
    return fail('ERR_VALUE', `${where}: ${what}; data.oneHot(labels) makes rows that can.`);
  });
  return given as Parts;
}

const batchOf = (tree: unknown): number => {
  let size = 0;
  mapTree(tree, value => {
    size = (value as ShapedArray).shape[0] as number;
    return value;
  });
  return size;
};

/** share · a + (1 − share) · b of each sample and its partner. */
function blended(value: unknown, partners: Int32Array, shares: Float64Array): ShapedArray {
  const {data, shape, ...rest} = value as ShapedArray;
  const width = data.length / Math.max(1, partners.length);
  const mixed = new Float32Array(data.length);
  partners.forEach((partner, row) => {
    const share = shares[row] as number;
    for (let at = 0; at < width; at++) {
      const own = data[row * width + at] as number;
      mixed[row * width + at] = share * own + (1 - share) * (data[partner * width + at] as number);
    }
  });
  return {...rest, data: mixed, shape};
}

function partnersOf(seed: number, pass: number, number: number, count: number): Int32Array {
  const partners = new Int32Array(count);
  shuffleRows(partners, counterBased(seed, pass)(number), 0x7061);
  return partners;
}

/** mixup (Zhang et al. 2018): inputs and targets are share · sample + (1 − share) · another of the batch. */
export function mixUpOf(options: MixOptions = {}): Mix {
  const where = 'Dataset.mixUp';
  const {alpha, seed} = checked(where, options, 0.2);
  return (element, pass, number) => {
    const {xs, ys} = partsOf(where, element);
    const count = batchOf(xs);
    const uniform = uniformOf(seed, pass, number);
    const partners = partnersOf(seed, pass, number, count);
    const shares = Float64Array.from({length: count}, () => beta(alpha, uniform));
    const mix = (value: unknown): unknown => blended(value, partners, shares);
    return {...(element as Parts), xs: mapTree(xs, mix), ys: mapTree(ys, mix)};
  };
}

interface Box {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A box of a share of the image, whose middle lies anywhere in it. */
function boxIn(height: number, width: number, share: number, uniform: Uniform): Box {
  const [rows, columns] = [height, width].map(size => size * Math.sqrt(share)) as [number, number];
  const [y, x] = [uniform() * height, uniform() * width];
  const within = (at: number, size: number): number => Math.min(Math.max(Math.round(at), 0), size);
  return {
    top: within(y - rows / 2, height),
    left: within(x - columns / 2, width),
    bottom: within(y + rows / 2, height),
    right: within(x + columns / 2, width),
  };
}

function withBoxes(value: unknown, partners: Int32Array, boxes: readonly Box[]): ShapedArray {
  const {data, shape, ...rest} = value as ShapedArray;
  const [, height, width, channels] = shape as readonly [number, number, number, number];
  const mixed = data.slice() as NumberArray;
  partners.forEach((partner, row) => {
    const {top, left, bottom, right} = boxes[row] as Box;
    for (let y = top; y < bottom; y++) {
      const at = (image: number): number => ((image * height + y) * width + left) * channels;
      mixed.set(data.subarray(at(partner), at(partner) + (right - left) * channels), at(row));
    }
  });
  return {...rest, data: mixed, shape};
}

/**
 * CutMix (Yun et al. 2019): a box of each image is that of another of the batch, and targets are mixed by the
 * share of the image that is left. Images stay of the type that they are.
 */
export function cutMixOf(options: MixOptions = {}): Mix {
  const where = 'Dataset.cutMix';
  const {alpha, seed} = checked(where, options, 1);
  return (element, pass, number) => {
    const {xs, ys} = partsOf(where, element);
    if (!isArray(xs) || xs.shape.length !== 4) {
      const received = isArray(xs) ? formatShape(xs.shape) : show(xs);
      fail(
        'ERR_SHAPE',
        `${where}: xs: expected images [batch, height, width, channels]. Received ${received}.`,
      );
    }
    const [count, height, width] = xs.shape as unknown as readonly [number, number, number];
    const uniform = uniformOf(seed, pass, number);
    const partners = partnersOf(seed, pass, number, count);
    const boxes = Array.from(partners, () => boxIn(height, width, 1 - beta(alpha, uniform), uniform));
    const shares = Float64Array.from(
      boxes,
      ({top, left, bottom, right}) => 1 - ((bottom - top) * (right - left)) / (height * width),
    );
    const mix = (value: unknown): unknown => blended(value, partners, shares);
    return {...(element as Parts), xs: withBoxes(xs, partners, boxes), ys: mapTree(ys, mix)};
  };
}

/** The batches of a pass, mixed. */
export async function* mixedPass(
  elements: AsyncIterable<unknown>,
  pass: number,
  mix: Mix,
): AsyncGenerator<unknown> {
  let number = 0;
  for await (const element of elements) yield mix(element, pass, number++);
}
