// Hashes of text by which Keras and TensorFlow put categories into bins, so that bins are the same here:
// FarmHash's Fingerprint64 (Pike 2014), and SipHash-2-4 (Aumasson and Bernstein 2012), which takes a key.

const mask = (1n << 64n) - 1n;
const wrap = (value: bigint): bigint => value & mask;
const times = (a: bigint, b: bigint): bigint => (a * b) & mask;
const rotateRight = (value: bigint, by: bigint): bigint => wrap((value >> by) | (value << (64n - by)));
const rotateLeft = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)));

const encoder = new TextEncoder();

/** The bytes of a text, read as little-endian words. */
class Words {
  readonly length: number;
  readonly #view: DataView;

  constructor(text: string) {
    const bytes = encoder.encode(text);
    this.length = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  byte(at: number): number {
    return this.#view.getUint8(at);
  }

  short(at: number): bigint {
    return BigInt(this.#view.getUint32(at, true));
  }

  long(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }
}

const [k0, k1, k2] = [0xc3a5c85c97cb3127n, 0xb492b66fbe98f273n, 0x9ae16a3b2f90404fn];

const shiftMix = (value: bigint): bigint => value ^ (value >> 47n);

function mixed(u: bigint, v: bigint, factor: bigint): bigint {
  const a = shiftMix(times(u ^ v, factor));
  return times(shiftMix(times(v ^ a, factor)), factor);
}

function hashUpTo16(words: Words): bigint {
  const {length} = words;
  const size = BigInt(length);
  const factor = k2 + size * 2n;
  if (length >= 8) {
    const [a, b] = [wrap(words.long(0) + k2), words.long(length - 8)];
    const c = wrap(times(rotateRight(b, 37n), factor) + a);
    return mixed(c, times(wrap(rotateRight(a, 25n) + b), factor), factor);
  }
  if (length >= 4) return mixed(size + (words.short(0) << 3n), words.short(length - 4), factor);
  if (length === 0) return k2;
  const y = BigInt(words.byte(0) + (words.byte(length >> 1) << 8));
  const z = BigInt(length + (words.byte(length - 1) << 2));
  return times(shiftMix(times(y, k2) ^ times(z, k0)), k2);
}

function hashUpTo32(words: Words): bigint {
  const {length} = words;
  const factor = k2 + BigInt(length) * 2n;
  const [a, b] = [times(words.long(0), k1), words.long(8)];
  const [c, d] = [times(words.long(length - 8), factor), times(words.long(length - 16), k2)];
  const u = wrap(rotateRight(wrap(a + b), 43n) + rotateRight(c, 30n) + d);
  return mixed(u, wrap(a + rotateRight(wrap(b + k2), 18n) + c), factor);
}

function hashUpTo64(words: Words): bigint {
  const {length} = words;
  const factor = k2 + BigInt(length) * 2n;
  const [a, b] = [times(words.long(0), k2), words.long(8)];
  const [c, d] = [times(words.long(length - 8), factor), times(words.long(length - 16), k2)];
  const y = wrap(rotateRight(wrap(a + b), 43n) + rotateRight(c, 30n) + d);
  const z = mixed(y, wrap(a + rotateRight(wrap(b + k2), 18n) + c), factor);
  const [e, f] = [times(words.long(16), factor), words.long(24)];
  const g = times(wrap(y + words.long(length - 32)), factor);
  const h = times(wrap(z + words.long(length - 24)), factor);
  const u = wrap(rotateRight(wrap(e + f), 43n) + rotateRight(g, 30n) + h);
  return mixed(u, wrap(e + rotateRight(wrap(f + a), 18n) + g), factor);
}

type Pair = readonly [bigint, bigint];

/** A weak hash of 32 bytes with two seeds. */
function weakHash(words: Words, at: number, first: bigint, second: bigint): Pair {
  const z = words.long(at + 24);
  const a = wrap(first + words.long(at));
  const b = rotateRight(wrap(second + a + z), 21n);
  const sum = wrap(a + words.long(at + 8) + words.long(at + 16));
  return [wrap(sum + z), wrap(b + rotateRight(sum, 44n) + a)];
}

interface Blocks {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly v: Pair;
  readonly w: Pair;
}

/** One block of 64 bytes; `factor` is k1 but for the last one. */
function block(words: Words, at: number, {x, y, z, v, w}: Blocks, factor: bigint, last: boolean): Blocks {
  const share = last ? 9n : 1n;
  const nextX = times(rotateRight(wrap(x + y + v[0] + words.long(at + 8)), 37n), factor) ^ wrap(w[1] * share);
  const turned = times(rotateRight(wrap(y + v[1] + words.long(at + 48)), 42n), factor);
  const nextY = wrap(turned + v[0] * share + words.long(at + 40));
  const nextZ = times(rotateRight(wrap(z + w[0]), 33n), factor);
  const nextV = weakHash(words, at, times(v[1], factor), wrap(nextX + w[0]));
  const nextW = weakHash(words, at + 32, wrap(nextZ + w[1]), wrap(nextY + words.long(at + 16)));
  return {x: nextZ, y: nextY, z: nextX, v: nextV, w: nextW};
}

function hashLong(words: Words): bigint {
  const {length} = words;
  const seed = 81n;
  const y = wrap(seed * k1 + 113n);
  const z = times(shiftMix(wrap(y * k2 + 113n)), k2);
  let state: Blocks = {x: wrap(seed * k2 + words.long(0)), y, z, v: [0n, 0n], w: [0n, 0n]};
  const end = Math.floor((length - 1) / 64) * 64;
  for (let at = 0; at < end; at += 64) state = block(words, at, state, k1, false);
  const rest = (length - 1) & 63;
  const factor = wrap(k1 + ((state.z & 0xffn) << 1n));
  const w0 = wrap(state.w[0] + BigInt(rest));
  const v0 = wrap(state.v[0] + w0);
  const before: Blocks = {...state, v: [v0, state.v[1]], w: [wrap(w0 + v0), state.w[1]]};
  const {x, y: lastY, z: lastZ, v, w} = block(words, end + rest - 63, before, factor, true);
  const first = wrap(mixed(v[0], w[0], factor) + times(shiftMix(lastY), k0) + lastZ);
  return mixed(first, wrap(mixed(v[1], w[1], factor) + x), factor);
}

/** FarmHash's Fingerprint64 of the UTF-8 bytes of a text. */
export function farmHash64(text: string): bigint {
  const words = new Words(text);
  if (words.length <= 16) return hashUpTo16(words);
  if (words.length <= 32) return hashUpTo32(words);
  return words.length <= 64 ? hashUpTo64(words) : hashLong(words);
}

/** SipHash-2-4 of the UTF-8 bytes of a text, by a key of two words of 64 bits. */
export function sipHash64(text: string, [low, high]: Pair): bigint {
  const words = new Words(text);
  let [a, b, c, d] = [
    low ^ 0x736f6d6570736575n,
    high ^ 0x646f72616e646f6dn,
    low ^ 0x6c7967656e657261n,
    high ^ 0x7465646279746573n,
  ];
  const round = (): void => {
    a = wrap(a + b);
    c = wrap(c + d);
    b = rotateLeft(b, 13n) ^ a;
    d = rotateLeft(d, 16n) ^ c;
    a = rotateLeft(a, 32n);
    c = wrap(c + b);
    a = wrap(a + d);
    b = rotateLeft(b, 17n) ^ c;
    d = rotateLeft(d, 21n) ^ a;
    c = rotateLeft(c, 32n);
  };
  const take = (word: bigint): void => {
    d ^= word;
    round();
    round();
    a ^= word;
  };
  const whole = words.length - (words.length % 8);
  for (let at = 0; at < whole; at += 8) take(words.long(at));
  let last = BigInt(words.length & 0xff) << 56n;
  for (let at = whole; at < words.length; at++) last |= BigInt(words.byte(at)) << BigInt(8 * (at - whole));
  take(last);
  c ^= 0xffn;
  for (let turn = 0; turn < 4; turn++) round();
  return a ^ b ^ c ^ d;
}

/** One number stands for both words of the key. */
export type Salt = number | readonly [number, number];

/** Which of `count` bins a text is in: by FarmHash, or by SipHash with a salt. */
export function binOf(text: string, count: number, salt?: Salt): number {
  const pair = typeof salt === 'number' ? [salt, salt] : salt;
  const key = pair && ([BigInt(pair[0] as number), BigInt(pair[1] as number)] as const);
  return Number((key ? sipHash64(text, key) : farmHash64(text)) % BigInt(count));
}
