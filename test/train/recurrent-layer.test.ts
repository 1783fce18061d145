// A recurrent layer of a user's own, made with `ops.scan` through the public API.
import {describe, expect, it} from 'vitest';
import {
  type CallContext,
  Layer,
  layers,
  type MakeWeight,
  ops,
  type Shape,
  sequential,
  type Tensor,
} from '../../lib/index.ts';

/** The last state of a tanh cell over [batch, steps, features]; `unrolled` makes it without a loop. */
class Recurrent extends Layer {
  readonly config: {units: number; unrolled: boolean};

  constructor({inputShape, ...config}: {inputShape: Shape; units: number; unrolled: boolean}) {
    super({inputShape});
    this.config = config;
  }

  override build([steps, features]: Shape, makeWeight: MakeWeight) {
    const {units, unrolled} = this.config;
    const w = makeWeight('w', [features as number, units], {initializer: 'glorotUniform'});
    const u = makeWeight('u', [units, units], {initializer: 'glorotUniform'});
    const b = makeWeight('b', [units], {initializer: 'zeros'});
    const count = makeWeight('count', [1], {initializer: 'zeros', trainable: false});
    return (x: Tensor, context: CallContext): Tensor => {
      const batch = x.shape[0] as number;
      const step = (h: Tensor, xt: Tensor): Tensor => {
        if (context.training) context.update(count, now => ops.add(now, 1));
        return ops.tanh(ops.add(ops.add(ops.matmul(xt, w), b), ops.matmul(h, u)));
      };
      const first = ops.zeros([batch, units]);
      const xs = ops.transpose(x, [1, 0, 2]);
      if (!unrolled) {
        const scanned = ops.scan(([h], [xt]) => ({carries: [step(h, xt)]}), {
          carries: [first],
          sequences: [xs],
        });
        return scanned.carries[0];
      }
      let h = first;
      for (let t = 0; t < (steps as number); t++) {
        h = step(h, ops.reshape(ops.slice(xs, 0, t, 1), [batch, features as number]));
      }
      return h;
    };
  }
}

function modelOf(steps: number, unrolled: boolean) {
  const model = sequential(
    [new Recurrent({inputShape: [steps, 3], units: 7, unrolled}), layers.dense({units: 2})],
    {seed: 3},
  );
  model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
  return model;
}

const numbers = (...shape: number[]) => ({
  data: Float32Array.from({length: shape.reduce((a, b) => a * b)}, (_, index) => Math.sin(index * 1.7)),
  shape,
});

describe('a recurrent layer of ops.scan', () => {
  it.each([1, 2, 3, 7, 40])(
    'trains as the same unrolled one, %i steps long, with short last batches',
    async steps => {
      const [x, y] = [numbers(21, steps, 3), numbers(21, 2)];
      const [loop, plain] = [modelOf(steps, false), modelOf(steps, true)];
      expect(loop.predictSync(x)).toEqual(plain.predictSync(x));
      for (const model of [loop, plain])
        await model.fit(x, y, {epochs: 3, batchSize: 8, verbose: 0, shuffle: false});
      const [found, wanted] = [loop.predictSync(x).data, plain.predictSync(x).data];
      const worst = found.reduce(
        (most, value, index) => Math.max(most, Math.abs(value - (wanted[index] as number))),
        0,
      );
      expect(worst).toBeLessThan(1e-4);

      const count = (model: typeof loop) =>
        model.getWeights().find(({shape}) => shape.join() === '1')?.data[0];
      expect(count(loop)).toBe(9 * steps);
      expect(count(plain)).toBe(9 * steps);
    },
  );

  it('trains at a thousand steps', async () => {
    const [x, y] = [numbers(4, 1000, 3), numbers(4, 2)];
    const model = modelOf(1000, false);
    const {history} = await model.fit(x, y, {epochs: 3, batchSize: 4, verbose: 0});
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });
});
