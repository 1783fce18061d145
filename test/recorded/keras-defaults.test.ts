// Keras's arguments and their defaults, as its signatures have them: what there is here of its layers and
// optimizers takes the same ones under the same names, but for the case, and does the same without them.
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {describe, expect, it} from 'vitest';
import {type Layer, layers, type Optimizer, optimizers, sequential} from '../../lib/index.ts';
import {absentArguments, absentLayers} from '../../scripts/absent.ts';
import {aheadOfPlan} from '../nn/layers/ahead-cases.ts';
import {optionsOf} from '../support/known-options.ts';
import {numbers} from '../support/plain-networks.ts';
import {
  contextsOf,
  differs,
  neededBy,
  ofText,
  onlyOne,
  otherThan,
  results,
  textContexts,
} from './default-nets.ts';

interface Signature {
  readonly required: readonly string[];
  readonly defaults: Readonly<Record<string, unknown>>;
}

type Signatures = Readonly<Record<string, Signature>>;

const file = path.join(import.meta.dirname, 'defaults/keras.json');
const recorded = JSON.parse(readFileSync(file, 'utf8')) as {layers: Signatures; optimizers: Signatures};

type Make<Made> = (options: object) => Made;

/** What both have, by its name here; aliases of Keras have none. */
function shared<Made>(theirs: Signatures, ours: object): [string, Make<Made>, Signature][] {
  const names = new Map(Object.keys(ours).map(name => [name.toLowerCase(), name]));
  return Object.entries(theirs).flatMap(([name, signature]): [string, Make<Made>, Signature][] => {
    const own = names.get(name.toLowerCase());
    return own === undefined
      ? []
      : [[own, (ours as Record<string, Make<Made>>)[own] as Make<Made>, signature]];
  });
}

/** Arguments that are called otherwise here. */
const otherwise: Readonly<Record<string, string>> = {
  ...{clipnorm: 'clipNorm', clipvalue: 'clipValue', globalClipnorm: 'globalClipNorm'},
  ...{adamLrRatio: 'adamRateRatio', excludeLayers: 'exclude', keepdims: 'keepDims'},
};
function ours(argument: string): string {
  const camel = argument.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return otherwise[camel] ?? camel;
}

/** Arguments that there are none for: of all, and of `name`. */
const absentOf = (name: string): string[] =>
  absentArguments.filter(({of}) => of?.includes(name) ?? true).flatMap(({names}) => names);

const optimizersOfBoth = shared<Optimizer>(recorded.optimizers, optimizers);
const layersOfBoth = shared<Layer>(recorded.layers, layers).filter(([name]) => name !== 'inputLayer');

it('what of Keras’s layers is not here is listed', () => {
  const here = new Set(Object.keys(layers).map(name => name.toLowerCase()));
  const absent = Object.keys(recorded.layers).filter(name => !here.has(name.toLowerCase()));
  expect(absentLayers.flatMap(({names}) => names).sort()).toEqual(absent.sort());
});

it.each(absentArguments.flatMap(({of, names}) => names.map(argument => [of ?? [], argument] as const)))(
  'of %j the argument %s is not here, and is Keras’s',
  (of, argument) => {
    const both: (readonly [string, Make<unknown>, Signature])[] = [
      ...layersOfBoth,
      ...optimizersOfBoth.map(([name, ...rest]) => [`optimizers.${name}`, ...rest] as const),
    ];
    const lacking = both.filter(([name, make, {defaults}]) => {
      const isOf = of.length === 0 || of.includes(name);
      return (
        isOf && Object.keys(defaults).map(ours).includes(argument) && !optionsOf(make).includes(argument)
      );
    });
    expect(lacking).not.toEqual([]);
  },
);

describe.each(layersOfBoth)('%s', (name, make, {required, defaults}) => {
  it('takes the arguments of Keras', () => {
    const known = optionsOf(make);
    const all = [...required, ...Object.keys(defaults)].map(ours);
    const left = absentOf(name);
    expect(all.filter(argument => !known.includes(argument) && !left.includes(argument))).toEqual([]);
  });
});

