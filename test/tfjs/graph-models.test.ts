// Graph models that the converter made, out of a package that ships them: the same outputs as on tfjs's cpu
// backend. They are 28 MB, so nothing installs them by itself.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {afterEach, expect, test} from 'vitest';
import {backendName, handedOver, resetHandedOver} from '../../lib/tfjs/index.ts';
import '../../lib/tfjs-node/index.ts';
import {skipFor} from '../support/skip.ts';

const holder = '@vladmandic/human';

/** The folder of models, where the package is installed. */
function modelsOf(name: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return folders.map(folder => path.join(folder, name, 'models')).find(folder => fs.existsSync(folder));
}

const folder = modelsOf(holder);
const missing = folder === undefined ? `no ${holder} (npm install --no-save ${holder})` : undefined;

afterEach(() => tf.setBackend(backendName));

interface Output {
  readonly shape: number[];
  readonly values: Float32Array;
}

/** Inputs as the model describes them, of one picture; a size that is not said is the other models' 256. */
function inputsOf(model: tf.GraphModel): Record<string, tf.Tensor> {
  const named = model.inputs.map(({name, shape = [], dtype}, index) => {
    const sizes = shape.map((size, axis) => (size > 0 ? size : axis === 0 ? 1 : 256));
    const isInteger = dtype === 'int32';
    const numbers = tf.randomUniform(sizes, 0, isInteger ? 255 : 1, 'float32', 3 + index);
    return [name, isInteger ? numbers.floor().cast('int32') : numbers] as const;
  });
  return Object.fromEntries(named);
}

async function outputsOf(name: string): Promise<Output[]> {
  const model = await tf.loadGraphModel(`file://${path.join(folder as string, `${name}.json`)}`);
  const outputs = [await model.executeAsync(inputsOf(model))].flat();
  const results = await Promise.all(
    outputs.map(async output => ({shape: output.shape, values: (await output.data()) as Float32Array})),
  );
  model.dispose();
  return results;
}

// handtrack is a detector: loops by frames and TensorLists, suppression of boxes, the largest of scores.
const names = ['antispoof', 'blazeface', 'centernet', 'emotion', 'facemesh', 'faceres', 'handlandmark-lite'];
names.push('handtrack', 'iris', 'liveness', 'movenet-lightning');

test(`models of ${holder}`, {timeout: 600_000}, async context => {
  skipFor(missing, context);
  resetHandedOver();
  for (const name of names) {
    await tf.setBackend(backendName);
    const own = await outputsOf(name);
    await tf.setBackend('cpu');
    const wanted = await outputsOf(name);
    expect(own.map(({shape}) => shape)).toEqual(wanted.map(({shape}) => shape));
    expect(wanted.some(({values}) => values.some(value => value !== 0))).toBe(true);
    for (const [output, {values}] of wanted.entries()) {
      const room = 1e-4 * values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const actual = own[output]?.values as Float32Array;
      const worst = values.reduce(
        (most, value, at) => Math.max(most, Math.abs((actual[at] as number) - value)),
        0,
      );
      expect(worst, `${name}: output ${output}`).toBeLessThanOrEqual(room);
    }
  }
  expect(handedOver()).toEqual([]);
});
