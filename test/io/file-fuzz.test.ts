// Descriptions of models changed at random and signed anew, as an attacker would: they are refused, or they
// describe a model that works.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {
  ChainruleError,
  constraints,
  layers,
  load,
  metrics,
  optimizers,
  regularizers,
  schedules,
  sequential,
} from '../../lib/index.ts';
import {repeats} from '../support/child.ts';
import {oddValues} from '../support/odd-values.ts';
import {forgeHeader, type Table} from './forge.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-fuzz-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));
const file = path.join(folder, 'model.chainrule');

type Json = null | boolean | number | string | Json[] | {[key: string]: Json};
let state = 12345;
/** An integer below `count`. */
function random(count: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * count);
}

const oddities = oddValues as readonly Json[];

/** One of the keys, rather one below which there is more. */
function keyIn(value: {[key: string]: Json}): string | undefined {
  const keys = Object.keys(value);
  const deep = keys.filter(key => typeof value[key] === 'object' && value[key] !== null);
  const choice = deep.length > 0 && random(4) > 0 ? deep : keys;
  return choice[random(choice.length)];
}

/** Changes one place of a description, somewhere. */
function spoil(value: Json): Json {
  if (typeof value !== 'object' || value === null || random(12) === 0) {
    return oddities[random(oddities.length)] as Json;
  }
  if (Array.isArray(value)) {
    const at = random(value.length + 1);
    if (at === value.length) return [...value, oddities[random(oddities.length)] as Json];
    if (random(5) === 0) return value.toSpliced(at, 1);
    if (random(5) === 0) return [...value, value[at] as Json];
    return value.with(at, spoil(value[at] as Json));
  }
  const key = keyIn(value);
  if (key === undefined || random(8) === 0) {
    const added = ['kind', 'units', 'name', 'config', '__proto__', 'inputShape'][random(6)] as string;
    return Object.fromEntries([...Object.entries(value), [added, oddities[random(oddities.length)] as Json]]);
  }
  if (random(6) === 0) return Object.fromEntries(Object.entries(value).filter(([own]) => own !== key));
  return Object.fromEntries(
    Object.entries(value).map(([own, inner]) => [own, own === key ? spoil(inner) : inner]),
  );
}

/** Changes the table of tensors, or what the file says of its model. */
function spoilHeader({__metadata__: metadata, ...tensors}: Table): Json {
  const part = ['topology', 'training', 'topology', 'training', 'step', 'tensors'][random(6)] as string;
  if (part === 'tensors') return {__metadata__: metadata, ...(spoil(tensors as Json) as object)};
  let described = JSON.parse(metadata[part] as string) as Json;
  for (let count = 1 + random(2); count > 0; count--) described = spoil(described);
  return {__metadata__: {...metadata, [part]: JSON.stringify(described)}, ...(tensors as object)};
}

async function saved(): Promise<Buffer> {
  const model = sequential([
    layers.dense({
      units: 4,
      inputShape: [3],
      activation: 'relu',
      kernelInitializer: 'heNormal',
      kernelRegularizer: regularizers.l1l2({l1: 0.1}),
      kernelConstraint: constraints.maxNorm({maxValue: 3}),
    }),
    layers.dropout({rate: 0.1}),
    layers.activation({activation: 'tanh'}),
    layers.dense({units: 2, activation: 'softmax'}),
  ]);
  const learningRate = schedules.cosineDecay({initialLearningRate: 0.1, decaySteps: 9});
  model.compile({
    optimizer: optimizers.adam({learningRate, beta1: 0.8}),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy', metrics.binaryAccuracy({threshold: 0.4})],
  });
  await model.save(file);
  return readFileSync(file);
}

/** A model that was loaded after all does what models do, or says what it cannot. */
async function use(): Promise<'refused' | 'loaded'> {
  try {
    const model = await load(file);
    const size = model.inputShape.reduce((product, length) => product * length, 1);
    if (size > 1e5) return 'loaded';
    const x = {data: new Float32Array(size), shape: [1, ...model.inputShape]};
    const {data, shape} = model.predictSync(x);
    await model.fit(x, {data, shape}, {epochs: 2}).catch((error: unknown) => {
      expect(error).toBeInstanceOf(ChainruleError);
    });
    return 'loaded';
  } catch (error) {
    expect(error, String((error as Error).stack)).toBeInstanceOf(ChainruleError);
    expect((error as ChainruleError).code, String((error as Error).stack)).toBe('ERR_FILE');
    // Looked for and found, not stumbled over.
    const {cause} = error as ChainruleError;
    expect(cause, String((cause as Error).stack)).toBeInstanceOf(ChainruleError);
    return 'refused';
  }
}

it('a description changed at random is refused or works', {timeout: 300_000}, async () => {
  const whole = await saved();
  writeFileSync(
    file,
    forgeHeader(whole, () => undefined),
  );
  expect(await use()).toBe('loaded');
  const outcomes = {refused: 0, loaded: 0};
  for (let repeat = 0; repeat < repeats(20_000, 300); repeat++) {
    writeFileSync(
      file,
      forgeHeader(whole, table => JSON.stringify(spoilHeader(table))),
    );
    outcomes[await use()]++;
    expect(({} as {kind?: unknown}).kind).toBeUndefined();
  }
  expect(outcomes.refused).toBeGreaterThan(outcomes.loaded);
  expect(outcomes.loaded).toBeGreaterThan(0);
});
