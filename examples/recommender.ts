// A recommender: what people would like best among ten thousand things, learned from twenty ratings
// each. Of a million rows of embeddings, a training step reads and writes those of its batch alone. Tastes
// are made up, by a generator with a seed, so that the best ten things for everybody are known.
// `npx tsx examples/recommender.ts [PEOPLE [THINGS [EPOCHS]]]`
import {initializers, input, layers, model, optimizers, regularizers, schedules} from 'chainrule';
import {seededRandom} from './shared/seeded.ts';

const [people, things, epochs] = [990_000, 10_000, 6].map((usual, at) =>
  Number(process.argv[at + 2] ?? usual),
) as [number, number, number];
const [factors, size, ratingsEach, noise, batchSize, asked] = [4, 8, 20, 0.2, 1024, 1000];
const random = seededRandom(7);
// Box and Muller (1958).
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

// The truth: a rating is the product of what one likes and what a thing has, and a mood.
const tastes = Float32Array.from({length: people * factors}, () => normal() / Math.sqrt(factors));
const traits = Float32Array.from({length: things * factors}, normal);
function liking(person: number, thing: number): number {
  let sum = 0;
  for (let at = 0; at < factors; at++)
    sum += (tastes[person * factors + at] as number) * (traits[thing * factors + at] as number);
  return sum;
}
const ratings = people * ratingsEach;
const [persons, rated] = [new Int32Array(ratings), new Int32Array(ratings)];
const stars = new Float32Array(ratings);
for (let at = 0; at < ratings; at++) {
  persons[at] = at % people;
  rated[at] = Math.floor(random() * things);
  stars[at] = liking(persons[at] as number, rated[at] as number) + noise * normal();
}

const person = input({shape: [1], dtype: 'int32'});
const thing = input({shape: [1], dtype: 'int32'});
// The penalty is of the rows that a batch reads: one of the whole table would make its gradient dense.
const table = (inputDim: number) =>
  layers.embedding({
    inputDim,
    outputDim: size,
    sparse: true,
    embeddingsInitializer: initializers.randomNormal({stddev: 0.2}),
    activityRegularizer: regularizers.l2({l2: 0.004}),
  });
const [taste, trait] = [table(people), table(things)];
const rating = layers.flatten().apply(layers.dot({axes: 2}).apply([taste.apply(person), trait.apply(thing)]));
const net = model({inputs: [person, thing], outputs: rating});
const steps = Math.ceil(ratings / batchSize) * epochs;
net.compile({
  optimizer: optimizers.adam({
    learningRate: schedules.cosineDecay({initialLearningRate: 0.02, decaySteps: steps}),
  }),
  loss: 'meanSquaredError',
});
console.log(
  `${(people + things).toLocaleString('en')} rows of embeddings, ${ratings.toLocaleString('en')} ratings`,
);
const started = performance.now();
await net.fit([persons, rated], stars, {epochs, batchSize, verbose: 2});
const seconds = (performance.now() - started) / 1000;

/** The ten things of the highest scores. */
function best(scoreOf: (thing: number) => number): number[] {
  const found: {thing: number; score: number}[] = [];
  for (let thing = 0; thing < things; thing++) {
    const score = scoreOf(thing);
    if (found.length === 10 && score <= (found[9]?.score as number)) continue;
    const place = found.findIndex(other => other.score < score);
    found.splice(place < 0 ? found.length : place, 0, {thing, score});
    found.length = Math.min(found.length, 10);
  }
  return found.map(({thing}) => thing);
}

const [tasteRows, traitRows] = [taste, trait].map(layer => layer.getWeights()[0]?.data as Float32Array) as [
  Float32Array,
  Float32Array,
];
function forecast(person: number, thing: number): number {
  let sum = 0;
  for (let at = 0; at < size; at++)
    sum += (tasteRows[person * size + at] as number) * (traitRows[thing * size + at] as number);
  return sum;
}
let hits = 0;
for (let turn = 0; turn < asked; turn++) {
  const person = Math.floor((turn * people) / asked);
  const truth = new Set(best(thing => liking(person, thing)));
  hits += best(thing => forecast(person, thing)).filter(thing => truth.has(thing)).length;
}
console.log(`${((net.iterations * batchSize) / seconds / 1e6).toFixed(2)} million ratings a second`);
console.log(`recall@10 ${(hits / (10 * asked)).toFixed(3)}; by chance ${(10 / things).toFixed(3)}`);
