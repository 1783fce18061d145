// The blocks of MobileNetV1, for whoever builds it: this library, TensorFlow.js.

/** Filters and strides of each block (Howard et al. 2017). */
export const mobileNetV1: readonly (readonly [filters: number, strides: number])[] = [
  ...([
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
  ] as const),
  ...Array.from({length: 5}, () => [512, 1] as const),
  ...([
    [1024, 2],
    [1024, 1],
  ] as const),
];
