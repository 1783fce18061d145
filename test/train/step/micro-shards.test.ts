// A batch cut into parts: the gradients of the parts, combined in a fixed tree, are those of the whole.
import {describe, expect, it} from 'vitest';
import {layers} from '../../../lib/index.ts';
import {Network} from '../../../lib/train/network/network.ts';
import {Engine} from '../../../lib/train/run/engine.ts';
import {inputsOf} from '../../../lib/train/run/inputs.ts';
import {snapshot} from '../../../lib/train/run/weights.ts';
import {type Graph, trainGraph} from '../../../lib/train/step/graphs.ts';

const [batch, features, steps] = [24, 5, 6];
const x = Float32Array.from({length: batch * features}, (_, index) => Math.sin(index * 1.7));
const y = Uint8Array.from({length: batch}, (_, row) => (row * 7) % 3);
const specs = {
  x: [{dtype: 'float32', rowShape: [features], scale: 1}],
  y: [{dtype: 'uint8', rowShape: [], scale: 1}],
} as const;

function engineOf(dropped: number): Engine {
  const network = new Network([
    layers.dense({units: 16, activation: 'tanh', inputShape: [features], kernelRegularizer: 'l2'}),
    layers.dropout({rate: dropped}),
    layers.dense({units: 3, activation: 'softmax'}),
  ]);
  const engine = new Engine(network, 5);
  engine.store.initialize(5, engine.variables);
  engine.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  return engine;
}

function graphOf(engine: Engine, microShards: number): Graph {
  return trainGraph(engine.network, engine.compilation('test'), {batch, ...specs, microShards});
}

/** Losses of the steps, summed over the parts, and the weights at the end. */
function train(microShards: number, dropped = 0): {losses: number[]; weights: number[]} {
  const engine = engineOf(dropped);
  const program = engine.program('shards', () => graphOf(engine, microShards));
  const part = batch / microShards;
  const rowsOf = (shard: number): Int32Array =>
    Int32Array.from({length: steps * part}, (_, index) => shard * part + (index % part));
  const rows = Array.from({length: microShards}, (_, shard) => [`rows${shard}`, rowsOf(shard)]);
  const offered = {
    x,
    y,
    ...(microShards === 1 ? {rows: rowsOf(0)} : Object.fromEntries(rows)),
    hyper: new Float32Array(steps).fill(0.1),
    seed: Int32Array.of(5, 0),
    step: Int32Array.from({length: steps}, (_, step) => step),
  };
  const {end, outputs} = program.runSync(inputsOf(program, offered), {steps});
  expect(end).toBe('done');
  const names = Object.keys(outputs).filter(name => name.startsWith('loss'));
  expect(names).toHaveLength(microShards);
  const losses = Array.from({length: steps}, (_, step) =>
    names.reduce((sum, name) => sum + (outputs[name]?.[step] as number), 0),
  );
  return {losses, weights: snapshot(engine, engine.variables).flatMap(({data}) => [...data])};
}

describe('micro-shards', () => {
  it.each([2, 3, 8])('%i parts train like one', shards => {
    const [one, several] = [train(1), train(shards)];
    several.losses.forEach((loss, step) => {
      expect(Math.abs(loss / (one.losses[step] as number) - 1)).toBeLessThan(1e-6);
    });
    several.weights.forEach((weight, at) => {
      expect(Math.abs(weight - (one.weights[at] as number))).toBeLessThan(1e-6);
    });
  });

  it('are deterministic, and each drops units of its own', () => {
    expect(train(4, 0.5)).toEqual(train(4, 0.5));
    const engine = engineOf(0.5);
    const streams = graphOf(engine, 4).outputs;
    const numbers = new Set<number>();
    const visit = (tensor: Graph['outputs'][string]): void => {
      const {stream} = tensor.call.attributes as {stream?: number};
      if (stream !== undefined) numbers.add(stream);
      tensor.call.inputs.forEach(visit);
    };
    Object.values(streams).forEach(visit);
    expect(numbers.size).toBe(4);
  });

  it('must be of equal size', () => {
    expect(() => graphOf(engineOf(0), 5)).toThrow(/5 do not cut a batch of 24/);
  });
});
