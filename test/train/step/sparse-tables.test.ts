// `summary` tells of tables that were to be updated by rows, and why a step updates every row: as its plan
// does.
import {describe, expect, it} from 'vitest';
import {input, layers, type Model, model, optimizers, sequential} from '../../../lib/index.ts';
import {onCompile} from '../../../lib/session/compile.ts';

type Compile = Parameters<Model['compile']>[0];

const adam: Compile = {optimizer: 'adam', loss: 'mse'};

const plain = (options: object = {}): Model =>
  sequential([
    layers.embedding({inputDim: 30, outputDim: 4, sparse: true, inputShape: [3], ...options}),
    layers.flatten(),
    layers.dense({units: 1}),
  ]) as never;

function tied(): Model {
  const table = layers.embedding({inputDim: 30, outputDim: 4, sparse: true});
  const x = input({shape: [3]});
  const hidden = layers.dense({units: 4}).apply(table.apply(x));
  return model({inputs: x, outputs: table.apply(hidden, {reverse: true})}) as never;
}

function twice(): Model {
  const table = layers.embedding({inputDim: 30, outputDim: 4, sparse: true});
  const [a, b] = [input({shape: [3]}), input({shape: [2]})];
  const both = [a, b].map(ids => layers.flatten().apply(table.apply(ids)));
  return model({
    inputs: [a, b],
    outputs: layers.dense({units: 1}).apply(layers.concatenate().apply(both)),
  }) as never;
}

/** Whether a training step has an instruction that updates rows. */
function updatesRows(net: Model): boolean {
  const names: string[] = [];
  onCompile(({plan}) => names.push(...plan.instructions.map(({name}) => name)));
  try {
    net.summary({print: () => {}});
  } finally {
    onCompile(undefined);
  }
  return names.some(name => /^(sgd|momentum|adagrad|adam|lion)Rows$/.test(name));
}

describe('summary of a sparse table', () => {
  const accumulating = optimizers.sgd({learningRate: 0.1, gradientAccumulationSteps: 2});
  const averaging = optimizers.adam({useEma: true});
  const cases: [string, () => Model, Compile, RegExp | undefined][] = [
    ['as it should be', plain, adam, undefined],
    ['of several columns', () => plain({inputDim: [10, 10, 10]}), adam, undefined],
    ['with momentum', plain, {...adam, optimizer: optimizers.sgd({momentum: 0.9})}, undefined],
    [
      'with a regularizer',
      () => plain({embeddingsRegularizer: 'l2'}),
      adam,
      /its regularizer reads every row/,
    ],
    [
      'with a constraint',
      () => plain({embeddingsConstraint: 'nonNeg'}),
      adam,
      /its constraint reads every row/,
    ],
    ['with weight decay', plain, {...adam, optimizer: 'adamw'}, /weight decay changes every row/],
    ['with averages', plain, {...adam, optimizer: averaging}, /moving averages follow every row/],
    [
      'with accumulation',
      plain,
      {...adam, optimizer: accumulating},
      /accumulated gradients are of every row/,
    ],
    ['with clipping', plain, {...adam, optimizer: optimizers.sgd({clipNorm: 1})}, /limits gradients/],
    [
      'with another optimizer',
      plain,
      {...adam, optimizer: 'rmsprop'},
      /the optimizer rmsprop updates every row/,
    ],
    [
      'with a tied output',
      tied,
      {optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', warn: false},
      /an output that shares the table reads every row/,
    ],
    ['read twice', twice, adam, /more than one layer call reads it/],
  ];

  it.each(cases)('%s', (_, make, compile, reason) => {
    const net = make();
    net.compile(compile);
    const text = net.summary({print: () => {}});
    const told = text.split('\n').find(line => line.includes('is sparse, but a step updates every row'));
    expect(told === undefined).toBe(updatesRows(build(make, compile)));
    if (reason) expect(told).toMatch(reason);
    else expect(told).toBeUndefined();
  });

  const build = (make: () => Model, compile: Compile): Model => {
    const net = make();
    net.compile(compile);
    return net;
  };

  it('says nothing of tables that are not sparse', () => {
    const net = plain({sparse: false, embeddingsRegularizer: 'l2'});
    net.compile(adam);
    expect(net.summary({print: () => {}})).not.toContain('every row');
  });
});
