// The nets of the bench tfjs are the same for all programs that it compares, and train.
import * as tf from '@tensorflow/tfjs';
import {beforeAll, describe, expect, test} from 'vitest';
import {goals} from '../../bench/goals.ts';
import {batches, inputsOf, labelsOf, shapeOf} from '../../bench/peers/fit-task.ts';
import {networkOf as ownNetworkOf} from '../../bench/peers/own-fit.ts';
import {networkOf} from '../../bench/peers/tfjs-network.ts';
import {fits} from '../../bench/tfjs.ts';
import {backendName} from '../../lib/tfjs/index.ts';

const named = fits.map(({name, task: {fit}}) => [name, fit] as const);

describe('a training of the bench tfjs', () => {
  beforeAll(() => tf.setBackend(backendName));

  test.each(named)('%s has the same weights in tfjs-layers and here', (_, task) => {
    const model = networkOf(tf, task);
    const own = ownNetworkOf(task);
    expect(own.countParams()).toBe(model.countParams());
    expect(own.outputs.map(({shape}) => shape.at(-1))).toEqual([task.sizes.at(-1)]);
    tf.dispose(model.getWeights());
  });

  test.each(named)('%s has inputs and labels that its net reads', (_, task) => {
    const {sizes, sequence, batch} = task;
    const [inputs, classes] = [inputsOf(task), labelsOf(task)];
    const shape = shapeOf(task);
    expect(inputs.length).toBe(shape.reduce((product, size) => product * size, 1));
    expect([shape[0], classes.length]).toEqual([batches * batch, batches * batch]);
    const most = sequence?.reader === 'embedding' ? (sizes[0] as number) : 1;
    expect(inputs.reduce((largest, each) => Math.max(largest, each))).toBeLessThan(most);
    expect(new Set(classes).size).toBe(sizes.at(-1));
  });

  test('has a goal, beside a backend of TensorFlow.js', () => {
    const names = new Set(goals.map(({name}) => name));
    expect(named.map(([name]) => name).filter(name => !names.has(`tfjs-${name}`))).toEqual([]);
  });
});
