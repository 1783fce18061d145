// What stateful models refuse, and say why.
import {describe, expect, it} from 'vitest';
import {input, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

describe('says what is wrong', () => {
  const build = (): Sequential => {
    const net = sequential([
      layers.lstm({units: 2, stateful: true, batchInputShape: [4, 3, 2]}),
      layers.dense({units: 1}),
    ]);
    net.compile({optimizer: 'sgd', loss: 'mse'});
    return net;
  };
  const x = (rows: number) => ({data: numbers(rows * 6), shape: [rows, 3, 2]});
  const y = (rows: number) => ({data: numbers(rows), shape: [rows, 1]});

  it.each<[RegExp, (net: Sequential) => unknown]>([
    [
      /lstm: stateful: needs a fixed batch size/,
      () => sequential([layers.lstm({units: 1, stateful: true, inputShape: [3, 2]})]),
    ],
    [
      /fit: batchSize: the inputs of the model say batches of 4\. Received 8/,
      net => net.fit(x(8), y(8), {batchSize: 8, shuffle: false}),
    ],
    [/fit: shuffle: a stateful model reads its rows in order/, net => net.fit(x(8), y(8))],
    [
      /fit: the model has batches of 4 rows, and takes whole ones only\. Received 7 rows/,
      net => net.fit(x(7), y(7), {shuffle: false}),
    ],
    [
      /fit: validation: .*Received 2 rows/,
      net => net.fit(x(6), y(6), {shuffle: false, validationSplit: 1 / 3}),
    ],
    [/predict: the model has batches of 4 rows.*Received 5 rows/, net => net.predict(x(5))],
    [/predict: the model has batches of 4 rows.*Received 1 rows/, net => net.predict(new Float32Array(6))],
    [/evaluate: the model has batches of 4 rows.*Received 6 rows/, net => net.evaluate(x(6), y(6))],
    [/forward: the model has batches of 4 rows\. Received 8 rows/, net => net.forward(x(8))],
    [/gradients: the model has batches of 4 rows\. Received 8 rows/, net => net.gradients(x(8), y(8))],
    [
      /a training step: the model has batches of 4 rows\. Received 3 rows/,
      net => net.trainOnBatch(x(3), y(3)),
    ],
    [/predictSync: a stateful model writes its states/, net => net.predictSync(x(4))],
    [
      /summary: batchSize: the model has batches of 4 rows/,
      net => net.summary({batchSize: 32, print: () => {}}),
    ],
    [
      /batches cannot have both 4 and 5 samples/,
      () => layers.add().apply([input({shape: [2], batchSize: 4}), input({batchShape: [5, 2]})]),
    ],
    [/input: batchShape: says shape and batchSize too/, () => input({batchShape: [4, 2], batchSize: 4})],
    [/batchSize/, () => input({shape: [2], batchSize: 0})],
    [
      /batchInputShape: expected the batch and a sample/,
      () => layers.dense({units: 1, batchInputShape: [4]}),
    ],
    [/are of different samples/, () => layers.dense({units: 1, inputShape: [3], batchInputShape: [4, 2]})],
    [/stateful/, () => layers.gru({units: 1, stateful: 'yes'} as never)],
    [/lstm: resetStates/, net => net.getLayer(0).resetStates([new Float32Array(3)])],
    [
      /bidirectional: backwardLayer: expected the same stateful as of layer/,
      () =>
        layers.bidirectional({
          layer: layers.lstm({units: 1, stateful: true}),
          backwardLayer: layers.lstm({units: 1, goBackwards: true}),
        }),
    ],
    [
      /has states for batches of 4 rows/,
      () =>
        sequential([
          layers.timeDistributed({
            layer: layers.gru({units: 1, stateful: true}),
            batchInputShape: [4, 2, 3, 1],
          }),
        ]),
    ],
  ])('%s', async (message, act) => {
    await expect((async () => act(build()))()).rejects.toThrow(message);
  });

  it('predicts when nothing else writes, and nothing writes while it predicts', async () => {
    const net = build();
    const why = (task: Promise<unknown>): Promise<unknown> => task.catch((error: Error) => error.message);
    const training = net.fit(x(400), y(400), {shuffle: false, epochs: 3});
    const during = [net.predict(x(4)), net.evaluate(x(4), y(4))].map(why);
    expect(() => net.resetStates()).toThrow(/in training by fit/);
    expect(await during[0]).toMatch(/predict: the model is in training by fit/);
    expect(await during[1]).toMatch(/evaluate: the model is in training by fit/);
    await training;
    const predicting = net.predict(x(400));
    const beside = [net.predict(x(4)), net.fit(x(4), y(4), {shuffle: false})].map(why);
    for (const message of beside) expect(await message).toMatch(/the model writes its states in predict/);
    await predicting;
    await net.predict(x(4));
  });
});
