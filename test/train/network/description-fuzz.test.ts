// Descriptions of graphs, spoiled at random: a model, or an error that says what is wrong.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {ChainruleError, input, layers, model, modelFromJSON, sequential} from '../../../lib/index.ts';
import {deep} from '../../support/child.ts';
import {oddValues} from '../../support/odd-values.ts';

type Node = Record<string, unknown> | unknown[];

function description(): Node {
  const [a, b] = [input({shape: [3], name: 'a'}), input({shape: [2], name: 'b'})];
  const twin = layers.dense({units: 3, activation: 'tanh', kernelRegularizer: 'l2'});
  const inner = sequential([layers.dense({units: 3, inputShape: [2]}), layers.batchNormalization()]);
  const joined = layers.add().apply([twin.apply(twin.apply(a)), inner.apply(b)]);
  const shaped = layers.reshape({targetShape: [3, -1]}).apply(layers.concatenate().apply([joined, a, a, a]));
  const net = model({
    inputs: [a, b],
    outputs: {first: layers.layerNormalization({axis: [1, 2]}).apply(shaped), second: joined},
  });
  return JSON.parse(JSON.stringify(net));
}

const original = JSON.stringify(description());

/** All places of a description: the object and the key in it. */
function placesOf(node: Node): [Node, string][] {
  return Object.entries(node).flatMap(([key, value]) => [
    [node, key] as [Node, string],
    ...(typeof value === 'object' && value !== null ? placesOf(value as Node) : []),
  ]);
}

const change = fc.record({
  place: fc.nat(1000),
  value: fc.constantFrom(...oddValues),
  how: fc.constantFrom('set', 'drop', 'swap'),
  other: fc.nat(1000),
});

describe('descriptions of graphs', () => {
  it('give a model, or an error of ours, however they are spoiled', () => {
    let [made, refused] = [0, 0];
    fc.assert(
      fc.property(fc.array(change, {minLength: 1, maxLength: 3}), changes => {
        const spoiled = JSON.parse(original) as Node;
        for (const {place, value, how, other} of changes) {
          const places = placesOf(spoiled);
          const [node, key] = places[place % places.length] as [Node, string];
          const table = node as Record<string, unknown>;
          const [from, name] = places[other % places.length] as [Node, string];
          if (how === 'drop') delete table[key];
          else table[key] = structuredClone(how === 'set' ? value : (from as Record<string, unknown>)[name]);
        }
        try {
          modelFromJSON(spoiled as never);
          made++;
        } catch (error) {
          if (!(error instanceof ChainruleError)) throw error;
          refused++;
        }
      }),
      {numRuns: deep ? 3000 : 300, seed: deep ? Date.now() & 0x7fffffff : 11},
    );
    expect(made).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(100);
  }, 120_000);
});
