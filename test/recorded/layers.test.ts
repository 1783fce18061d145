// Single layers against Keras: what they give, their weights by name, and one step of training through them.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {
  constraints,
  input,
  type Layer,
  layers,
  type Model,
  model,
  optimizers,
  regularizers,
} from '../../lib/index.ts';

interface Recorded {
  readonly layer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputShape: readonly number[];
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly after: readonly number[];
  }[];
  readonly outputShape: readonly number[];
  readonly y: readonly number[];
  readonly loss: number;
}

const folder = path.join(import.meta.dirname, 'layers');
const files = readdirSync(folder).map(file => {
  const {cases} = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as {cases: Recorded[]};
  return [path.basename(file, '.json'), cases] as const;
});

/** The numbers of record_layers.py: from −1 to 1, exact in float32. */
function numbers(shape: readonly number[], seed: number): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({length: count}, (_, at) => (((at * 7919 + seed * 104729) % 2039) - 1019) / 1024);
}

type Member = (options: object) => unknown;
const memberOf = (namespace: object, name: string): Member => {
  const known = Object.entries(namespace).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (!known) throw new Error(`there is no ${name}`);
  return known[1] as Member;
};

/** Options in JSON: constraints and regularizers by their kinds. */
function optionOf([name, value]: readonly [string, unknown]): readonly [string, unknown] {
  if (name === 'keepdims') return ['keepDims', value];
  for (const [ending, namespace] of [
    ['Constraint', constraints],
    ['Regularizer', regularizers],
  ] as const) {
    if (!name.endsWith(ending)) continue;
    const {kind, ...options} = value as {kind: string};
    return [name, memberOf(namespace, kind)(options)];
  }
  return [name, value];
}

function build({layer: kind, options, inputShape}: Recorded): Model {
  const x = input({shape: inputShape});
  const before = layers.dense({units: inputShape.at(-1) as number, useBias: false});
  const made = memberOf(layers, kind)(Object.fromEntries(Object.entries(options).map(optionOf))) as Layer;
  return model({inputs: x, outputs: made.apply(before.apply(x))});
}

function expectClose(values: ArrayLike<number>, wanted: readonly number[], what: string): void {
  expect(values.length, what).toBe(wanted.length);
  wanted.forEach((value, at) => {
    expect(Math.abs((values[at] as number) - value), `${what}, number ${at}`).toBeLessThan(2e-5);
  });
}

describe('layers as Keras computes them', () => {
  it('are of every family', () => {
    expect(files.map(([name]) => name).sort()).toEqual(['convolutions', 'normalization', 'pooling', 'sizes']);
  });

  const cases = files.flatMap(([, recorded]) => recorded);
  it.each(cases.map(each => [each.layer, JSON.stringify(each.options), each] as const))(
    '%s %s',
    async (_, __, recorded) => {
      const net = build(recorded);
      const {weights, inputShape, outputShape, y, loss} = recorded;
      const named = net
        .getWeights()
        .map(({name, shape}) => ({name: name.split('/').at(-1), shape: [...shape]}));
      expect(named).toEqual(weights.map(({name, shape}) => ({name, shape})));
      net.setWeights(
        weights.map(({name, shape}, seed) => {
          const halves = numbers(shape, seed).map(value => value / 2);
          return {data: name === 'movingVariance' ? halves.map(half => Math.abs(half) + 0.5) : halves, shape};
        }),
      );
      const x = {data: numbers([2, ...inputShape], 11), shape: [2, ...inputShape]};
      const predicted = await net.predict(x);
      expect(predicted.shape).toEqual([2, ...outputShape]);
      expectClose(predicted.data, y, 'y');
      net.compile({optimizer: optimizers.sgd({learningRate: 1}), loss: 'meanSquaredError'});
      const target = {data: numbers([2, ...outputShape], 12), shape: [2, ...outputShape]};
      expect((await net.trainOnBatch(x, target)).loss).toBeCloseTo(loss, 5);
      const after = net.getWeights();
      weights.forEach((weight, at) => {
        expectClose(after[at]?.data ?? [], weight.after, weight.name);
      });
    },
  );
});
