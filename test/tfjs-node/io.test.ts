// Models in files and from a server.
import fs from 'node:fs';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type {io} from '@tensorflow/tfjs';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import * as tf from '../../lib/tfjs-node/index.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chainrule-tfjs-node-'));
const place = (name: string): string => path.join(folder, name);

function small(): tf.Sequential {
  const model = tf.sequential();
  model.add(tf.layers.dense({units: 3, inputShape: [2], activation: 'tanh'}));
  model.add(tf.layers.dense({units: 1}));
  return model;
}

const x = (): tf.Tensor =>
  tf.tensor2d([
    [1, 2],
    [-1, 0.5],
  ]);
const predicted = (model: tf.LayersModel): number[] => [...(model.predict(x()) as tf.Tensor).dataSync()];

beforeAll(() => tf.setBackend('chainrule'));
afterAll(() => fs.rmSync(folder, {recursive: true}));

describe('file://', () => {
  test('saves a model in a folder, and loads it', async () => {
    const model = small();
    const {modelArtifactsInfo} = await model.save(`file://${place('deep/model')}`);
    expect(modelArtifactsInfo.modelTopologyType).toBe('JSON');
    expect(modelArtifactsInfo.weightDataBytes).toBe(13 * 4);
    expect(fs.readdirSync(place('deep/model')).sort()).toEqual(['model.json', 'weights.bin']);
    expect(fs.statSync(place('deep/model/weights.bin')).size).toBe(13 * 4);
    const json = JSON.parse(fs.readFileSync(place('deep/model/model.json'), 'utf8'));
    expect(json.format).toBe('layers-model');
    expect(json.weightsManifest[0].paths).toEqual(['weights.bin']);
    const again = await tf.loadLayersModel(`file://${place('deep/model/model.json')}`);
    expect(predicted(again)).toEqual(predicted(model));
  });

  test('saves over what is there', async () => {
    for (const model of [small(), small()]) {
      await model.save(tf.io.fileSystem(place('twice')));
      const again = await tf.loadLayersModel(tf.io.fileSystem(place('twice/model.json')));
      expect(predicted(again)).toEqual(predicted(model));
    }
  });

  test('keeps the optimizer and its state, and what the program says of the model', async () => {
    const model = small();
    model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
    model.setUserDefinedMetadata({trainedOn: 'two rows'});
    await model.fit(x(), tf.tensor2d([[1], [0]]), {epochs: 2, verbose: 0});
    const handler = `file://${place('trained')}`;
    await model.save(handler, {includeOptimizer: true});
    const again = (await tf.loadLayersModel(`${handler}/model.json`)) as tf.LayersModel;
    expect(again.optimizer.getClassName()).toBe('Adam');
    expect(again.getUserDefinedMetadata()).toEqual({trainedOn: 'two rows'});
    const [kept, wanted] = await Promise.all([again.optimizer.getWeights(), model.optimizer.getWeights()]);
    expect(kept.map(({tensor}) => [...tensor.dataSync()])).toEqual(
      wanted.map(({tensor}) => [...tensor.dataSync()]),
    );
  });

  test('loads weights that are in several files', async () => {
    const model = small();
    await model.save(`file://${place('parts')}`);
    const file = place('parts/model.json');
    const json = JSON.parse(fs.readFileSync(file, 'utf8'));
    const [{weights}] = json.weightsManifest;
    const bytes = fs.readFileSync(place('parts/weights.bin'));
    fs.writeFileSync(place('parts/a.bin'), bytes.subarray(0, 24));
    fs.writeFileSync(place('parts/b.bin'), bytes.subarray(24));
    json.weightsManifest = [
      {paths: ['a.bin'], weights: weights.slice(0, 1)},
      {paths: ['b.bin'], weights: weights.slice(1)},
    ];
    fs.writeFileSync(file, JSON.stringify(json));
    expect(predicted(await tf.loadLayersModel(`file://${file}`))).toEqual(predicted(model));
  });

  test('loads a graph in bytes with a manifest', async () => {
    fs.writeFileSync(place('graph.pb'), Buffer.from([1, 2, 3]));
    fs.writeFileSync(place('w.bin'), Buffer.from(Float32Array.of(4, 5).buffer));
    const manifest = [{paths: ['w.bin'], weights: [{name: 'w', shape: [2], dtype: 'float32'}]}];
    fs.writeFileSync(place('manifest.json'), JSON.stringify(manifest));
    const [handler] = tf.io.getLoadHandlers([
      `file://${place('graph.pb')}`,
      `file://${place('manifest.json')}`,
    ]);
    const loaded = (await handler?.load?.()) as io.ModelArtifacts;
    expect([...new Uint8Array(loaded.modelTopology as ArrayBuffer)]).toEqual([1, 2, 3]);
    expect([...new Float32Array(loaded.weightData as ArrayBuffer)]).toEqual([4, 5]);
    expect(loaded.weightSpecs).toEqual(manifest[0]?.weights);
  });

  test('is asked for nothing but files', () => {
    expect(tf.io.getLoadHandlers('other://x')).toEqual([]);
    expect(tf.io.getLoadHandlers(['file://a', 'http://b'])).toEqual([]);
    expect(tf.io.getSaveHandlers('file://a')).toHaveLength(1);
  });

  test.each([
    [
      () => tf.loadLayersModel(`file://${place('none.json')}`),
      /Path .*none.json does not exist: loading failed/,
    ],
    [() => tf.loadLayersModel(`file://${folder}`), /is no file: expected the path of a model.json/],
    [() => small().save(`file://${place('lone.txt')}`), /lone.txt is a file: expected a folder/],
    [() => tf.io.fileSystem(['a', 'b']).save?.({}), /expected the path of one folder/],
    [() => tf.io.fileSystem(['a', 'b', 'c']), /expected a path, or two. Received 3/],
    [() => tf.io.fileSystem(place('m')).save?.({modelTopology: new ArrayBuffer(4)}), /a topology of bytes/],
  ])('says what is wrong %#', async (use, message) => {
    fs.writeFileSync(place('lone.txt'), '');
    await expect((async () => use())()).rejects.toThrow(message);
  });

  test('names the file of weights that is missing', async () => {
    await small().save(`file://${place('torn')}`);
    fs.rmSync(place('torn/weights.bin'));
    const load = tf.loadLayersModel(`file://${place('torn/model.json')}`);
    await expect(load).rejects.toThrow(/Weight file .*torn.weights.bin does not exist: loading failed/);
  });
});

