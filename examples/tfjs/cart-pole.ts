// Keeps a pole upright on a cart: policy gradient (Williams 1992), with TensorFlow.js.
// `npx tsx examples/tfjs/cart-pole.ts [ITERATIONS [GAMES]]`
import * as tf from '@tensorflow/tfjs';
import 'chainrule/tfjs'; // the only line that is not TensorFlow.js
import {isOver, moved, type State} from '../cart-pole/environment.ts';
import {seededRandom} from '../shared/seeded.ts';

const [iterations = '30', games = '20'] = process.argv.slice(2);
const random = seededRandom(3);

const initial = (seed: number) => tf.initializers.glorotUniform({seed});
const policy = tf.sequential({
  layers: [
    tf.layers.dense({units: 16, activation: 'elu', inputShape: [4], kernelInitializer: initial(1)}),
    tf.layers.dense({units: 1, kernelInitializer: initial(2)}),
  ],
});

interface Step {
  readonly state: State;
  /** 1 for a push to the right. */
  readonly action: number;
}

function played(longest: number): Step[] {
  let state: State = [0, 0, (random() - 0.5) * 0.1, 0];
  const steps: Step[] = [];
  while (!isOver(state) && steps.length < longest) {
    const now = state;
    const [toTheRight = 0] = tf.tidy(() => {
      const logit = policy.predict(tf.tensor2d([[...now]])) as tf.Tensor2D;
      return tf.sigmoid(logit).dataSync();
    });
    const action = random() < toTheRight ? 1 : 0;
    steps.push({state, action});
    state = moved(state, action === 1);
  }
  return steps;
}

/** What each step was worth: how long the game went on from there, the far future counting less. */
function worths(steps: readonly Step[]): number[] {
  const worth: number[] = [];
  let later = 0;
  for (let at = steps.length - 1; at >= 0; at--) {
    later = 1 + 0.95 * later;
    worth[at] = later;
  }
  return worth;
}

const optimizer = tf.train.adam(0.02);
for (let iteration = 0; iteration < Number(iterations); iteration++) {
  const all = Array.from({length: Number(games)}, () => played(500));
  const steps = all.flat();
  const loss = optimizer.minimize(() => {
    const states = tf.tensor2d(steps.map(({state}) => [...state]));
    const actions = tf.tensor2d(
      steps.map(({action}) => action),
      [steps.length, 1],
    );
    const worth = tf.tensor2d(all.flatMap(worths), [steps.length, 1]);
    const {mean, variance} = tf.moments(worth);
    const advantage = worth.sub(mean).div(variance.sqrt().add(1e-6)) as tf.Tensor2D;
    const logits = policy.apply(states) as tf.Tensor2D;
    return tf.losses.sigmoidCrossEntropy(actions, logits, advantage) as tf.Scalar;
  }, true) as tf.Scalar;
  const length = (steps.length / all.length).toFixed(1);
  console.log(
    `iteration ${iteration + 1}: ${length} steps a game, loss ${(await loss.data())[0]?.toFixed(6)}`,
  );
  loss.dispose();
}
console.log(`${tf.getBackend()}: ${tf.memory().numTensors} tensors`);
