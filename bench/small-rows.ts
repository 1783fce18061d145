// What the bench of small models times: a row each, with what is to be reached.
import {type FitOptions, layers, type Sequential, sequential} from '../lib/index.ts';

export interface SmallRow {
  /** Of the goal. */
  readonly name: string;
  readonly what: string;
  /** Microseconds. */
  readonly atMost: number;
  /** Calls, epochs or models of one measurement; fewer of some in a quick run. */
  readonly count: number;
  /** Peers' steps that do the same work: of a batch of `batch` rows, so many. */
  readonly peers?: {readonly batch: number; readonly steps: number};
  /** Runs `count` of them. */
  run(count: number): unknown;
}

function build(sizes: readonly number[], seed = 0): Sequential {
  const last = sizes.length - 2;
  const model = sequential(
    sizes.slice(1).map((units, index) =>
      layers.dense({
        units,
        activation: index === last ? (units === 1 ? 'linear' : 'softmax') : 'relu',
        ...(index === 0 && {inputShape: [sizes[0] as number]}),
      }),
    ),
    {seed},
  );
  const loss = sizes.at(-1) === 1 ? 'meanSquaredError' : 'sparseCategoricalCrossentropy';
  model.compile({optimizer: 'adam', loss});
  return model;
}

const numbers = (length: number): Float32Array =>
  Float32Array.from({length}, (_, index) => Math.sin(index * 1.7));
const labels = (rows: number): Int32Array => Int32Array.from({length: rows}, (_, row) => row % 3);

async function repeat(count: number, call: (index: number) => unknown): Promise<void> {
  for (let index = 0; index < count; index++) await call(index);
}

const iris = [4, 16, 3] as const;
const table = [20, 64, 32, 1] as const;

type Timing = Pick<SmallRow, 'atMost' | 'count'>;

/** Epochs of `rows` rows in batches of `batch`: without a callback, then with one that sees each epoch. */
function epochPair(
  model: Sequential,
  [rows, batch]: readonly [number, number],
  {unseen, seen}: Readonly<Record<'unseen' | 'seen', Timing>>,
): SmallRow[] {
  const [x, y] = [numbers(rows * iris[0]), labels(rows)];
  const name = `small-epoch-${rows}`;
  const what = `epoch of ${rows} rows${rows === batch ? '' : ` in batches of ${batch}`}`;
  const peers = {batch, steps: Math.ceil(rows / batch)};
  const epochs = (options: FitOptions) => (count: number) =>
    model.fit(x, y, {epochs: count, batchSize: batch, ...options});
  const callbacks = {onEpochEnd() {}};
  return [
    {name, what, peers, run: epochs({}), ...unseen},
    {name: `${name}-seen`, what: `${what}, onEpochEnd`, peers, run: epochs({callbacks}), ...seen},
  ];
}

function epochRows(): SmallRow[] {
  const model = build(iris);
  return [
    ...epochPair(model, [4, 4], {unseen: {atMost: 3, count: 4000}, seen: {atMost: 15, count: 2000}}),
    ...epochPair(model, [150, 32], {unseen: {atMost: 10, count: 1000}, seen: {atMost: 25, count: 1000}}),
  ];
}

function callRows(): SmallRow[] {
  const model = build(iris);
  const wide = build(table);
  const [x, y] = [numbers(32 * iris[0]), labels(32)];
  const [wideX, wideY] = [numbers(300 * table[0]), numbers(300)];
  const peers = {batch: 32, steps: 1};
  return [
    {
      name: 'small-train-on-batch',
      what: 'await trainOnBatch, 32 rows',
      atMost: 8,
      count: 2000,
      peers,
      run: count => repeat(count, () => model.trainOnBatch(x, y)),
    },
    {
      name: 'small-train-on-batch-sync',
      what: 'trainOnBatchSync, 32 rows',
      atMost: 4,
      count: 2000,
      peers,
      run(count) {
        for (let index = 0; index < count; index++) model.trainOnBatchSync(x, y);
      },
    },
    {
      name: 'small-fit',
      what: 'await fit of one step',
      atMost: 40,
      count: 400,
      peers,
      run: count => repeat(count, () => model.fit(x, y, {epochs: 1, batchSize: 32})),
    },
    {
      name: 'small-validation',
      what: 'epoch of 240 rows and 60 to validate, 20-64-32-1',
      atMost: 60,
      count: 300,
      run: count => wide.fit(wideX, wideY, {epochs: count, batchSize: 32, validationSplit: 0.2}),
    },
  ];
}

