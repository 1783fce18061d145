// Callbacks: when they are called, what they may do, and that they never change a result.
import {describe, expect, it} from 'vitest';
import {
  type Callback,
  callbacks,
  type FitOptions,
  layers,
  optimizers,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {labelsOf, numbers} from '../../support/plain-networks.ts';

const rows = 70;
const features = 5;
const x = numbers(rows * features, 2);
const y = labelsOf(rows, 3);
/** Seven batches of ten. */
const batchSize = 10;

function build(seed = 1): Sequential {
  const model = sequential(
    [
      layers.dense({units: 6, activation: 'relu', inputShape: [features]}),
      layers.dense({units: 3, activation: 'softmax'}),
    ],
    {seed},
  );
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
  return model;
}

const train = (model: Sequential, options: FitOptions = {}) => model.fit(x, y, {batchSize, ...options});

describe('functions of batches', () => {
  async function calls(every: Callback['every'], others: Callback[] = []): Promise<string[]> {
    const seen: string[] = [];
    const watch: Callback = {
      ...(every !== undefined && {every}),
      onBatchBegin: batch => void seen.push(`b${batch}`),
      onBatchEnd: batch => void seen.push(`e${batch}`),
    };
    await train(build(), {callbacks: [watch, ...others]});
    return seen;
  }

  it('are called for every batch, or after every so many and the last', async () => {
    const all = [0, 1, 2, 3, 4, 5, 6].flatMap(batch => [`b${batch}`, `e${batch}`]);
    expect(await calls(undefined)).toEqual(all);
    expect(await calls(1)).toEqual(all);
    expect(await calls(3)).toEqual(['b0', 'e2', 'b3', 'e5', 'b6', 'e6']);
    expect(await calls(7)).toEqual(['b0', 'e6']);
    expect(await calls(100)).toEqual(['b0', 'e6']);
  });

  it('of several callbacks each keep their own step', async () => {
    const third: string[] = [];
    const other: Callback = {every: 2, onBatchEnd: batch => void third.push(`e${batch}`)};
    expect(await calls(3, [other])).toEqual(['b0', 'e2', 'b3', 'e5', 'b6', 'e6']);
    expect(third).toEqual(['e1', 'e3', 'e5', 'e6']);
  });

  it('may be called whenever a native call has ended: its batches follow one another', async () => {
    const seen = await calls('call');
    expect(seen[0]).toBe('b0');
    expect(seen.at(-1)).toBe('e6');
    for (let at = 1; at + 1 < seen.length; at += 2) {
      expect(Number(seen[at + 1]?.slice(1))).toBe(Number(seen[at]?.slice(1)) + 1);
    }
  });
});

describe('a callback', () => {
  it('is told of the training', async () => {
    const model = build();
    const contexts: object[] = [];
    await train(model, {
      epochs: 4,
      initialEpoch: 3,
      callbacks: {onEpochBegin: (...all) => void contexts.push(all)},
    });
    expect(contexts).toMatchObject([
      [3, {}, {epochs: 4, initialEpoch: 3, batchSize, batches: 7, samples: rows}],
    ]);
    expect((contexts[0] as [number, object, {model: Sequential}])[2].model).toBe(model);
  });

  it('is waited for', async () => {
    const order: string[] = [];
    const pause = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise(resolve => setTimeout(resolve, 2));
      order.push(`${name} ends`);
    };
    const two = ['one', 'two'].map(name => ({onEpochEnd: pause(name)}));
    await train(build(), {epochs: 2, callbacks: two});
    const epoch = ['one begins', 'one ends', 'two begins', 'two ends'];
    expect(order).toEqual([...epoch, ...epoch]);
  });

  it('may set weights and the rate, and ask for predictions and evaluations', async () => {
    const model = build();
    const start = model.getWeights();
    const still = numbers(features, 3);
    const before = model.predictSync(still);
    let answers = 0;
    await train(model, {
      epochs: 3,
      callbacks: {
        async onEpochEnd(epoch, logs) {
          if (epoch === 0) expect((await model.evaluate(x, y)).loss).not.toBe(logs.loss);
          model.setWeights(start);
          expect(model.predictSync(still)).toEqual(before);
          expect(await model.predict(still)).toEqual(before);
          model.optimizer.learningRate = 0;
          answers++;
        },
      },
    });
    expect(answers).toBe(3);
    expect(model.getWeights()).toEqual(start);
  });

  it('that throws ends the training; the model goes on', async () => {
    const model = build();
    const seen: unknown[] = [];
    const failing: Callback = {
      onBatchEnd(batch) {
        if (batch === 2) throw new RangeError('mine');
      },
      onTrainEnd: (_, {error}) => void seen.push(error),
    };
    await expect(train(model, {callbacks: failing})).rejects.toThrow('mine');
    expect(seen).toMatchObject([{message: 'mine'}]);
    expect(model.iterations).toBe(3);
    await train(model);
    expect(model.iterations).toBe(10);
  });

  it('cannot train or compile the model that calls it, which is free again afterwards', async () => {
    const model = build();
    const refusals: Promise<unknown>[] = [];
    const {epoch} = await train(model, {
      epochs: 2,
      callbacks: {
        onEpochBegin() {
          expect(() => model.compile({optimizer: 'sgd', loss: 'mse'})).toThrow(/in training by fit/);
          refusals.push(expect(train(model)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'}));
          refusals.push(expect(model.trainOnBatch(x, y)).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'}));
        },
      },
    });
    await Promise.all(refusals);
    expect(refusals).toHaveLength(4);
    expect(epoch).toEqual([0, 1]);
    await train(model);
    model.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  });

  it('is checked before anything runs', async () => {
    const wrong: [unknown, RegExp][] = [
      [[{onEpochend() {}}], /Did you mean "onEpochEnd"/],
      [[{name: 'none'}], /expected objects with functions such as onEpochEnd/],
      [['earlystopping'], /Did you mean "earlyStopping"/],
      [{every: 0, onBatchEnd() {}}, /every: expected an integer >= 1. Received 0/],
      [[null], /expected objects/],
    ];
    for (const [given, text] of wrong) {
      const model = build();
      await expect(train(model, {callbacks: given as Callback}), String(text)).rejects.toThrow(text);
      expect(model.iterations).toBe(0);
    }
    expect(() => callbacks.lambda({onEpochend() {}} as Callback)).toThrow(/Did you mean "onEpochEnd"/);
  });
});

describe('stopTraining', () => {
  const stop = (hook: keyof Callback, when: number): Callback => ({
    [hook]: (number: number, _: object, {model}: {model: Sequential}) => {
      if (number === when) model.stopTraining = true;
    },
  });

  it('ends after the current batch, and the epoch counts what it has seen', async () => {
    const model = build();
    const {epoch, history} = await train(model, {epochs: 3, callbacks: stop('onBatchEnd', 3)});
    expect(epoch).toEqual([0]);
    expect(model.iterations).toBe(4);
    expect(history.loss?.[0]).toBeGreaterThan(0);
    expect((await train(model)).epoch).toEqual([0]);
  });

  it('set before an epoch has begun, there is no such epoch', async () => {
    const late = await train(build(), {epochs: 5, callbacks: stop('onEpochBegin', 2)});
    expect(late.epoch).toEqual([0, 1]);
    expect(late.history.loss).toHaveLength(2);
    const onTrainBegin: Callback['onTrainBegin'] = (_, {model}) => {
      model.stopTraining = true;
    };
    expect(await train(build(), {epochs: 5, callbacks: {onTrainBegin}})).toEqual({epoch: [], history: {}});
  });
});

describe('earlyStopping', () => {
  /** Fits with a rate that makes the loss rise from the third epoch on. */
  async function run(options: Parameters<typeof callbacks.earlyStopping>[0]) {
    const model = build();
    const seen: ReturnType<Sequential['getWeights']>[] = [];
    model.compile({
      optimizer: optimizers.sgd({learningRate: 0.1}),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const spoil: Callback = {
      onEpochBegin(epoch) {
        if (epoch === 3) model.optimizer.learningRate = 30;
      },
      onEpochEnd: () => void seen.push(model.getWeights()),
    };
    const result = await train(model, {
      epochs: 12,
      validationData: [x, y],
      callbacks: [spoil, callbacks.earlyStopping(options)],
    });
    return {...result, model, seen};
  }

  it('waits as long as it is told', async () => {
    for (const patience of [0, 1, 3]) {
      const {epoch, history} = await run({patience});
      expect(history.val_loss?.[3]).toBeGreaterThan(history.val_loss?.[2] as number);
      expect(epoch.at(-1), `patience ${patience}`).toBe(2 + Math.max(1, patience));
    }
  });

  it('leaves the last weights, or goes back to the best', async () => {
    const last = await run({patience: 2});
    expect(last.model.getWeights()).toEqual(last.seen.at(-1));
    const best = await run({patience: 2, restoreBestWeights: true});
    expect(best.model.getWeights()).toEqual(best.seen[2]);
  });

  it('asks for a change of some size, downward or upward', async () => {
    expect((await run({minDelta: 10})).epoch).toEqual([0, 1]);
    const {history, epoch} = await run({monitor: 'accuracy', patience: 2});
    const all = history.accuracy as number[];
    const best = all.indexOf(Math.max(...all));
    expect(epoch.at(-1)).toBe(Math.min(11, best + 2));
    expect((await run({monitor: 'loss', mode: 'max'})).epoch).toEqual([0, 1]);
  });

  it('says what it could watch', async () => {
    await expect(train(build(), {callbacks: 'earlyStopping'})).rejects.toThrow(
      /the logs have no val_loss. They have loss, accuracy/,
    );
  });
});

describe('progress', () => {
  const written = async (options: object, stream: object = {}) => {
    const parts: string[] = [];
    const own = {write: (part: string) => parts.push(part), ...stream};
    const model = build();
    const progress = callbacks.progress({stream: own, ...options});
    await train(model, {epochs: 2, validationSplit: 0.1, callbacks: progress});
    return parts.join('');
  };

  it('is a line per epoch', async () => {
    const lines = (await written({})).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    const numbersOf =
      'loss \\d\\.\\d{4}  accuracy \\d\\.\\d{4}  val_loss \\d\\.\\d{4}  val_accuracy \\d\\.\\d{4}';
    lines.forEach((line, at) => {
      expect(line).toMatch(new RegExp(`^epoch ${at + 1}/2  ${numbersOf}  \\d+ samples/s$`));
    });
  });

  it('is a bar on a terminal, no wider than that', async () => {
    const text = await written({}, {isTTY: true, columns: 60});
    expect(text).toMatch(/epoch 1\/2 [█░]{24}/);
    const drawings = text.split(/[\r\n]/).map(part => part.replace('\u001b[K', ''));
    expect(Math.max(...drawings.map(part => part.length))).toBeLessThan(60);
  });
});
