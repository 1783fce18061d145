// onnxruntime-node, on the very weights of a model.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {Model, Sequential} from '../../lib/index.ts';
import type {BenchOptions} from '../options.ts';
import {resultsFolder} from '../report.ts';
import {onnxNetwork, permuted} from './onnx-network.ts';
import {PeerProcess} from './process.ts';
import {startOf} from './registry.ts';

/** A process of so many threads, where onnxruntime is chosen and installed. */
export function startOnnx({peers, quick}: BenchOptions, threads: number): PeerProcess | undefined {
  if (!(peers ?? (quick ? [] : ['onnxruntime'])).includes('onnxruntime')) return undefined;
  const spec = {name: 'onnxruntime', runtime: 'js', script: 'onnxruntime.ts', mode: ''} as const;
  const start = startOf({...spec, needs: 'onnxruntime-node'}, threads);
  if (typeof start !== 'string') return new PeerProcess(start);
  console.log(`onnxruntime: missing: ${start}`);
  return undefined;
}

interface Loaded {
  readonly version: string;
  readonly output: readonly number[];
}

/**
 * The model and these rows as files that the peer reads; gives its version.
 *
 * @throws where it predicts something else.
 */
export async function loadOnnx(
  peer: PeerProcess,
  name: string,
  model: Model | Sequential,
  x: Float32Array,
): Promise<string> {
  const shape = model.inputShape as readonly number[];
  const rows = x.length / shape.reduce((size, each) => size * each, 1);
  const folder = path.join(resultsFolder, 'data');
  mkdirSync(folder, {recursive: true});
  const [file, input] = ['onnx', 'f32'].map(end => path.join(folder, `${name}.${end}`)) as [string, string];
  writeFileSync(file, onnxNetwork(model, rows));
  const [height, width, channels] = shape as readonly [number, number?, number?];
  const isImage = width !== undefined && channels !== undefined;
  const given = isImage ? permuted(x, [rows, height, width, channels], [0, 3, 1, 2]) : x;
  writeFileSync(input, new Uint8Array(given.buffer));
  const sizes = isImage ? [rows, channels, height, width] : [rows, ...shape];
  const {version, output} = await peer.ask<Loaded>({load: {model: file, input, shape: sizes}}, 60);
  const {data} = model.predictSync({data: x, shape: [rows, ...shape]}) as {data: Float32Array};
  const difference = Math.max(...data.map((value, index) => Math.abs(value - (output[index] as number))));
  // Of the largest that there is: classes that are all equally likely would be told apart by nobody.
  if (!(difference < 1e-5 * Math.max(...data)))
    throw new Error(`bench: onnxruntime differs by ${difference}`);
  return version;
}
