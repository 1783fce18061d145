// `file://` for models of TensorFlow.js: model.json with the weights in files beside it.
import fs from 'node:fs/promises';
import path from 'node:path';
import {types} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {fail} from '../core/errors.ts';
import {isError} from '../core/kinds.ts';

const scheme = 'file://';
const weightsFile = 'weights.bin';

/** A missing file is named as what it was to be. */
function reading<Result>(what: string, file: string, read: Promise<Result>): Promise<Result> {
  return read.catch(cause => {
    const code = isError(cause) ? (cause as NodeJS.ErrnoException).code : undefined;
    if (code === 'ENOENT') fail('ERR_FILE', `${what} ${file} does not exist: loading failed.`);
    throw cause;
  });
}

async function readJson(what: string, file: string): Promise<unknown> {
  const stat = await reading(what, file, fs.stat(file));
  if (!stat.isFile()) fail('ERR_FILE', `${what} ${file} is no file: expected the path of a model.json.`);
  return JSON.parse(await fs.readFile(file, 'utf8'));
}

type Manifest = tf.io.WeightsManifestConfig;

/** The weights of all groups, in the files that the manifest names. */
async function readWeights(
  manifest: Manifest,
  folder: string,
): Promise<[tf.io.WeightsManifestEntry[], ArrayBuffer]> {
  const files = manifest.flatMap(({paths}) => paths).map(name => path.join(folder, name));
  const parts = await Promise.all(files.map(file => reading('Weight file', file, fs.readFile(file))));
  const all = new Uint8Array(parts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return [manifest.flatMap(({weights}) => weights), all.buffer];
}

/** Saves a model in a folder, or loads one. */
class FileSystem implements tf.io.IOHandler {
  readonly #path: string | readonly [string, string];

  constructor(given: string | readonly string[]) {
    if (typeof given === 'string') {
      this.#path = path.resolve(given);
      return;
    }
    if (given.length !== 2) {
      fail('ERR_OPTION', `tf.io.fileSystem: expected a path, or two. Received ${given.length}.`);
    }
    this.#path = given.map(each => path.resolve(each)) as [string, string];
  }

  /** Into a folder, which is made where there is none. */
  async save(artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> {
    const folder = this.#path;
    if (typeof folder !== 'string') return fail('ERR_OPTION', 'save: expected the path of one folder.');
    if (types.isAnyArrayBuffer(artifacts.modelTopology)) {
      return fail('ERR_OPTION', 'save: a topology of bytes is not saved, only one of JSON.');
    }
    const stat = await fs.stat(folder).catch(() => undefined);
    if (stat?.isFile()) fail('ERR_FILE', `save: ${folder} is a file: expected a folder, or a new name.`);
    await fs.mkdir(folder, {recursive: true});
    const {weightData = new ArrayBuffer(0), weightSpecs = [], ...described} = artifacts;
    const weightsManifest = [{paths: [weightsFile], weights: weightSpecs}];
    await fs.writeFile(path.join(folder, 'model.json'), JSON.stringify({...described, weightsManifest}));
    const parts = Array.isArray(weightData) ? weightData : [weightData];
    await fs.writeFile(path.join(folder, weightsFile), Buffer.concat(parts.map(part => Buffer.from(part))));
    return {modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts)};
  }

  async load(): Promise<tf.io.ModelArtifacts> {
    const file = this.#path;
    if (typeof file !== 'string') return this.#loadGraph(file);
    const json = (await readJson('Path', file)) as tf.io.ModelJSON;
    const folder = path.dirname(file);
    return tf.io.getModelArtifactsForJSON(json, manifest => readWeights(manifest, folder));
  }

  /** A graph in bytes, and the manifest of its weights. */
  async #loadGraph([topology, manifest]: readonly [string, string]): Promise<tf.io.ModelArtifacts> {
    const bytes = await reading('Topology Path', topology, fs.readFile(topology));
    const groups = (await readJson('Weight Manifest Path', manifest)) as Manifest;
    const [weightSpecs, weightData] = await readWeights(groups, path.dirname(manifest));
    return {modelTopology: new Uint8Array(bytes).buffer, weightSpecs, weightData};
  }
}

/**
 * Saves models in a folder, as model.json and weights.bin, or loads them: from the path of a model.json, or
 * from two, of a graph in bytes and of the manifest of its weights. What `file://` in `model.save` and
 * `tf.loadLayersModel` stands for.
 *
 * @throws ERR_FILE; ERR_OPTION
 */
export function fileSystem(given: string | string[]): tf.io.IOHandler {
  return new FileSystem(given);
}

const isFile = (url: string): boolean => typeof url === 'string' && url.startsWith(scheme);
const pathOf = (url: string): string => url.slice(scheme.length);

/** For tfjs's table of handlers: `file://` paths, and nothing else. */
export function fileRouter(url: string | string[]): tf.io.IOHandler {
  const none = null as unknown as tf.io.IOHandler;
  if (Array.isArray(url)) return url.every(isFile) ? fileSystem(url.map(pathOf)) : none;
  return isFile(url) ? fileSystem(pathOf(url)) : none;
}
