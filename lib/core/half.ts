// The bits of float16 and bfloat16 numbers, for engines that have no arrays of them. Rounded to nearest, ties
// to even; twin of native/simd/half.h.

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return word[0] as number;
}

function ofBits(bits: number): number {
  word[0] = bits;
  return float[0] as number;
}

/** The bits of the float16 next to a number; infinity from 65,520 on. */
export function toFloat16(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x47800000) return sign | 0x7c00;
  // Adding 0.5 leaves a denormal float16 in the low bits, rounded.
  if (size < 0x38800000) return sign | (bitsOf(ofBits(size) + 0.5) - 0x3f000000);
  const lastKept = (size >>> 13) & 1;
  return sign | ((size - 0x38000000 + 0xfff + lastKept) >>> 13);
}

export function fromFloat16(bits: number): number {
  const size = bits & 0x7fff;
  const number = size > 0x7bff ? ofBits((size << 13) | 0x7f800000) : ofBits(size << 13) * 2 ** 112;
  return bits & 0x8000 ? -number : number;
}

/** The upper half of the float32 next to a number, rounded. */
export function toBfloat16(value: number): number {
  const bits = bitsOf(value);
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

export const fromBfloat16 = (bits: number): number => ofBits(bits << 16);
