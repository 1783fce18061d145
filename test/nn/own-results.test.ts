// Regularizers, constraints and initializers of the user's own that give what they should not.
import {describe, expect, it} from 'vitest';
import {layers, ops, sequential, type Tensor} from '../../lib/index.ts';
import {untyped} from '../support/refusals.ts';

async function train(options: object): Promise<void> {
  const net = sequential([layers.dense({units: 2, inputShape: [3], name: 'first', ...options})]);
  net.compile({optimizer: 'sgd', loss: 'mse'});
  await net.trainOnBatch([[1, 2, 3]], [[1, 2]]);
}

const refusals: [string, object, RegExp][] = [
  [
    'a penalty that is no tensor',
    {kernelRegularizer: untyped(() => 1)},
    /^regularizer: expected a scalar, e\.g\. ops\.sum\(…\)\. Received 1 in first\/kernel\.$/,
  ],
  [
    'a penalty that is forgotten',
    {kernelRegularizer: untyped(() => undefined)},
    /Received undefined in first/,
  ],
  [
    'a penalty that is no scalar',
    {biasRegularizer: (w: Tensor) => ops.square(w)},
    /^regularizer: expected a scalar.*Received float32\[2\] in first\/bias\.$/,
  ],
  [
    'a penalty of what a layer gives that is no scalar',
    {activityRegularizer: (y: Tensor) => ops.abs(y)},
    /^regularizer: expected a scalar.*Received float32\[\d,2\] in first\.$/,
  ],
  [
    'a constraint that gives no tensor',
    {kernelConstraint: untyped(() => 1)},
    /^constraint: expected float32\[3,2\], as the weight is\. Received 1 in first\/kernel\.$/,
  ],
  ['a constraint that gives nothing', {kernelConstraint: untyped(() => undefined)}, /Received undefined in/],
  [
    'a constraint that gives another shape',
    {kernelConstraint: (w: Tensor) => ops.sum(w)},
    /^constraint: expected float32\[3,2\].*Received float32\[\] in first\/kernel\.$/,
  ],
  [
    'a constraint that gives another type',
    {kernelConstraint: (w: Tensor) => ops.cast(w, 'int32')},
    /^constraint: expected float32\[3,2\].*Received int32\[3,2\] in first\/kernel\.$/,
  ],
  [
    'an initializer that gives no tensor',
    {kernelInitializer: untyped(() => 1)},
    /^first\/kernel: its initializer must give a tensor\. Received 1\.$/,
  ],
  [
    'an initializer that gives another shape',
    {kernelInitializer: () => ops.zeros([2])},
    /^first\/kernel is float32\[3,2\]\. Received the initial value float32\[2\]\.$/,
  ],
  ['a name that is no text', {name: untyped(3n)}, /^layers\.dense: name: expected letters.*Received 3n\.$/],
];

describe('what a function of the user gives is refused where it is', () => {
  it.each(refusals)('%s', async (_, options, text) => {
    await expect(train(options)).rejects.toThrow(text);
  });
});
