// What layers say of options and shapes that they cannot take.
import {describe, expect, it} from 'vitest';
import {input, layers} from '../../../lib/index.ts';

const untyped = (value: unknown): never => value as never;
const of = (...shape: number[]) => input({shape});

const options: [string, () => unknown, RegExp][] = [
  [
    'a rate',
    () => layers.alphaDropout({rate: 1}),
    /layers.alphaDropout: rate: expected a finite number >= 0 and < 1/,
  ],
  ['no rate', () => layers.gaussianDropout(untyped({})), /gaussianDropout: rate: expected a finite number/],
  [
    'no options',
    () => layers.gaussianNoise(untyped(undefined)),
    /gaussianNoise: expected an object of options/,
  ],
  [
    'a noise shape',
    () => layers.dropout({rate: 0.5, noiseShape: [null, 0.5]}),
    /layers.dropout: noiseShape: expected a size or null for each axis, batch first. Received/,
  ],
  ['a spatial rate', () => layers.spatialDropout2d({rate: 1}), /spatialDropout2d: rate: expected a finite/],
  ['noise', () => layers.gaussianNoise({stddev: -1}), /stddev: expected a finite number >= 0/],
  ['a penalty', () => layers.activityRegularization({l1: -1}), /layers.activityRegularization: l1: expected/],
  [
    'another penalty',
    () => layers.activityRegularization({l2: -1}),
    /layers.activityRegularization: l2: expected/,
  ],
  [
    'momentum',
    () => layers.batchNormalization({momentum: 2}),
    /momentum: expected a finite number >= 0 and <= 1/,
  ],
  ['epsilon', () => layers.layerNormalization({epsilon: 0}), /epsilon: expected a finite number > 0/],
  [
    'center',
    () => layers.layerNormalization({center: untyped(1)}),
    /center: expected true or false. Received 1/,
  ],
  ['scale', () => layers.batchNormalization({scale: untyped('no')}), /scale: expected true or false/],
  ['an axis', () => layers.batchNormalization({axis: 0.5}), /axis: expected an integer/],
  ['axes', () => layers.layerNormalization({axis: [1, 0.5]}), /axis: expected an integer/],
  ['no axis', () => layers.layerNormalization({axis: []}), /axis: expected at least one axis/],
  ['a misspelling', () => layers.batchNormalization(untyped({momentun: 0.9})), /Did you mean "momentum"/],
  [
    'an initializer',
    () => layers.batchNormalization({movingMeanInitializer: untyped('zeroes')}),
    /mean "zeros"/,
  ],
  ['three axes', () => layers.dot({axes: untyped([1, 2, 3])}), /axes: expected one or two. Received 3/],
  ['no axes', () => layers.dot(untyped({})), /axes: expected an integer/],
  ['normalize', () => layers.dot({axes: 1, normalize: untyped(2)}), /normalize: expected true or false/],
  ['half an axis', () => layers.concatenate({axis: 0.5}), /axis: expected an integer/],
  ['a shape', () => layers.reshape({targetShape: untyped(3)}), /targetShape: expected an array of integers/],
  [
    'two unknowns',
    () => layers.reshape({targetShape: [-1, -1]}),
    /only one size may be -1. Received \[-1,-1\]/,
  ],
  ['a size of 0', () => layers.reshape({targetShape: [0, 2]}), /expected 1 to 5 sizes, none 0/],
  ['half a size', () => layers.reshape({targetShape: [1.5]}), /targetShape: expected an integer/],
  [
    'no permutation',
    () => layers.permute({dims: [1, 3]}),
    /dims: expected each of 1 to 2 once. Received \[1,3\]/,
  ],
  ['repetitions', () => layers.repeatVector({n: 0}), /repeatVector: n: expected an integer >= 1/],
  ['trainable', () => layers.flatten({trainable: untyped('no')}), /trainable: expected true or false/],
  [
    'an activity regularizer',
    () => layers.flatten({activityRegularizer: untyped('l3')}),
    /unknown regularizer "l3"/,
  ],
];

const shapes: [string, () => unknown, RegExp][] = [
  ['an axis beyond', () => layers.batchNormalization({axis: 3}).apply(of(4, 2)), /axis 3 is none of 1 to 2/],
  ['the batch', () => layers.layerNormalization({axis: 0}).apply(of(4)), /axis 0 is none of 1 to 1/],
  ['an axis twice', () => layers.layerNormalization({axis: [1, -1]}).apply(of(4)), /is given twice/],
  ['one part', () => layers.concatenate().apply([of(3)]), /concatenate: expected at least two inputs/],
  [
    'parts apart',
    () => layers.concatenate().apply([of(3, 2), of(2, 2)]),
    /may differ along axis -1 alone. Received \[3,2\]/,
  ],
  ['parts of other rank', () => layers.concatenate().apply([of(3), of(3, 1)]), /may differ along axis/],
  ['one operand', () => layers.dot({axes: 1}).apply(of(3)), /dot: expected two inputs/],
  [
    'sizes apart',
    () => layers.dot({axes: 1}).apply([of(3), of(4)]),
    /differ in size: 3 of \[3\] and 4 of \[4\]/,
  ],
  [
    'a reshape',
    () => layers.reshape({targetShape: [4, -1]}).apply(of(6)),
    /\[6\] cannot become \[4,-1\]: sizes differ/,
  ],
  [
    'a permutation',
    () => layers.permute({dims: [2, 1]}).apply(of(6)),
    /\[2,1\] does not suit a sample \[6\]/,
  ],
  ['a matrix repeated', () => layers.repeatVector({n: 2}).apply(of(2, 2)), /expected samples of one axis/],
];

describe('layers refuse', () => {
  it.each(options)('%s', (_, call, text) => expect(call).toThrow(text));
  it.each(shapes)('%s', (_, call, text) => expect(call).toThrow(text));
});