/** Microseconds of a step whose number of rows changes, beyond one of the largest. */
export function changingSizes(): {changing: (count: number) => unknown; same: (count: number) => unknown} {
  const model = build(table);
  const [x, y] = [numbers(200 * table[0]), numbers(200)];
  const step = (rows: number) => model.trainOnBatch(x.subarray(0, rows * table[0]), y.subarray(0, rows));
  return {
    changing: count => repeat(count, index => step(1 + ((index * 37) % 200))),
    // The same work, in an order in which each number follows on itself.
    same: count => repeat(count, index => step(1 + Math.floor((index * 200) / count))),
  };
}

/**
 * Microseconds of steps of numbers of rows that were never seen, and of the same once more; each call makes
 * another model, as models of equal structure share what was made for a number.
 */
export async function newSizes(round: number): Promise<{first: number; again: number}> {
  const model = build([20, 65 + round, 32, 1]);
  const [x, y] = [numbers(128 * 20), numbers(128)];
  const step = (rows: number) => model.trainOnBatchSync(x.subarray(0, rows * 20), y.subarray(0, rows));
  const sizes = Array.from({length: 50}, (_, index) => 20 + ((index * 37) % 50));
  const timed = (): number => {
    const started = performance.now();
    for (const rows of sizes) step(rows);
    return ((performance.now() - started) * 1000) / sizes.length;
  };
  await repeat(200, index => step(128 - (index % 20)));
  return {first: timed(), again: timed()};
}

function answers(): SmallRow[] {
  const model = build(iris);
  const [x, y] = [numbers(32 * iris[0]), labels(32)];
  const row = numbers(iris[0]);
  let gradients: Awaited<ReturnType<Sequential['gradients']>>['gradients'] | undefined;
  return [
    {
      name: 'small-evaluate',
      what: 'await evaluate, 32 rows',
      atMost: 10,
      count: 1000,
      run: count => repeat(count, () => model.evaluate(x, y)),
    },
    {
      name: 'small-predict',
      what: 'await predict, one row',
      atMost: 10,
      count: 2000,
      run: count => repeat(count, () => model.predict(row)),
    },
    {
      name: 'small-gradients',
      what: 'await gradients, 32 rows',
      atMost: 10,
      count: 1000,
      run: count => repeat(count, () => model.gradients(x, y)),
    },
    {
      name: 'small-apply-gradients',
      what: 'await applyGradients',
      atMost: 10,
      count: 1000,
      async run(count) {
        gradients ??= (await model.gradients(x, y)).gradients;
        const given = gradients;
        await repeat(count, () => model.applyGradients(given));
      },
    },
    {
      name: 'small-predict-many',
      what: '5,000 predictions asked for at once, each',
      atMost: 4,
      count: 5000,
      run: count => Promise.all(Array.from({length: count}, () => model.predict(row))),
    },
  ];
}

function searches(): SmallRow[] {
  const [x, y] = [numbers(150 * iris[0]), labels(150)];
  return [
    {
      name: 'small-search',
      what: 'a model of a search: made, compiled, 100 epochs of 150 rows',
      atMost: 3000,
      count: 100,
      run: count => repeat(count, index => build(iris, index).fit(x, y, {epochs: 100, batchSize: 32})),
    },
  ];
}

export const smallRows = (): SmallRow[] => [...epochRows(), ...callRows(), ...answers(), ...searches()];
