// fast-check composes small models of any layers: shapes, values, gradients and both modes as float64 says,
// and files and descriptions that give the same model back.
import fc from 'fast-check';
import {describe, it} from 'vitest';
import {input, type Layer, layers, model, type SymbolicTensor} from '../../../lib/index.ts';
import {deep} from '../../support/child.ts';
import {checkLayer} from './check-layer.ts';

/** A choice for each step: which layer, on which tensors made so far. */
interface Choice {
  readonly kind: number;
  readonly first: number;
  readonly second: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Layers of one input, smooth ones, so that differences can be taken anywhere. */
const single: readonly (() => Layer)[] = [
  () => layers.dense({units: 3, activation: 'tanh'}),
  () => layers.dense({units: 2, useBias: false, kernelRegularizer: 'l2'}),
  () => layers.activation({activation: 'sigmoid'}),
  () => layers.softmax(),
  () => layers.batchNormalization({momentum: 0.8, epsilon: 0.1}),
  () => layers.layerNormalization({epsilon: 0.1}),
  () => layers.dropout({rate: 0.3}),
  () => layers.gaussianNoise({stddev: 0.2}),
  () => layers.gaussianDropout({rate: 0.2}),
  () => layers.activityRegularization({l2: 0.1}),
  () => layers.flatten(),
];

/** The same for steps, [steps, channels], and for images, [height, width, channels]. */
const ofSteps: readonly ((x: SymbolicTensor) => SymbolicTensor)[] = [
  x => layers.lstm({units: 2, returnSequences: true}).apply(x),
  x => layers.gru({units: 2, returnSequences: true, goBackwards: true}).apply(x),
  x => layers.gru({units: 1, resetAfter: false}).apply(x),
  x => layers.simpleRNN({units: 3, recurrentDropout: 0.2}).apply(x),
  x =>
    layers.bidirectional({layer: layers.lstm({units: 1, returnSequences: true}), mergeMode: 'mul'}).apply(x),
  x => layers.conv1d({filters: 2, kernelSize: 2, padding: 'causal', activation: 'tanh'}).apply(x),
  x => layers.multiHeadAttention({numHeads: 2, keyDim: 1}).apply([x, x]),
  x => layers.attention({useScale: true}).apply([x, x]),
  x => layers.timeDistributed({layer: layers.dense({units: 2, activation: 'sigmoid'})}).apply(x),
  x => layers.reshape({targetShape: [...x.shape, 1]}).apply(x),
];
const ofImages: readonly (() => Layer)[] = [
  () => layers.conv2d({filters: 2, kernelSize: 2, padding: 'same', activation: 'tanh'}),
  () => layers.conv2d({filters: 1, kernelSize: [1, 2], strides: [1, 2], padding: 'same', useBias: false}),
  () => layers.depthwiseConv2d({kernelSize: 2, padding: 'same', depthMultiplier: 2}),
  () => layers.conv2dTranspose({filters: 1, kernelSize: 2, padding: 'same'}),
  () => layers.averagePooling2d({poolSize: [1, 2], padding: 'same'}),
  () => layers.groupNormalization({groups: 1, epsilon: 0.1}),
  () => layers.globalAveragePooling2d(),
];

/** A layer of the shape's own, where there are such. */
function shaped(kind: number, x: SymbolicTensor): SymbolicTensor | undefined {
  if (x.shape.length === 2) return (ofSteps[kind % ofSteps.length] as (typeof ofSteps)[number])(x);
  if (x.shape.length === 3) return (ofImages[kind % ofImages.length] as (typeof ofImages)[number])().apply(x);
  return undefined;
}

const joins: readonly (() => Layer)[] = [
  () => layers.add(),
  () => layers.subtract(),
  () => layers.multiply(),
  () => layers.average(),
];

function step(choice: Choice, tensors: readonly SymbolicTensor[], made: Layer[]): SymbolicTensor {
  const first = tensors[choice.first % tensors.length] as SymbolicTensor;
  const second = tensors[choice.second % tensors.length] as SymbolicTensor;
  const kind = choice.kind % (single.length + joins.length + 3);
  const own = choice.kind % 2 === 0 ? shaped(choice.second, first) : undefined;
  if (own) return own;
  const flat = (x: SymbolicTensor): SymbolicTensor => (x.shape.length === 1 ? x : layers.flatten().apply(x));
  if (kind < single.length) {
    const layer = (single[kind] as () => Layer)();
    made.push(layer);
    return layer.apply(first);
  }
  if (kind < single.length + joins.length) {
    const same = first.shape.join() === second.shape.join();
    const layer = (joins[kind - single.length] as () => Layer)();
    return layer.apply([first, same ? second : first]);
  }
  if (kind === single.length + joins.length) return layers.concatenate().apply([flat(first), flat(second)]);
  // An earlier layer once more, on what it can take.
  const again = made.find(layer => {
    try {
      layer.apply(first);
      return true;
    } catch {
      return false;
    }
  });
  if (kind === single.length + joins.length + 1 && again) return again.apply(first);
  const size = sizeOf(first.shape);
  return layers.reshape({targetShape: size % 2 === 0 ? [2, size / 2] : [size, 1]}).apply(first);
}

/** All of the graph that the last tensors depend on, as one layer. */
function compose(choices: readonly Choice[], inputs: readonly number[][]): Layer {
  const start = inputs.map(shape => input({shape}));
  const tensors: SymbolicTensor[] = [...start];
  const made: Layer[] = [];
  for (const choice of choices) {
    const next = step(choice, tensors, made);
    // Sizes are kept small, and so is the time that differences take.
    if (sizeOf(next.shape) <= 12) tensors.push(next);
  }
  const ends = [tensors.at(-1) as SymbolicTensor, ...start].map(tensor => layers.flatten().apply(tensor));
  return model({inputs: start, outputs: layers.concatenate().apply(ends)}).toLayer();
}

const choice = fc.record({kind: fc.nat(40), first: fc.nat(20), second: fc.nat(20)});

describe('models composed at random', () => {
  it('keep the contract of a layer', {timeout: 900_000}, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(choice, {minLength: 1, maxLength: 7}), fc.boolean(), async (choices, two) => {
        const inputs = two ? [[3], [2, 2]] : [[3, 2]];
        await checkLayer({make: () => compose(choices, inputs), inputs, composed: true});
      }),
      {numRuns: deep ? 1000 : 25, seed: deep ? Date.now() & 0x7fffffff : 7},
    );
  });
});
