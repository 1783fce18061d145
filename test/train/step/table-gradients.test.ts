// The step of a model with tables of embeddings makes no gradient of the size of a table, whose rows it would
// fill with zeros first: an update of all rows reads the gradients of those that were read.
import {expect, it} from 'vitest';
import {makeRecommender} from '../../../bench/recommender.ts';
import {input, layers, type Model, model, type PortData} from '../../../lib/index.ts';
import type {Plan} from '../../../lib/plan.ts';
import {onCompile} from '../../../lib/session/compile.ts';

const [rows, width, batch] = [4000, 8, 16];

const idsOf = (columns: number, most = rows): {data: Int32Array; shape: number[]} => ({
  data: Int32Array.from({length: batch * columns}, (_, at) => (at * 61) % most),
  shape: [batch, columns],
});

function behind(table: ReturnType<typeof layers.embedding>, columns: number): Model {
  const ids = input({shape: [columns], dtype: 'int32'});
  const outputs = layers.dense({units: 1}).apply(layers.flatten().apply(table.apply(ids)));
  const net = model({inputs: ids, outputs});
  net.compile({optimizer: 'adam', loss: 'meanSquaredError'});
  return net;
}

/** The plan of a training step. */
async function planOf(net: Model, x: PortData): Promise<Plan> {
  let found: Plan | undefined;
  onCompile(({plan}) => {
    if (plan.instructions.some(({phase}) => phase === 'commit')) found = plan;
  });
  try {
    await net.trainOnBatch(x, {data: new Float32Array(batch), shape: [batch, 1]});
  } finally {
    onCompile(undefined);
    net.dispose();
  }
  return found as Plan;
}

const cases: readonly (readonly [name: string, tables: number, size: number, () => [Model, PortData]])[] = [
  [
    'an embedding',
    1,
    width,
    () => [behind(layers.embedding({inputDim: rows, outputDim: width}), 3), idsOf(3)],
  ],
  [
    'an embedding of several columns',
    1,
    width,
    () => {
      const inputDim = [1000, 1000, rows - 2000];
      return [behind(layers.embedding({inputDim, outputDim: width}), 3), idsOf(3, 1000)];
    },
  ],
  [
    'an embeddingBag',
    1,
    width,
    () => [behind(layers.embeddingBag({inputDim: rows, outputDim: width}), 5), idsOf(5)],
  ],
  [
    'the recommender of the bench',
    4,
    32,
    () => [makeRecommender('recsys', rows), [1, 2, 3, 4].map(() => idsOf(1))],
  ],
];

it.each(cases)('%s', async (_, tables, size, make) => {
  const {instructions, arenaBytes} = await planOf(...make());
  const ofTable = instructions.filter(({inputs, outputs}) =>
    [...inputs, ...outputs].some(text => text.includes(`[${rows},${size}]`)),
  );
  // Rows that are read, and the update.
  const updates = ofTable.filter(({phase}) => phase === 'commit');
  expect(updates.map(({name}) => name)).toEqual(new Array(tables).fill('adamRows'));
  for (const {outputs, name, phase} of ofTable) {
    if (phase === 'commit') continue;
    expect(outputs.join(), name).not.toContain(`[${rows},${size}]`);
  }
  expect(instructions.map(({name}) => name)).not.toContain('scatterSum');
  // Nothing of that size lies beside the tables.
  expect(arenaBytes).toBeLessThan(4 * rows * size);
});
