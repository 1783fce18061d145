// The oracle's random numbers: Philox4x32-10 (Salmon et al. 2011) in plain integers, and the normal
// quantile as the root of its distribution function, so that nothing is shared with the kernels' rational
// approximations.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';

const multipliers = [0xd2511f53n, 0xcd9e8d57n] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;

/** Ten rounds on a counter of four words with a key of two. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter.map(word => word >>> 0) as [number, number, number, number];
  let [k0, k1] = key.map(word => word >>> 0) as [number, number];
  for (let round = 0; round < 10; round++) {
    const first = BigInt(c0) * multipliers[0];
    const second = BigInt(c2) * multipliers[1];
    const [high0, low0] = [Number(first >> 32n), Number(first & 0xffffffffn)];
    const [high1, low1] = [Number(second >> 32n), Number(second & 0xffffffffn)];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + weyl[0]) >>> 0, (k1 + weyl[1]) >>> 0];
  }
  return [c0, c1, c2, c3];
}

/** Area under the standard normal from 0 to z, by its Taylor series (Marsaglia 2004). */
function areaFromZero(z: number): number {
  let term = z;
  let sum = z;
  for (let odd = 3, before = Number.NaN; sum !== before; odd += 2) {
    before = sum;
    term *= (z * z) / odd;
    sum += term;
  }
  return sum * Math.exp(-0.5 * z * z - 0.5 * Math.log(2 * Math.PI));
}

/** Distribution function of the standard normal. */
export const normalDistribution = (z: number): number => 0.5 + areaFromZero(z);

/** The error function; from 6 on it is 1 in float64. */
export const erf = (x: number): number => (Math.abs(x) < 6 ? 2 * areaFromZero(x * Math.SQRT2) : Math.sign(x));

/** Root of normalDistribution(z) = p by Newton's method, which descends from 0 without overshooting. */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  let z = 0;
  for (let step = 0; step < 200; step++) {
    const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
    const change = (normalDistribution(z) - p) / density;
    z -= change;
    if (Math.abs(change) < 1e-14 * Math.max(1, Math.abs(z))) break;
  }
  return z;
}

/** Where truncated normals end, in deviations. */
const cut = 2;

type FromUniform = (uniform: number, attributes: Record<string, number>) => number;

/** 24 random bits for each element: element i is word (i % 64) / 16 of block 16·⌊i / 64⌋ + i % 16. */
function randomRule(fromUniform: FromUniform): Rule {
  return (call: Call, [seed, step, iterations]: Values[]) => {
    const {stream, ...rest} = call.attributes as {stream: number};
    const attributes = Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name, typeof value === 'number' ? Math.fround(value) : 0]),
    );
    const result = new Float64Array((call.outputs[0] as Tensor).size);
    // In a loop, elements count from 0 for each iteration, whose number stands in the block's high word.
    const each = result.length / (iterations?.length ?? 1);
    const blocks = new Map<string, number[]>();
    for (let at = 0; at < result.length; at++) {
      const i = at % each;
      const block = 16 * Math.floor(i / 64) + (i % 16);
      const iteration = iterations ? (iterations[Math.floor(at / each)] as number) + 1 : 0;
      const high = Math.floor(block / 2 ** 32) ^ (iteration << 10);
      const words =
        blocks.get(`${block} ${high}`) ??
        philox([block, high, step?.[0] as number, stream], Array.from(seed as Values));
      blocks.set(`${block} ${high}`, words);
      const bits = words[Math.floor((i % 64) / 16)] as number;
      result[at] = fromUniform((bits >>> 8) * 2 ** -24, attributes);
    }
    return [result];
  };
}

export const randomRules: Record<string, Rule> = {
  randomUniform: randomRule((u, {low = 0, high = 1}) => low + u * (high - low)),
  randomBernoulli: randomRule((u, {probability = 0}) => (u < probability ? 1 : 0)),
  randomNormal: randomRule((u, {mean = 0, deviation = 1}) => mean + deviation * normalQuantile(u + 2 ** -25)),
  randomTruncatedNormal: randomRule((u, {mean = 0, deviation = 1}) => {
    const [low, high] = [normalDistribution(-cut), normalDistribution(cut)];
    return mean + deviation * normalQuantile(low + u * (high - low));
  }),
};
