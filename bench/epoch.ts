// What does it cost that an epoch is shuffled, and that images are bytes? 60,000 × 784, through 784-128-10 in
// batches of 128, in turns.
import {layers, type Sequential, sequential, setThreads} from '../lib/index.ts';
import {table} from '../scripts/table.ts';
import type {BenchOptions, Figures} from './options.ts';
import {digits, saveResults} from './report.ts';

const rows = 60_000;
const width = 784;

function build(): Sequential {
  const model = sequential([
    layers.dense({units: 128, activation: 'relu', inputShape: [width]}),
    layers.dense({units: 10, activation: 'softmax'}),
  ]);
  model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
  return model;
}

interface Way {
  readonly name: string;
  readonly images: Float32Array | Uint8Array;
  readonly shuffle: boolean;
  seconds: number;
}

export async function bench({threads, quick}: BenchOptions): Promise<Figures> {
  setThreads(threads);
  const bytes = Uint8Array.from({length: rows * width}, (_, index) => (index * 7) % 251);
  const floats = Float32Array.from(bytes, value => value / 255);
  const labels = Uint8Array.from({length: rows}, (_, row) => row % 10);
  const ways: Way[] = [floats, bytes].flatMap(images =>
    [false, true].map(shuffle => ({
      name: `${images.constructor.name}, ${shuffle ? 'shuffled' : 'in order'}`,
      images,
      shuffle,
      seconds: Number.POSITIVE_INFINITY,
    })),
  );
  const models = ways.map(build);
  for (let repeat = 0; repeat < (quick ? 3 : 10); repeat++) {
    for (const [index, way] of ways.entries()) {
      const x = {data: way.images, shape: [rows, width]};
      const started = performance.now();
      const options = {epochs: 1, batchSize: 128, shuffle: way.shuffle, verbose: 0} as const;
      await models[index]?.fit(x, labels, options);
      way.seconds = Math.min(way.seconds, (performance.now() - started) / 1000);
    }
  }
  const [first, shuffled, inBytes, shuffledBytes] = ways.map(({seconds}) => seconds) as [
    number,
    number,
    number,
    number,
  ];
  const lines = ways.map(({name, seconds}) => [
    name,
    digits(seconds * 1e3),
    digits(rows / seconds),
    (seconds / first).toFixed(2),
  ]);
  console.log(`an epoch of ${rows.toLocaleString('en')} × ${width} on ${threads} threads`);
  console.log(table([['', 'ms', 'samples/s', '÷ the first'], ...lines]));
  const figures: Figures = {
    shuffled: {value: shuffled / first},
    uint8: {value: Math.max(inBytes / first, shuffledBytes / shuffled), note: 'the worse of both orders'},
  };
  saveResults('epoch', {threads, ways: ways.map(({name, seconds}) => ({name, seconds})), figures});
  return figures;
}
