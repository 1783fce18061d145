// Discrete Fourier transforms along the last axis, of any length, as products with small matrices: a length
// that has factors is cut into two of them (Cooley and Tukey 1965), a long prime is a convolution (Bluestein
// 1970). So they have gradients, and take many lines at once.
import {formatShape} from '../core/shape.ts';
import {checkTensor, constant, failIn, type Tensor} from '../core/tensor.ts';
import {matmul} from './gemm.ts';
import {add, mul, sub} from './map.ts';
import {reshape, transpose} from './move.ts';
import {pad, slice} from './pad.ts';

/** Real and imaginary parts. */
export type ComplexPair = readonly [real: Tensor, imaginary: Tensor];

/** Numbers of a table, which are the same for all lines. */
interface Table {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** Up to this length a transform is one product; the largest prime that is no convolution. */
const [mostDirect, mostPrime] = [64, 256];

/** −1 forwards, 1 backwards: the sign of the angle. */
type Sign = -1 | 1;

/** exp(sign · 2πi · turns(at)) for each number of a table. */
function roots(count: number, sign: Sign, turns: (at: number) => number): Table {
  const [real, imaginary] = [new Float64Array(count), new Float64Array(count)];
  for (let at = 0; at < count; at++) {
    const angle = 2 * Math.PI * turns(at);
    real[at] = Math.cos(angle);
    imaginary[at] = sign * Math.sin(angle);
  }
  return {real, imaginary};
}

const asTensors = ({real, imaginary}: Table, shape: readonly number[]): ComplexPair => [
  constant(Float32Array.from(real), shape),
  constant(Float32Array.from(imaginary), shape),
];

const times = ([a, b]: ComplexPair, [c, d]: ComplexPair): ComplexPair => [
  sub(mul(a, c), mul(b, d)),
  add(mul(a, d), mul(b, c)),
];

const each = ([a, b]: ComplexPair, change: (part: Tensor) => Tensor): ComplexPair => [change(a), change(b)];

/** The matrix of a transform, whose product with a line it is. */
const matrixOf = (n: number, sign: Sign): ComplexPair =>
  asTensors(
    roots(n * n, sign, at => ((Math.floor(at / n) * (at % n)) % n) / n),
    [n, n],
  );

/** `multiply(part of the lines, part of the matrix)` is a product on either side. */
function byMatrix(
  [a, b]: ComplexPair,
  [c, d]: ComplexPair,
  multiply: (x: Tensor, matrix: Tensor) => Tensor,
): ComplexPair {
  return [sub(multiply(a, c), multiply(b, d)), add(multiply(a, d), multiply(b, c))];
}

/** The factor to cut off first: near the root, and a small product, else the smallest there is. */
function factorOf(n: number): number {
  const root = Math.floor(Math.sqrt(n));
  for (let factor = Math.min(mostDirect, root); factor > 1; factor--) if (n % factor === 0) return factor;
  for (let factor = mostDirect + 1; factor <= root; factor++) if (n % factor === 0) return factor;
  return n;
}

/** Lines [rows, n]. */
function transform(x: ComplexPair, rows: number, n: number, sign: Sign): ComplexPair {
  if (n === 1) return x;
  const first = n <= mostDirect ? n : factorOf(n);
  if (first < n && first <= mostPrime) return cut(x, rows, [first, n / first], sign);
  if (n > mostPrime) return convolved(x, rows, n, sign);
  return byMatrix(x, matrixOf(n, sign), (lines, matrix) => matmul(lines, matrix));
}

/** j = second · j1 + j2, k = k1 + first · k2: over j1 first, a turn for each (k1, j2), then over j2. */
function cut(
  x: ComplexPair,
  rows: number,
  [first, second]: readonly [number, number],
  sign: Sign,
): ComplexPair {
  const n = first * second;
  const blocks = each(x, part => reshape(part, [rows, first, second]));
  const over1 = byMatrix(blocks, matrixOf(first, sign), (part, matrix) => matmul(matrix, part));
  const turns = roots(n, sign, at => (Math.floor(at / second) * (at % second)) / n);
  const turned = times(over1, asTensors(turns, [first, second]));
  const lines = each(turned, part => reshape(part, [rows * first, second]));
  const over2 = transform(lines, rows * first, second, sign);
  return each(over2, part => reshape(transpose(reshape(part, [rows, first, second]), [0, 2, 1]), [rows, n]));
}

/** In float64, of a power of two: for the table of a convolution. */
function transformOfTable({real, imaginary}: Table): Table {
  const n = real.length;
  if (n === 1) return {real, imaginary};
  const half = (offset: number): Table =>
    transformOfTable({
      real: real.filter((_, at) => at % 2 === offset),
      imaginary: imaginary.filter((_, at) => at % 2 === offset),
    });
  const [even, odd, turns] = [half(0), half(1), roots(n / 2, -1, at => at / n)];
  const result = {real: new Float64Array(n), imaginary: new Float64Array(n)};
  for (let at = 0; at < n / 2; at++) {
    const [c, s] = [turns.real[at] as number, turns.imaginary[at] as number];
    const [a, b] = [odd.real[at] as number, odd.imaginary[at] as number];
    const [real1, imaginary1] = [a * c - b * s, a * s + b * c];
    const [real0, imaginary0] = [even.real[at] as number, even.imaginary[at] as number];
    result.real.set([real0 + real1], at);
    result.imaginary.set([imaginary0 + imaginary1], at);
    result.real.set([real0 - real1], at + n / 2);
    result.imaginary.set([imaginary0 - imaginary1], at + n / 2);
  }
  return result;
}

/** jk = (j² + k² − (k − j)²) / 2: a turn of each number, a convolution with turns, and a turn again. */
function convolved(x: ComplexPair, rows: number, n: number, sign: Sign): ComplexPair {
  // k² modulo 2n, so that the angle keeps its digits.
  const square = (k: number): number => ((k * k) % (2 * n)) / (2 * n);
  const turns = roots(n, sign, square);
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const kernel: Table = {real: new Float64Array(size), imaginary: new Float64Array(size)};
  for (let k = 0; k < n; k++) {
    for (const at of k === 0 ? [0] : [k, size - k]) {
      kernel.real[at] = turns.real[k] as number;
      kernel.imaginary[at] = -(turns.imaginary[k] as number);
    }
  }
  const spectrum = transformOfTable(kernel);
  // The transform back is to be divided by its length: the table is, in float64.
  const scaled = {
    real: spectrum.real.map(own => own / size),
    imaginary: spectrum.imaginary.map(own => own / size),
  };
  const [chirp, table] = [asTensors(turns, [n]), asTensors(scaled, [size])];
  const padded = each(times(x, chirp), part =>
    pad(part, [
      [0, 0],
      [0, size - n],
    ]),
  );
  const product = times(transform(padded, rows, size, -1), table);
  const back = transform(product, rows, size, 1);
  return times(
    each(back, part => slice(part, [0, 0], [rows, n])),
    chirp,
  );
}

function along(op: string, [real, imaginary]: ComplexPair, sign: Sign): ComplexPair {
  checkTensor(op, 'real', real);
  checkTensor(op, 'imaginary', imaginary);
  const {shape} = real;
  const n = shape.at(-1) ?? 0;
  if (formatShape(shape) !== formatShape(imaginary.shape) || n < 1) {
    const wanted = 'both parts must have one shape, with numbers along its last axis';
    const received = `Received ${formatShape(shape)} and ${formatShape(imaginary.shape)}`;
    failIn(op, 'ERR_SHAPE', `${wanted}. ${received}`);
  }
  const rows = real.size / n;
  const lines = each([real, imaginary], part => reshape(part, [rows, n]));
  const result = each(transform(lines, rows, n, sign), part => reshape(part, shape));
  return sign === 1 ? each(result, part => mul(part, 1 / n)) : result;
}

/**
 * The discrete Fourier transform along the last axis, of any length: X[k] = Σ_j x[j] · exp(−2πi · jk / n),
 * from real and imaginary parts to real and imaginary parts, as Keras's `fft`.
 *
 * @throws ERR_SHAPE where the parts differ in shape, or have nothing along the last axis.
 */
export const fft = (x: ComplexPair): ComplexPair => along('fft', x, -1);

/** What undoes `fft`: x[j] = 1/n · Σ_k X[k] · exp(2πi · jk / n). */
export const ifft = (x: ComplexPair): ComplexPair => along('ifft', x, 1);
