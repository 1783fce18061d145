// What `fit` shows: the progress bar.
import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import * as tf from '../../lib/tfjs-node/index.ts';
import {output, shortNumber} from '../../lib/tfjs-node/progress-bar.ts';

beforeAll(() => tf.setBackend('chainrule'));

function compiled(): tf.Sequential {
  const model = tf.sequential();
  model.add(tf.layers.dense({units: 1, inputShape: [2]}));
  model.compile({optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['MAE']});
  return model;
}

const rows = 20;
const data = () =>
  [tf.randomNormal([rows, 2], 0, 1, 'float32', 1), tf.randomNormal([rows, 1], 0, 1, 'float32', 2)] as const;

describe('the progress bar', () => {
  let [lines, drawn]: [string[], string] = [[], ''];
  const own = {...output};
  beforeEach(() => {
    [lines, drawn] = [[], ''];
    output.log = text => lines.push(text);
  });
  afterAll(() => Object.assign(output, own));
  const show = (isTTY: boolean): void => {
    output.stream = {isTTY, columns: 80, write: text => (drawn += text)};
  };

  test('has lines for each epoch, and a bar on a terminal', async () => {
    show(true);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 2, batchSize: 5, validationSplit: 0.2});
    expect(lines).toHaveLength(4);
    expect([lines[0], lines[2]]).toEqual(['Epoch 1 / 2', 'Epoch 2 / 2']);
    expect(lines[1]).toMatch(
      /^\d+ms \d+us\/step - MAE=\d+\.\d+ loss=\d+\.\d+ val_MAE=\d+\.\d+ val_loss=\d+\.\d+$/,
    );
    expect(drawn).toMatch(/eta=\d+\.\d [=>-]{40} MAE=[\d.]+ loss=[\d.]+/);
    expect(drawn.endsWith('\r\x1b[K')).toBe(true);
  });

  test('has no bar in a file', async () => {
    show(false);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 1});
    expect(lines).toHaveLength(2);
    expect(drawn).toBe('');
  });

  test('is the same at a higher verbosity', async () => {
    show(true);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 1, batchSize: 5, verbose: 2 as never});
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe('Epoch 1 / 1');
    expect(drawn).toContain('eta=');
  });

  test('is silent where it is told so', async () => {
    show(true);
    const [x, y] = data();
    await compiled().fit(x, y, {epochs: 1, verbose: 0});
    expect([lines, drawn]).toEqual([[], '']);
  });

  test('counts steps of data sets of any length', async () => {
    show(true);
    const batches = tf.data.generator(function* () {
      for (let batch = 0; batch < 3; batch++) yield {xs: tf.ones([4, 2]), ys: tf.ones([4, 1])};
    } as never);
    await compiled().fitDataset(batches as never, {epochs: 1});
    expect(lines[1]).toMatch(/^\d+ms \d+us\/step - MAE=/);
    expect(drawn).toBe('');
    await compiled().fitDataset(batches as never, {epochs: 1, batchesPerEpoch: 3});
    expect(lines.slice(2)).toEqual([
      'Epoch 1 / 1',
      expect.stringMatching(/^\d+ms \d+us\/step - MAE=\d+\.\d+ loss=\d+\.\d+$/),
    ]);
    // The bar is full at the last batch, and cleared then.
    const [, last = '', after] = drawn.split('\r\x1b[K').slice(-3);
    expect(last).toMatch(/^eta=0\.0 ={39}> MAE=[\d.]+ loss=[\d.]+$/);
    expect(after).toBe('');
  });

  test.each([
    [0, '0.00'],
    [1.23456, '1.23'],
    [-12.3456, '-12.35'],
    [0.123456, '0.123'],
    [0.0123456, '0.0123'],
    [0.00123456, '1.23e-3'],
    [Number.NaN, 'NaN'],
  ])('writes %f as %s', (value, text) => {
    expect(shortNumber(value)).toBe(text);
  });
});
