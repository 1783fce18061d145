// One text, token by token, with cached keys and values; and the memory of training as sequences grow.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {type Model, optimizers} from '../lib/index.ts';
import {onCompile} from '../lib/session/compile.ts';
import {drawLines, type Line} from '../scripts/pictures/lines.ts';
import {table} from '../scripts/table.ts';
import type {Figure} from './options.ts';
import {onnxTransformerStep} from './peers/onnx-transformer.ts';
import {PeerProcess} from './peers/process.ts';
import {startOf} from './peers/registry.ts';
import {bestOfOthers, type Peer, type Times, tableOf, timeInTurns} from './peers/turns.ts';
import {digits, resultsFolder} from './report.ts';
import {char, charTransformer} from './sequence-workloads.ts';

export interface GenerationTimes {
  /** Least microseconds of a token, of each. */
  readonly least: Times;
  readonly figure: Figure | undefined;
}

const tokens = char.length - 1;

/** onnxruntime with the very weights, or nothing where it is not installed. @throws where logits differ */
async function startOnnxruntime(net: Model, threads: number): Promise<Peer | undefined> {
  const name = 'onnxruntime';
  const spec = {name, runtime: 'js', script: 'onnxruntime-generation.ts', mode: ''} as const;
  const start = startOf({...spec, needs: 'onnxruntime-node'}, threads);
  if (typeof start === 'string') {
    console.log(`${name}: missing: ${start}`);
    return undefined;
  }
  const weights = new Map(net.getWeights().map(({name, data}) => [name, data as Float32Array]));
  const weightOf = (name: string): Float32Array => {
    const found = weights.get(name);
    if (!found) throw new Error(`generation: no weight ${name}`);
    return found;
  };
  const folder = path.join(resultsFolder, 'data');
  mkdirSync(folder, {recursive: true});
  const file = path.join(folder, 'transformer-step.onnx');
  writeFileSync(file, onnxTransformerStep(char, weightOf));
  const process = new PeerProcess(start);
  const {blocks, heads, size} = char;
  await process.ask({load: {file, blocks, heads, width: size / heads}, length: tokens}, 60);
  const text = Array.from({length: char.length}, (_, at) => (at * 7) % char.vocabulary);
  const {logits} = await process.ask<{logits: number[]}>({logits: text}, 60);
  const most = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  const {data} = await net.predict({data: Int32Array.from(text), shape: [1, text.length]});
  const own = data.subarray(-char.vocabulary);
  const errors = logits.map((logit, at) => Math.abs(Math.exp(logit - most) / total - (own[at] as number)));
  if (!(Math.max(...errors) < 1e-4)) throw new Error(`generation: ${name} differs by ${Math.max(...errors)}`);
  return {name, runtime: spec.runtime, process};
}

export interface GenerationPeers {
  /** Already started. */
  readonly peers: readonly Peer[];
  readonly threads: number;
  readonly onnxruntime: boolean;
}

/** The transformer of characters at batch 1, from one token up to all positions that it knows. */
export async function timeGeneration(given: GenerationPeers, quick: boolean): Promise<GenerationTimes> {
  const net = charTransformer();
  const onnxruntime = given.onnxruntime ? await startOnnxruntime(net, given.threads) : undefined;
  const peers = onnxruntime ? [...given.peers, onnxruntime] : given.peers;
  const texts = quick ? 5 : 20;
  const own = async (): Promise<number> => {
    const started = performance.now();
    for (let text = 0; text < texts; text++) {
      const made = await net.generate([text % char.vocabulary], {maxNewTokens: tokens, seed: text}).toArray();
      if (made.length !== tokens) throw new Error(`generation: ${made.length} tokens`);
    }
    return ((performance.now() - started) / (texts * tokens)) * 1000;
  };
  try {
    await own();
    const least = await timeInTurns({
      name: 'generation',
      own: {chainrule: own},
      peers,
      request: {workload: 'generation', batch: 1, steps: texts * tokens, length: tokens},
      rounds: quick ? 3 : 7,
    });
    console.log('generation: transformer-char, batch 1, keys and values cached');
    console.log(tableOf(least, 'µs of a token'));
    return {least, figure: bestOfOthers(least)};
  } finally {
    net.dispose();
    onnxruntime?.process.stop();
  }
}

const lengths = [1024, 2048, 4096];

/** Bytes of activations and gradients that a training step of one row is planned to take, by its length. */
export function plannedBytes(): Readonly<Record<string, number>> {
  let most = 0;
  onCompile(({plan}) => {
    most = Math.max(most, plan.arenaBytes);
  });
  try {
    return Object.fromEntries(
      lengths.map(steps => {
        const net = charTransformer(steps);
        net.compile({optimizer: optimizers.adamw(), loss: 'sparseCategoricalCrossentropy'});
        most = 0;
        // It plans a training step, which takes more than a prediction.
        net.summary({batchSize: 1, print: () => {}});
        net.dispose();
        return [String(steps), most];
      }),
    );
  } finally {
    onCompile(undefined);
  }
}

/** How many times as much a step takes in the longest sequence as in the shortest: 1 where it is linear. */
export function growthOf(bytes: Readonly<Record<string, number>>): Figure {
  const rows = Object.entries(bytes).map(([steps, own]) => [
    steps,
    digits(own / 2 ** 20),
    digits(own / Number(steps) / 1024),
  ]);
  console.log('memory: transformer-char, a training step of one row');
  console.log(table([['steps', 'MiB of activations', 'KiB a step'], ...rows]));
  const each = lengths.map(steps => (bytes[steps] as number) / steps);
  return {value: (each.at(-1) as number) / (each[0] as number)};
}

/** The same as a picture, beside what would grow with the square of the length. */
export function drawMemory(bytes: Readonly<Record<string, number>>): string {
  const first = lengths[0] as number;
  const least = bytes[first] as number;
  const line = (name: string, of: (steps: number) => number): Line => ({
    name,
    points: lengths.map(steps => [steps, of(steps) / 2 ** 20] as const),
  });
  return drawLines(
    [
      line('as planned', steps => bytes[steps] as number),
      line('with the square of the steps', steps => least * (steps / first) ** 2),
    ],
    {
      title: 'A training step of the transformer of characters, one row',
      xName: 'steps',
      yName: 'MiB of activations and gradients',
      logarithmic: 'both',
      dots: true,
    },
  );
}
