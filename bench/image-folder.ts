// Images from files: how many a second one worker decodes, how many one thread trains on, and how many come
// through when both run at once. JPEGs of 256×256, drawn once; of each rate the best of several rounds.
import {existsSync, mkdirSync, renameSync} from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import {data, layers, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {digits, resultsFolder, saveResults} from './report.ts';

const [side, count, batch] = [256, 256, 32];
const classes = ['even', 'odd'] as const;

/** Waves and noise, of which a JPEG takes about as many bytes as of a photograph. */
function draw(seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({length: side * side * 3}, (_, at) => {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const [x, y] = [pixel % side, Math.floor(pixel / side)];
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const wave =
      Math.sin((x * (1 + (seed % 5))) / 40 + channel) + Math.cos((y * (1 + (seed % 7))) / 50 + seed);
    return Math.min(255, Math.max(0, Math.round(128 + 50 * wave + 16 * (state / 2 ** 31))));
  });
}

/** A folder of them, in a folder for each class. */
async function drawAll(): Promise<string> {
  const folder = path.join(resultsFolder, 'data', `jpeg-${side}-${count}`);
  if (existsSync(folder)) return folder;
  // Under its name only when it is complete.
  const begun = `${folder}-begun`;
  for (const name of classes) mkdirSync(path.join(begun, name), {recursive: true});
  for (let at = 0; at < count; at++) {
    const image = sharp(draw(at), {raw: {width: side, height: side, channels: 3}});
    await image.jpeg({quality: 90}).toFile(path.join(begun, classes[at % 2] as string, `${at}.jpg`));
  }
  renameSync(begun, folder);
  return folder;
}

/** About as long a step as decoding its images takes, where one waits for the other most easily. */
function makeNetwork() {
  const conv = (filters: number) =>
    layers.conv2d({filters, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu'});
  const net = sequential([
    layers.rescaling({scale: 1 / 255, inputShape: [side, side, 3]}),
    ...[16, 32, 64].map(conv),
    layers.globalAveragePooling2d(),
    layers.dense({units: classes.length, activation: 'softmax'}),
  ]);
  net.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  return net;
}

/** Images a second. */
async function rateOf(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return count / ((performance.now() - started) / 1000);
}

export async function bench({quick}: BenchOptions): Promise<Figures> {
  setThreads(1);
  const {dataset} = data.imageFolder(await drawAll(), {imageSize: [side, side], workers: 1});
  const batches = dataset.batch(batch).prefetch(2);
  const net = makeNetwork();
  const memory = {
    x: {data: new Uint8Array(count * side * side * 3).fill(99), shape: [count, side, side, 3]},
    y: Int32Array.from({length: count}, (_, at) => at % 2),
  };
  const ways = {
    decoding: async () => {
      for await (const _ of batches);
    },
    training: () => net.fit(memory.x, memory.y, {batchSize: batch, verbose: 0}),
    'both at once': () => net.fit(batches, {verbose: 0}),
  };
  const best: Record<string, number> = {};
  for (let round = 0; round < (quick ? 2 : 6); round++) {
    for (const [name, action] of Object.entries(ways)) {
      best[name] = Math.max(best[name] ?? 0, await rateOf(action));
    }
  }
  net.dispose();
  const {decoding = 0, training = 0, 'both at once': both = 0} = best;
  console.log(`JPEGs of ${side}×${side}, one worker decodes, one thread trains`);
  console.log(
    table([['', 'images a second'], ...Object.entries(best).map(([name, rate]) => [name, digits(rate)])]),
  );
  const alone = `${digits(decoding)} decoded alone, ${digits(training)} trained alone`;
  const figures: Figures = {
    'image-folder': {value: both / Math.min(decoding, training), note: `${digits(both)}; ${alone}`},
  };
  saveResults('image-folder', {best, figures});
  return figures;
}
