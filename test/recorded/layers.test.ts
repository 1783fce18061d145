// Single layers against Keras: what they give, their weights by name, and one step of training through them.
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, it} from 'vitest';
import {
  activations,
  constraints,
  input,
  type Layer,
  layers,
  type Model,
  model,
  type NormalizationLayer,
  ops,
  optimizers,
  regularizers,
  type Tensor,
} from '../../lib/index.ts';
import {numbers} from './numbers.ts';

interface Recorded {
  readonly layer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What a call of the layer is told. */
  readonly call?: Readonly<Record<string, boolean>>;
  readonly inputShapes: readonly (readonly number[])[];
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly after: readonly number[];
  }[];
  readonly outputShape: readonly number[];
  readonly y: readonly number[];
  readonly loss: number;
}

const [batch, adaptedRows] = [2, 5];
const folder = path.join(import.meta.dirname, 'layers');
const files = readdirSync(folder).map(file => {
  const {cases} = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as {cases: Recorded[]};
  return [path.basename(file, '.json'), cases] as const;
});

type Member = (options: object) => unknown;
const memberOf = (namespace: object, name: string): Member => {
  const known = Object.entries(namespace).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (!known) throw new Error(`there is no ${name}`);
  return known[1] as Member;
};

interface Named {
  readonly kind: string;
}
const isNamed = (value: unknown): value is Named =>
  typeof value === 'object' && value !== null && 'kind' in value;

function madeOf({kind, ...options}: Named, namespace: object = layers): unknown {
  return memberOf(namespace, kind)(Object.fromEntries(Object.entries(options).map(optionOf)));
}

/** Options in JSON: layers within, constraints and regularizers by their kinds. */
function optionOf([name, value]: readonly [string, unknown]): readonly [string, unknown] {
  if (name === 'keepdims') return ['keepDims', value];
  if (Array.isArray(value) && value.every(isNamed)) return [name, value.map(each => madeOf(each))];
  if (!isNamed(value)) return [name, value];
  if (name.endsWith('Constraint')) return [name, madeOf(value, constraints)];
  return [name, madeOf(value, name.endsWith('Regularizer') ? regularizers : layers)];
}

/** KerasHub counts distances from the last key: the same for each query, so the same to a softmax. */
function causalSoftmax(scores: Tensor): Tensor {
  const keys = scores.shape.at(-1) as number;
  const places = (shape: number[]) =>
    ops.constant(
      Float32Array.from({length: keys}, (_, at) => at),
      shape,
    );
  const before = ops.greaterEqual(places([keys, 1]), places([1, keys]));
  return activations.softmax()(ops.select(before, scores, -1e9));
}

interface Built {
  readonly net: Model;
  readonly layer: Layer;
  readonly data: readonly {readonly data: Float32Array; readonly shape: readonly number[]}[];
}

/** The network of record_layers.py: ids for a table, other numbers through a dense layer. */
function build({layer: kind, options, call, inputShapes}: Recorded): Built {
  const layer = madeOf({kind, ...options}) as Layer;
  const ids = options.inputDim as number | undefined;
  const ends = inputShapes.map(shape => input({shape}));
  const read = ends.map(end =>
    ids === undefined ? layers.dense({units: end.shape.at(-1) as number, useBias: false}).apply(end) : end,
  );
  const [only] = read;
  const own = layer.apply(read.length === 1 && only ? only : read, call);
  const outputs = layer.kind === 'alibiBias' ? layers.lambda({function: causalSoftmax}).apply(own) : own;
  const data = inputShapes.map((shape, at) => {
    const own = numbers([batch, ...shape], 11 + 2 * at);
    const data = ids === undefined ? own : own.map(value => Math.abs(Math.round(value * 1024)) % ids);
    return {data, shape: [batch, ...shape]};
  });
  return {net: model({inputs: ends, outputs}), layer, data};
}

/** Statistics of features come from rows; all other weights are numbers. */
function setWeights({net, layer}: Built, {weights, inputShapes}: Recorded): void {
  const given = weights.map(({name, shape}, seed) => {
    const halves = numbers(shape, seed).map(value => value / 2);
    return {data: name === 'movingVariance' ? halves.map(half => Math.abs(half) + 0.5) : halves, shape};
  });
  net.setWeights(given);
  if (layer.kind !== 'normalization') return;
  const shape = [adaptedRows, ...(inputShapes[0] as number[])];
  (layer as NormalizationLayer).adapt({data: numbers(shape, 21), shape});
}

function expectClose(values: ArrayLike<number>, wanted: readonly number[], what: string, room: number): void {
  expect(values.length, what).toBe(wanted.length);
  wanted.forEach((value, at) => {
    expect(Math.abs((values[at] as number) - value), `${what}, number ${at}`).toBeLessThan(room);
  });
}

const cases = files.flatMap(([, recorded]) => recorded);

it.each(cases.map(each => [each.layer, JSON.stringify(each.options), each] as const))(
  '%s %s computes what Keras does',
  async (_, __, recorded) => {
    const built = build(recorded);
    const {net, data} = built;
    const {weights, outputShape, y, loss} = recorded;
    const named = net
      .getWeights()
      .map(({name, shape}) => ({name: name.split('/').at(-1), shape: [...shape]}));
    expect(named).toEqual(weights.map(({name, shape}) => ({name, shape})));
    setWeights(built, recorded);
    // TensorFlow reads cubic kernels from a table of 1024 places.
    const room = recorded.options.interpolation === 'bicubic' ? 1e-3 : 2e-5;
    const x = data.length === 1 ? data[0] : [...data];
    const predicted = await net.predict(x as never);
    expect(predicted.shape).toEqual([batch, ...outputShape]);
    expectClose(predicted.data, y, 'y', room);
    net.compile({optimizer: optimizers.sgd({learningRate: 1}), loss: 'meanSquaredError'});
    const target = {data: numbers([batch, ...outputShape], 12), shape: [batch, ...outputShape]};
    const {loss: trained} = await net.trainOnBatch(x as never, target);
    expect(Math.abs((trained as number) - loss)).toBeLessThan(room / 4);
    const after = net.getWeights();
    weights.forEach((weight, at) => {
      expectClose(after[at]?.data ?? [], weight.after, weight.name, room);
    });
  },
);
