// Gradients that are zero, in a whole row and column or everywhere, tiny or vast: weights stay numbers.
import {expect, it} from 'vitest';
import {type Optimizer, optimizers} from '../../lib/index.ts';
import {build, weightsOf} from './given.ts';

const isOptimizer = (name: string): boolean => name !== 'grouped';
const all = Object.entries(optimizers as unknown as Record<string, () => Optimizer>).filter(([name]) =>
  isOptimizer(name),
);
const sizes = [0, 1e-25, 1e-12, 0.5, 1e12];

it.each(all)('%s', async (_, make) => {
  for (const size of sizes) {
    const net = build(make());
    const before = weightsOf(net);
    for (let step = 0; step < 3; step++) {
      await net.applyGradients({'dense/kernel': [size, -size, 0, 0, 0, 0], 'dense/bias': [0, 0, 0]});
    }
    const after = weightsOf(net);
    const kernel = after['dense/kernel'] as number[];
    expect(Object.values(after).flat().every(Number.isFinite), `gradients of ${size}`).toBe(true);
    if (size > 0.1) expect(kernel[0]).not.toBe(before['dense/kernel']?.[0]);
  }
});
