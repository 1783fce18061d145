// A layer that gradients compute again trains as the layer within it: with dropout, moving statistics, states
// kept from batch to batch, options of its own, and from a checkpoint file on.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  type Callback,
  callbacks,
  input,
  type Layer,
  layers,
  type Model,
  model,
  modelFromJSON,
  sequential,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const root = mkdtempSync(path.join(tmpdir(), 'chainrule-checkpoint-layer-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

const rows = 24;
const [x, y] = [
  {data: numbers(rows * 4), shape: [rows, 4]},
  {data: numbers(rows, 2), shape: [rows, 1]},
];

const around = (layer: Layer, isCheckpointed: boolean): Layer =>
  isCheckpointed ? layers.checkpoint({layer}) : layer;

/** Two blocks with dropout and moving statistics, each kept or made again. */
function blocks(isCheckpointed: boolean): Model {
  const block = () =>
    sequential([
      layers.dense({units: 6, activation: 'relu', inputShape: [4]}),
      layers.dropout({rate: 0.3}),
      layers.batchNormalization(),
      layers.dense({units: 4}),
    ]).toLayer();
  const both = [block(), block()].map(layer => around(layer, isCheckpointed));
  const net = sequential([layers.inputLayer({inputShape: [4]}), ...both, layers.dense({units: 1})], {
    seed: 3,
  });
  net.compile({optimizer: 'adam', loss: 'mse'});
  return net;
}

const valuesOf = (net: Model) => net.getWeights().map(({data}) => data);
const fit = {epochs: 3, batchSize: 8} as const;

describe('layers.checkpoint', () => {
  it('trains to the bits of the layers within', async () => {
    const [kept, again] = [blocks(false), blocks(true)];
    again.setWeights(valuesOf(kept));
    expect((await again.fit(x, y, fit)).history).toEqual((await kept.fit(x, y, fit)).history);
    expect(valuesOf(again)).toEqual(valuesOf(kept));
  });

  it('goes on from a checkpoint file to the same bits', async () => {
    const whole = blocks(true);
    await whole.fit(x, y, fit);
    for (const stop of [2, 5, 7]) {
      const backupDir = path.join(root, String(stop));
      let count = 0;
      const breakdown: Callback = {
        onBatchEnd() {
          if (++count === stop) throw new Error('breakdown');
        },
      };
      const backup = (saveFreq: number) => callbacks.backupAndRestore({backupDir, saveFreq});
      await expect(blocks(true).fit(x, y, {...fit, callbacks: [breakdown, backup(1)]})).rejects.toThrow(
        'breakdown',
      );
      const resumed = blocks(true);
      await resumed.fit(x, y, {...fit, callbacks: [backup(100)]});
      expect(valuesOf(resumed), `after step ${stop}`).toEqual(valuesOf(whole));
    }
  });

  it('keeps the states of a stateful layer, in parts that are those of the whole', async () => {
    const make = (isCheckpointed: boolean): Model => {
      const lstm = layers.lstm({units: 3, stateful: true, returnSequences: true});
      const net = sequential(
        [
          layers.inputLayer({batchInputShape: [2, 2, 3]}),
          around(lstm, isCheckpointed),
          layers.dense({units: 1}),
        ],
        {seed: 5},
      );
      net.compile({optimizer: 'sgd', loss: 'mse'});
      return net;
    };
    const [kept, again] = [make(false), make(true)];
    again.setWeights(valuesOf(kept));
    const given = {data: numbers(8 * 2 * 3), shape: [8, 2, 3]};
    const wanted = {data: numbers(8 * 2, 4), shape: [8, 2, 1]};
    const options = {epochs: 2, batchSize: 2, shuffle: false} as const;
    expect((await again.fit(given, wanted, options)).history).toEqual(
      (await kept.fit(given, wanted, options)).history,
    );
    expect(valuesOf(again)).toEqual(valuesOf(kept));
    const next = {data: numbers(12, 9), shape: [2, 2, 3]};
    expect(await again.predict(next)).toEqual(await kept.predict(next));
    expect(again.getLayer(1).states.map(({name}) => name)).toEqual(['layer/state_0', 'layer/state_1']);
    again.resetStates();
    kept.resetStates();
    expect(await again.predict(next)).toEqual(await kept.predict(next));
  });

  it('takes the options that the layer within takes, and files keep them', () => {
    const make = (isCheckpointed: boolean): Model => {
      const given = input({shape: [5, 4]});
      const encoder = layers.transformerEncoder({intermediateDim: 6, numHeads: 2});
      const outputs = around(encoder, isCheckpointed).apply(given, {useCausalMask: true});
      return model({inputs: given, outputs, seed: 7});
    };
    const [kept, again] = [make(false), make(true)];
    again.setWeights(valuesOf(kept));
    const given = {data: numbers(20), shape: [1, 5, 4]};
    expect(again.predictSync(given)).toEqual(kept.predictSync(given));
    const copy = modelFromJSON(JSON.stringify(again));
    copy.setWeights(again.getWeights());
    expect(copy.predictSync(given)).toEqual(kept.predictSync(given));
    expect(() =>
      layers.checkpoint({layer: layers.dense({units: 1})}).apply(input({shape: [2]}), {a: 1}),
    ).toThrow(/checkpoint: apply: unknown option "a"/);
  });
});
