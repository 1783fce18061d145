// Learns to keep a pole upright by what it tries: a deep Q-network (Mnih et al. 2015) with the double
// estimate of van Hasselt et al. (2016); draws how long its games last.
// `npx tsx examples/deep-q.ts [STEPS [FILE.svg]]`
import {writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {layers, optimizers, sequential} from 'chainrule';
import {drawLines, lineOf} from '../scripts/pictures/lines.ts';
import {isOver, moved, type State} from './cart-pole/environment.ts';
import {ReplayBuffer} from './cart-pole/replay-buffer.ts';
import {seededRandom} from './shared/seeded.ts';

const [count = '60000', file = path.join(tmpdir(), 'deep-q.svg')] = process.argv.slice(2);
const steps = Number(count);
const [longest, batchSize, discount, everySteps, lessons] = [500, 64, 0.99, 256, 128];
const random = seededRandom(1);

/** What each of both pushes is worth in a state: how long the game will last, later steps counting less. */
const makeNetwork = () =>
  sequential([
    layers.dense({units: 64, activation: 'relu', inputShape: [4]}),
    layers.dense({units: 64, activation: 'relu'}),
    layers.dense({units: 2}),
  ]);
const network = makeNetwork();
network.compile({optimizer: optimizers.adam({learningRate: 0.001}), loss: 'meanSquaredError'});
// What is aimed at must stand still for a while: it is a copy of the network, as it was some steps ago.
const target = makeNetwork();
const copyToTarget = () => target.setWeights(network.getWeights());
copyToTarget();

const begin = (): State => [0, 0, 0, 0].map(() => (random() - 0.5) * 0.1) as unknown as State;
const betterOf = (values: ArrayLike<number>, row = 0): number =>
  Number((values[2 * row + 1] as number) > (values[2 * row] as number));
const choose = (state: State): number => betterOf(network.predictSync(Float32Array.from(state)).data);

const memory = new ReplayBuffer<State>(50_000);
function learn(): void {
  const batch = memory.sample(batchSize, random);
  const states = Float32Array.from(batch.flatMap(({state}) => state));
  const next = Float32Array.from(batch.flatMap(step => step.next));
  const values = Float32Array.from(network.predictSync(states).data);
  const [own, others] = [network.predictSync(next).data, target.predictSync(next).data];
  batch.forEach(({action, reward, over}, row) => {
    // The network says which push is better, its copy what that is worth.
    const later = over ? 0 : (others[2 * row + betterOf(own, row)] as number);
    values[2 * row + action] = reward + discount * later;
  });
  network.trainOnBatchSync(states, values);
}

const lengths: number[] = [];
const started = performance.now();
let [state, length] = [begin(), 0];
for (let step = 1; step <= steps; step++) {
  const curiosity = Math.max(0.02, 1 - step / (0.2 * steps));
  const action = random() < curiosity ? Math.floor(random() * 2) : choose(state);
  const next = moved(state, action === 1);
  const over = isOver(next);
  memory.add({state, action, reward: 1, next, over});
  length++;
  // A game that lasts long enough ends, too, but what comes after it would have counted.
  if (over || length === longest) {
    lengths.push(length);
    if (lengths.length % 50 === 0) {
      const mean = lengths.slice(-50).reduce((sum, each) => sum + each, 0) / 50;
      console.log(`game ${lengths.length}, step ${step}: the last 50 lasted ${mean.toFixed(1)} steps`);
    }
    [state, length] = [begin(), 0];
  } else {
    state = next;
  }
  if (step % everySteps === 0) {
    for (let lesson = 0; lesson < lessons; lesson++) learn();
    copyToTarget();
  }
}
const seconds = (performance.now() - started) / 1000;

/** A game without trying anything. */
function played(): number {
  let [state, length] = [begin(), 0];
  for (; length < longest && !isOver(state); length++) state = moved(state, choose(state) === 1);
  return length;
}
const games = Array.from({length: 100}, played);
const mean = games.reduce((sum, each) => sum + each, 0) / games.length;
console.log(`${Math.round(steps / seconds).toLocaleString('en')} steps a second, learning included`);
console.log(`afterwards 100 games last ${mean.toFixed(1)} steps of at most ${longest}`);
const smooth = lengths.map((_, at) => {
  const near = lengths.slice(Math.max(0, at - 19), at + 1);
  return near.reduce((sum, each) => sum + each, 0) / near.length;
});
writeFileSync(
  file,
  drawLines([lineOf('each game', lengths), lineOf('mean of the last 20', smooth)], {
    title: 'How long the pole stands',
    xName: 'game',
    yName: 'steps',
  }),
);
console.log(`drawn to ${file}`);
