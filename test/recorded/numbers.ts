/** The numbers of record_layers.py: from −1 to 1, exact in float32. */
export function numbers(shape: readonly number[], seed: number): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({length: count}, (_, at) => (((at * 7919 + seed * 104729) % 2039) - 1019) / 1024);
}
