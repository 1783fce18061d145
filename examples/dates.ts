// Reads dates in many spellings and writes them as 2026-11-29: a network that reads in both directions, one
// that writes letter by letter, and attention between them (Luong et al. 2015); draws where it looks.
// `npx tsx examples/dates.ts [EPOCHS [SPELLINGS [FILE.svg]]]`
import {writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {data, input, layers, model, optimizers, schedules} from 'chainrule';
import {drawAttention} from './dates/draw.ts';
import {type Day, dayOf, spellings} from './dates/spellings.ts';
import {seededRandom, shuffled} from './shared/seeded.ts';

const [epochs = '10', count = '20000', file = path.join(tmpdir(), 'dates.svg')] = process.argv.slice(2);
const [written, units, held, batchSize, dayMs] = [10, 64, 4000, 128, 86_400_000];
const random = seededRandom(1);

// All days of a hundred years, of which the first 4,000 in a random order are never trained on.
const [first, last] = [Date.UTC(1950, 0, 1), Date.UTC(2049, 11, 31)];
const days = shuffled((last - first) / dayMs + 1, random).map(at => dayOf(new Date(first + at * dayMs)));
const spelled = (day: Day, how: number) => ({
  read: (spellings[how] as (day: Day) => string)(day),
  iso: day.iso,
});
const any = (count: number, from: readonly Day[]) =>
  Array.from({length: count}, (_, at) =>
    spelled(from[at % from.length] as Day, Math.floor(random() * spellings.length)),
  );
const train = any(Number(count), days.slice(held));
const test = any(held, days);

// Letters as numbers: 0 is none, and what stands before the first letter that is written.
const alphabet = [
  ...new Set(
    days.slice(0, 400).flatMap(day =>
      spellings
        .map(spell => spell(day))
        .join('')
        .split(''),
    ),
  ),
];
const digits = [...'-0123456789'];
const numbersOf = (word: string, letters: readonly string[]) =>
  [...word].map(letter => letters.indexOf(letter) + 1);
const longest = Math.max(...[...train, ...test].map(({read}) => read.length));
type Pair = (typeof train)[number];
const inputsOf = (pairs: readonly Pair[]) =>
  data.padSequences(
    pairs.map(({read}) => numbersOf(read, alphabet)),
    {maxlen: longest, padding: 'post'},
  );
const outputsOf = (pairs: readonly Pair[]) => data.padSequences(pairs.map(({iso}) => numbersOf(iso, digits)));

const read = input({shape: [longest], dtype: 'int32'});
const before = input({shape: [written], dtype: 'int32'});
const seen = layers
  .bidirectional({layer: layers.gru({units: units / 2, returnSequences: true})})
  .apply(layers.embedding({inputDim: alphabet.length + 1, outputDim: 32, maskZero: true}).apply(read));
const said = layers
  .gru({units, returnSequences: true})
  .apply(layers.embedding({inputDim: digits.length + 1, outputDim: 16}).apply(before));
// What was said so far asks for the letters that matter next.
const [found, weights] = layers
  .attention({useScale: true})
  .applyAll([said, seen], {returnAttentionScores: true}) as [typeof said, typeof said];
const thought = layers.dense({units, activation: 'tanh'}).apply(layers.concatenate().apply([found, said]));
const next = layers.dense({units: digits.length + 1, activation: 'softmax'}).apply(thought);
const writer = model({inputs: [read, before], outputs: next});
// The same layers, to see the weights of the attention as well.
const looking = model({inputs: [read, before], outputs: weights});

/** What stands before each letter: nothing, then the letters but for the last. */
function shifted({data, shape}: {readonly data: ArrayLike<number>; readonly shape: readonly number[]}) {
  const moved = Int32Array.from(data, (_, at) => (at % written === 0 ? 0 : (data[at - 1] as number)));
  return {data: moved, shape};
}

const steps = Math.ceil(Number(count) / batchSize) * Number(epochs);
const learningRate = schedules.cosineDecay({initialLearningRate: 0.004, decaySteps: steps});
writer.compile({
  optimizer: optimizers.adam({learningRate, clipNorm: 1}),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
});
const targets = outputsOf(train);
await writer.fit([inputsOf(train), shifted(targets)], targets, {
  epochs: Number(epochs),
  batchSize,
  verbose: 2,
});

/** Writes letter by letter, each time the one that is most probable. */
async function write(pairs: readonly Pair[]): Promise<{data: Int32Array; shape: number[]}> {
  const x = inputsOf(pairs);
  const done = {data: new Int32Array(pairs.length * written), shape: [pairs.length, written]};
  for (let place = 0; place < written; place++) {
    const {data: probabilities, shape} = await writer.predict([x, shifted(done)]);
    const size = shape[2] as number;
    pairs.forEach((_, row) => {
      const at = row * written + place;
      const own = probabilities.subarray(at * size, (at + 1) * size);
      done.data[at] = own.indexOf(Math.max(...own));
    });
  }
  return done;
}

const results = await write(test);
const wordOf = (row: number): string =>
  Array.from(
    results.data.subarray(row * written, (row + 1) * written),
    number => digits[number - 1] ?? '?',
  ).join('');
const right = test.filter(({iso}, row) => wordOf(row) === iso).length;
for (const row of [...test.keys()].filter(row => wordOf(row) !== test[row]?.iso).slice(0, 5)) {
  console.log(`wrong: ${test[row]?.read} as ${wordOf(row)}`);
}

const shown = [17, 7, 12].map(how => spelled(days[0] as Day, how));
const answers = await write(shown);
const {data: looked} = await looking.predict([inputsOf(shown), shifted(answers)]);
const maps = shown.map(({read}, map) => ({
  read,
  written: Array.from(
    {length: written},
    (_, at) => digits[(answers.data[map * written + at] as number) - 1] ?? '?',
  ).join(''),
  weights: Array.from({length: written}, (_, at) =>
    looked.subarray((map * written + at) * longest, (map * written + at) * longest + read.length),
  ),
}));
writeFileSync(file, drawAttention('Where the network looks for each letter that it writes', maps));
console.log(
  `${right} of ${test.length} days never seen are right: ${((100 * right) / test.length).toFixed(2)} %`,
);
console.log(`drawn to ${file}`);
