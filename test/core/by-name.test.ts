// What stands by name, an output's loss or an input's data, may stand in a Map or in an object, alike
// everywhere; what gives results in the structure that it was given is no Map, and says so.
import {describe, expect, it} from 'vitest';
import {compile, Dataset, input, layers, model, ops} from '../../lib/index.ts';
import {untyped} from '../support/refusals.ts';

const x = {
  left: [
    [0, 1],
    [1, 0],
    [1, 1],
  ],
  right: [[1], [2], [0]],
};
const y = {yes: [[1], [0], [1]], kind: [2, 0, 1]};

function build() {
  const [left, right] = [input({shape: [2], name: 'left'}), input({shape: [1], name: 'right'})];
  const body = layers.concatenate().apply([left, right]);
  return model({
    inputs: {left, right},
    outputs: {
      yes: layers.dense({units: 1, activation: 'sigmoid', name: 'yes'}).apply(body),
      kind: layers.dense({units: 3, activation: 'softmax', name: 'kind'}).apply(body),
    },
  });
}

const options = {
  loss: {yes: 'binaryCrossentropy', kind: 'sparseCategoricalCrossentropy'},
  lossWeights: {yes: 1, kind: 0.5},
  metrics: {yes: ['auc'], kind: ['accuracy', 'matthews']},
  weightedMetrics: {kind: ['accuracy']},
} as const;

const asMap = <Value>(table: Readonly<Record<string, Value>>) => new Map(Object.entries(table));

async function trained(by: <Value>(table: Readonly<Record<string, Value>>) => unknown) {
  const net = build();
  net.compile({
    optimizer: 'sgd',
    loss: untyped(by(options.loss)),
    lossWeights: untyped(by(options.lossWeights)),
    metrics: untyped(by<readonly string[]>(options.metrics)),
    weightedMetrics: untyped(by(options.weightedMetrics)),
  });
  const weighting = {
    sampleWeight: untyped(by({kind: [1, 2, 3]})),
    classWeight: untyped(by({kind: by({0: 2, 1: 1}), yes: by({1: 3})})),
  };
  const logs = await net.fit(untyped(by(x)), untyped(by(y)), {epochs: 2, ...weighting});
  const validated = await net.fit(untyped(by(x)), untyped(by(y)), {
    validationData: untyped([by(x), by(y), by({kind: [1, 0, 1]})]),
  });
  const batches = Dataset.fromGenerator(() => [{xs: untyped(by(x)), ys: untyped(by(y))}]);
  await net.fit(untyped(batches));
  const last = await net.trainOnBatch(untyped(by(x)), untyped(by(y)), weighting);
  const evaluated = await net.evaluate(untyped(by(x)), untyped(by(y)), {
    sampleWeight: weighting.sampleWeight,
  });
  return [logs, validated, last, evaluated, await net.predict(untyped(by(x))), net.getWeights()];
}

describe('tables by name', () => {
  it('are Maps as well as objects, to the same bits', async () => {
    expect(await trained(asMap)).toEqual(await trained(table => table));
  });

  it('refuse names that are none, in a Map too', async () => {
    const net = build();
    const compileWith = (given: object) => () =>
      net.compile(untyped({optimizer: 'sgd', loss: 'mse', ...given}));
    expect(compileWith({loss: asMap({yess: 'mse'})})).toThrow(/unknown output "yess".*"yes"/);
    expect(compileWith({lossWeights: asMap({kinds: 1})})).toThrow(/unknown output "kinds".*"kind"/);
    expect(compileWith({metrics: asMap({Yes: ['mae']})})).toThrow(/unknown output "Yes".*"yes"/);
    expect(compileWith({weightedMetrics: new Map([[1, ['mae']]])})).toThrow(/unknown output "1"/);
    net.compile({optimizer: 'sgd', ...options});
    await expect(net.predict(untyped(asMap({left: x.left})))).rejects.toThrow(/array for right is missing/);
    await expect(net.predict(untyped(asMap({...x, rigth: x.right})))).rejects.toThrow(/"rigth".*"right"/);
    const fit = net.fit(x, y, {sampleWeight: untyped(asMap({knd: [1, 1, 1]}))});
    await expect(fit).rejects.toThrow(/sampleWeight: "knd".*"kind"/);
  });

  it('give the inputs of a function; its outputs are an object', () => {
    const [a, b] = [ops.input({name: 'a', shape: [2]}), ops.input({name: 'b', shape: [2]})];
    const sum = compile(ops.add(a, b));
    const inputs = {a: [1, 2], b: [3, 4]};
    expect(sum.runSync(asMap(inputs))).toEqual(sum.runSync(inputs));
    expect(() => sum.runSync(asMap({...inputs, c: [1]}))).toThrow(/unknown input "c"/);
    const outputs = untyped(asMap({sum: ops.add(a, b)}));
    expect(() => compile(outputs)).toThrow(/Received a Map\. Object\.fromEntries/);
    expect(() => compile(untyped(undefined))).toThrow(/expected tensors.*Received undefined/);
    const ends = {inputs: asMap({left: input({shape: [2]})}), outputs: asMap({})};
    expect(() => model(untyped(ends))).toThrow(/model: inputs: .*Received a Map/);
  });
});
