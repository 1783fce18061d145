// A training step of a recommender, for the bench `sequence`: four columns of ids, each with a table of
// embeddings of its own, whose rows side by side go through a perceptron. The update is of all rows, or with
// sparse gradients of those alone that a batch reads.
import {input, layers, type Model, model, optimizers} from '../lib/index.ts';
import {bandwidthOf, type Ceiling, levelOf, peakOf} from './ceiling.ts';
import type {BenchOptions, Figure} from './options.ts';
import {type Batches, giveWork, inputsOf} from './peers/given.ts';
import {bestOfOthers, type Peer, startPeers, type Times, tableOf, timeInTurns} from './peers/turns.ts';
import {digits, percent} from './report.ts';

export const recommenders = ['recsys', 'recsys-sparse'] as const;
export type Recommender = (typeof recommenders)[number];

const [tables, rows, width, hidden, batch] = [4, 100_000, 32, [128, 64] as const, 1024];
const joined = tables * width;
/** Of the products of a step. */
const flops = 6 * batch * (joined * hidden[0] + hidden[0] * hidden[1] + hidden[1]);
/** Adam reads and writes a parameter and two moments; there is no gradient of rows that were not read. */
const bytesOfAll = 24 * tables * rows * width;

/** Ids that are spread over a table, the same in each run: a Weyl sequence, mixed (Steele et al. 2014). */
export function spreadIds(count: number, rows: number, seed: number): Int32Array {
  return Int32Array.from({length: count}, (_, at) => {
    const state = Math.imul(at + 1 + seed * count, 0x9e3779b9);
    const mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % rows;
  });
}

/** `size` rows in each table. */
export function makeRecommender(name: Recommender, size = rows): Model {
  const columns = Array.from({length: tables}, () => input({shape: [1], dtype: 'int32'}));
  const found = columns.map(ids => {
    const own = layers.embedding({inputDim: size, outputDim: width, sparse: name === 'recsys-sparse'});
    return layers.flatten().apply(own.apply(ids));
  });
  const first = layers.dense({units: hidden[0], activation: 'relu'});
  const second = layers.dense({units: hidden[1], activation: 'relu'});
  const last = layers.dense({units: 1, activation: 'sigmoid'});
  const outputs = last.apply(second.apply(first.apply(layers.concatenate().apply(found))));
  const net = model({inputs: columns, outputs});
  net.compile({optimizer: optimizers.adam(), loss: 'binaryCrossentropy'});
  return net;
}

export function batchesFor(steps: number): Batches {
  const count = steps * batch;
  const inputs = Array.from({length: tables}, (_, column) => {
    return {data: spreadIds(count, rows, column), shape: [count, 1]};
  });
  const y = Float32Array.from({length: count}, (_, at) => ((at * 31) % 7) & 1);
  return {inputs, y: {data: y, shape: [count, 1]}, batch};
}

const scripts = {
  torch: 'torch_recommender.py',
  jax: 'jax_recommender.py',
  tensorflow: 'tensorflow_recommender.py',
};

async function timeSteps(name: Recommender, peers: readonly Peer[], quick: boolean): Promise<Times> {
  // Peers walk through as many batches, so that no cache holds the rows of all.
  const steps = 30;
  const [net, batches] = [makeRecommender(name), batchesFor(steps)];
  const train = async (): Promise<number> => {
    const started = performance.now();
    await net.fit(inputsOf(batches), batches.y, {batchSize: batch, shuffle: false, verbose: 0});
    return ((performance.now() - started) / steps) * 1000;
  };
  try {
    const work = peers.length > 0 ? await giveWork(name, net, batches) : undefined;
    await train();
    return await timeInTurns({
      name,
      own: {chainrule: train},
      peers,
      request: {workload: name, steps, given: work?.given},
      ...(work && {workOf: () => work.own}),
      rounds: quick ? 3 : 7,
    });
  } finally {
    net.dispose();
  }
}

/** Microseconds that no step does without: of arithmetic, and of the tables where all rows are updated. */
function leastTime(name: Recommender, ceiling: Ceiling, threads: number): number {
  const bytes = name === 'recsys' ? bytesOfAll : 0;
  const rate = bandwidthOf(levelOf(ceiling, bytes, threads), threads, 'in place');
  return flops / peakOf(ceiling, threads) / 1e3 + bytes / rate / 1e3;
}

/** Figures and results of those that are chosen. */
export async function timeRecommenders(options: BenchOptions) {
  const chosen = recommenders.filter(name => options.workloads?.includes(name) ?? true);
  const figures: Record<string, Figure | undefined> = {};
  const results: Record<string, object> = {};
  const peers = chosen.length > 0 ? startPeers(options, scripts) : [];
  try {
    for (const name of chosen) {
      const least = await timeSteps(name, peers, options.quick);
      const {chainrule = Number.NaN} = least;
      const bound = leastTime(name, options.ceiling, options.threads);
      console.log(`${name}: at the least ${digits(bound)} µs, ${percent(bound / chainrule)}`);
      console.log(tableOf(least, 'µs of a step'));
      results[name] = {least, bound};
      figures[`sequence-${name}`] = bestOfOthers(least);
    }
  } finally {
    for (const {process} of peers) process.stop();
  }
  return {figures, results};
}
