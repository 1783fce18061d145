/** The two 32-bit words of a seed, which may be any safe integer. */
export function seedWords(seed: number): [low: number, high: number] {
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0];
}
