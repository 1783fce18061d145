// Layers of texts and categories against Keras; hashes against TensorFlow.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, it} from 'vitest';
import {layers} from '../../lib/index.ts';
import {farmHash64, sipHash64} from '../../lib/nn/hashes.ts';
import {untyped} from '../support/refusals.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'text', `${name}.json`), 'utf8'));

interface Case {
  readonly layer: 'stringLookup';
  readonly options: Record<string, unknown>;
  readonly adapt?: readonly string[];
  readonly data: readonly string[];
  readonly weights?: unknown;
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
  readonly vocabulary?: readonly (number | string)[];
  readonly boundaries?: readonly number[];
}

const {cases} = read('layers') as {cases: readonly Case[]};

describe('layers of Keras give', () => {
  it.each(
    cases.map(
      each => [`${each.layer} ${JSON.stringify(each.options)} of ${each.data.length}`, each] as const,
    ),
  )('%s', (_, given) => {
    const layer = layers[given.layer](given.options);
    if (given.adapt) layer.adapt(given.adapt);
    if (given.vocabulary) expect(layer.getVocabulary()).toEqual(given.vocabulary);
    if (given.vocabulary) expect(layer.vocabularySize()).toBe(given.vocabulary.length);
    if (given.boundaries) {
      const bounds: number[] = untyped(layer).binBoundaries;
      expect(bounds).toHaveLength(given.boundaries.length);
      bounds.forEach((bound, at) => {
        expect(bound).toBeCloseTo(given.boundaries?.[at] as number, 4);
      });
    }
    const made = untyped(layer).call(given.data, given.weights);
    expect(made.shape).toEqual(given.shape);
    const values = [...made.data];
    expect(values).toHaveLength(given.values.length);
    values.forEach((value, at) => {
      const wanted = given.values[at];
      if (typeof wanted === 'string') expect(value).toBe(wanted);
      else expect(value, `element ${at}`).toBeCloseTo(wanted as number, 5);
    });
  });
});

describe('hashes of TensorFlow', () => {
  const {bins, salt, texts, fast, strong} = read('hashes') as {
    bins: number;
    salt: [number, number];
    texts: string[];
    fast: number[];
    strong: number[];
  };
  it.each(texts.map((text, at) => [text.slice(0, 20), text.length, at] as const))('%s of %i', (_, __, at) => {
    const text = texts[at] as string;
    expect(Number(farmHash64(text) % BigInt(bins))).toBe(fast[at]);
    const key = [BigInt(salt[0]), BigInt(salt[1])] as const;
    expect(Number(sipHash64(text, key) % BigInt(bins))).toBe(strong[at]);
  });
});