test('models come from a server', async () => {
  const model = small();
  await model.save(`file://${place('served')}`);
  const asked: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url, request.headers['x-key'] as string | undefined);
    response.setHeader(
      'content-type',
      request.url?.endsWith('json') ? 'application/json' : 'application/octet-stream',
    );
    response.end(fs.readFileSync(path.join(folder, String(request.url))));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/served/model.json`;
    const handler = tf.io.nodeHTTPRequest(url, {headers: {'x-key': 'open'}});
    expect(predicted(await tf.loadLayersModel(handler))).toEqual(predicted(model));
    expect(asked).toEqual(['/served/model.json', 'open', '/served/weights.bin', 'open']);
    expect(predicted(await tf.loadLayersModel(url))).toEqual(predicted(model));
  } finally {
    server.close();
  }
});

test('SavedModels are refused, with the way to convert them', async () => {
  const {loadSavedModel, getMetaGraphsFromSavedModel, getNumOfSavedModels} = tf.node;
  await expect(loadSavedModel('./saved')).rejects.toThrow(
    /saved is a SavedModel.*tensorflowjs_converter --input_format=tf_saved_model .\/saved web_model.*ONNX/,
  );
  await expect(getMetaGraphsFromSavedModel('./saved')).rejects.toThrow(/loadGraphModel/);
  expect(getNumOfSavedModels()).toBe(0);
});

test('the backend has the name of tfjs-node, too', async () => {
  expect(await tf.setBackend('tensorflow')).toBe(true);
  expect([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]).toEqual([11]);
  const y = tf.tensor1d([1, 2]);
  await tf.setBackend('chainrule');
  expect([...tf.add(y, 1).dataSync()]).toEqual([2, 3]);
});