/** Values of Keras by their names here. */
function hereOf(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (name === 'embeddingsInitializer' && value === 'uniform') return 'randomUniform';
  const camel = value.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return /^[A-Z][a-z]/.test(camel) ? camel.toLowerCase() : camel;
}

const others = [...aheadOfPlan, 'inputLayer', 'lambda', 'stackedRNNCells'];
const computed = layersOfBoth.filter(([name]) => !others.includes(name));

/** Keras's defaults that a layer takes, by their names and values here. */
const saidOf = (make: Make<unknown>, {defaults}: Signature): (readonly [string, unknown])[] =>
  Object.entries(defaults)
    .map(([argument, value]) => [ours(argument), hereOf(ours(argument), value)] as const)
    .filter(([argument, value]) => value !== null && optionsOf(make).includes(argument));

describe.each(computed)('%s', (name, make, signature) => {
  const needed = () => neededBy(name, signature.required.map(ours));
  const said = saidOf(make, signature);
  const all = async (options: object): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const each of results(name, () => make({...needed(), ...options}))) found.push(each);
    return found;
  };

  it('without arguments does what Keras’s defaults say, and would not with others', async () => {
    const hidden = new Set(said.map(([argument]) => argument));
    for (const argument of onlyOne(name)) hidden.delete(argument);
    for (const context of contextsOf(name)) {
      const usual = await all(context);
      expect(await all({...Object.fromEntries(said), ...context})).toEqual(usual);
      for (const [argument, value] of said) {
        if (!hidden.has(argument) || argument in context) continue;
        const changed = {...context, [argument]: otherThan(argument, value)};
        if (await differs(name, () => make({...needed(), ...changed}), usual)) hidden.delete(argument);
      }
    }
    expect([...hidden]).toEqual([]);
  });
});

describe.each(layersOfBoth.filter(([name]) => name in textContexts))('%s', (name, make, signature) => {
  const said = saidOf(make, signature);
  const contexts = textContexts[name] as NonNullable<(typeof textContexts)[string]>;
  const all = (options: object): unknown => ofText(name, () => make(options));

  it('without arguments does what Keras’s defaults say, and would not with others', () => {
    const hidden = new Set(said.map(([argument]) => argument));
    for (const context of contexts) {
      const usual = all(context);
      expect(usual).not.toBe('refused');
      expect(all({...Object.fromEntries(said), ...context})).toEqual(usual);
      for (const [argument, value] of said) {
        if (argument in context) continue;
        const changed = all({...context, [argument]: otherThan(argument, value)});
        if (!isDeepStrictEqual(changed, usual)) hidden.delete(argument);
      }
    }
    expect([...hidden]).toEqual([]);
  });
});

/** As its first authors and PyTorch have it. */
const ownDefaults = ['muon.weightDecay'];

describe.each(optimizersOfBoth)('optimizers.%s', (name, make, {defaults}) => {
  const known = optionsOf(make);
  const left = absentOf(`optimizers.${name}`);

  it('takes the arguments of Keras', () => {
    const all = Object.keys(defaults).map(ours);
    expect(all.filter(argument => !known.includes(argument) && !left.includes(argument))).toEqual([]);
  });

  it('without arguments does what Keras’s defaults say', async () => {
    const said = Object.entries(defaults)
      .map(([argument, value]) => [ours(argument), value] as const)
      .filter(
        ([argument, value]) =>
          value !== null && known.includes(argument) && !ownDefaults.includes(`${name}.${argument}`),
      );
    const trained = async (options: object): Promise<unknown> => {
      const net = sequential([layers.dense({units: 3, inputShape: [4]}), layers.dense({units: 1})], {
        seed: 2,
      });
      net.compile({optimizer: make(options), loss: 'mse'});
      const x = {data: numbers(24, 1), shape: [6, 4]};
      for (let step = 0; step < 3; step++) await net.trainOnBatch(x, numbers(6, 2));
      return net.getWeights();
    };
    expect(await trained(Object.fromEntries(said))).toEqual(await trained({}));
  });
});
