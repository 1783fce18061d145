// Same seed, same bits: whatever the number of threads, the instruction set and the length of a native call.
import {afterEach, describe, expect, it} from 'vitest';
import type {Precision} from '../../lib/core/precision.ts';
import {layers, sequential} from '../../lib/index.ts';
import {getThreads, setThreads} from '../../lib/runtime/program.ts';
import {compileProgram} from '../../lib/session/compile.ts';
import {VariableStore} from '../../lib/session/store.ts';
import type {Callback} from '../../lib/train/callbacks/callback.ts';
import {deep, isas} from '../conformance/native.ts';
import {
  broad,
  fingerprint,
  inputsOf,
  type Sizes,
  small,
  trainingInputs,
  trainingStep,
} from '../conformance/training.ts';
import {runChild} from '../support/child.ts';

const threads = getThreads();
afterEach(() => setThreads(threads));

interface Way {
  readonly isa?: string;
  readonly threads?: number;
  /** Steps in one native call. */
  readonly call?: number;
  readonly sync?: boolean;
  readonly precision?: Precision;
}

/** Trains and gives the losses of all steps and a fingerprint of weights and moments. */
async function train(sizes: Sizes, steps: number, way: Way): Promise<{losses: number[]; weights: string}> {
  setThreads(way.threads ?? 1);
  const {variables, ...graph} = trainingStep(sizes);
  const store = new VariableStore();
  store.add(variables);
  store.initialize(3);
  const {isa, precision} = way;
  const program = compileProgram({...graph, store, precision, ...(isa !== undefined && {isa})});
  const all = trainingInputs(sizes, steps);
  const losses: number[] = [];
  const call = way.call ?? steps;
  for (let first = 0; first < steps; first += call) {
    const last = Math.min(first + call, steps);
    const [inputs, options] = [inputsOf(all, sizes, first, last), {steps: last - first}];
    const result = way.sync ? program.runSync(inputs, options) : await program.run(inputs, options);
    expect(result.end).toBe('done');
    losses.push(...(result.outputs.lossTotal as Float64Array));
  }
  return {losses, weights: fingerprint(variables.map(owner => store.read(owner)))};
}

/** Computed at the first use, when no other run is under way. */
function once<Value>(make: () => Value): () => Value {
  let made: {value: Value} | undefined;
  return () => {
    made ??= {value: make()};
    return made.value;
  };
}

const threadCounts = deep ? [1, 2, 3, 7] : [1, 2, 5];
const timeout = deep ? 300_000 : 120_000;

describe('200 steps of a small network', () => {
  const steps = 200;
  const reference = once(() => train(small, steps, {isa: 'scalar', sync: true, call: 1}));

  it('learn something', async () => {
    const {losses} = await reference();
    expect(losses).toHaveLength(steps);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
  });

  // Another value here is other results for every user: it belongs in CHANGELOG.md.
  it('end with the bits on record', async () => {
    expect((await reference()).weights).toBe('df81e11a6ae3bc46');
  });

  it.each(isas)(
    'end with the same bits on %s, for every number of threads and length of a call',
    async isa => {
      for (const count of threadCounts) {
        for (const call of deep ? [1, 3, 50, 199, 200] : [3, 50, 200]) {
          expect(await train(small, steps, {isa, threads: count, call})).toEqual(await reference());
        }
      }
      expect(await train(small, steps, {isa, call: 1})).toEqual(await reference());
      expect(await train(small, steps, {isa, call: 50, sync: true})).toEqual(await reference());
    },
  );
});

describe('a network wide enough to be shared among threads', () => {
  const steps = deep ? 100 : 20;
  const reference = once(() => train(broad, steps, {isa: 'scalar'}));

  it.each(isas)('ends with the same bits on %s for every number of threads', {timeout}, async isa => {
    for (const count of threadCounts) {
      for (const call of [7, steps]) {
        expect(await train(broad, steps, {isa, threads: count, call})).toEqual(await reference());
      }
    }
  });
});

describe('products in bfloat16', () => {
  const steps = 12;
  const precision = 'bfloat16';
  const reference = once(() => train(broad, steps, {isa: 'scalar', precision}));

  it('give other bits than those in float32, and nearly the same losses', async () => {
    const [{losses, weights}, plain] = [await reference(), await train(broad, steps, {})];
    expect(weights).not.toBe(plain.weights);
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / (plain.losses[step] as number) - 1)).toBeLessThan(0.03);
    });
  });

  // No sum here is smaller than the least normal number.
  it.each(isas)('give the same bits on %s for every number of threads', {timeout}, async isa => {
    for (const count of [1, 2, 3]) {
      expect(await train(broad, steps, {isa, threads: count, call: 5, precision})).toEqual(await reference());
    }
  });
});

describe('200 steps of fit', () => {
  const data = {samples: 500, features: 20, classes: 10};
  const epochs = 10;

  interface Fit {
    readonly threads?: number;
    readonly callbacks?: Callback[];
    readonly validate?: boolean;
  }

  /** A fingerprint of weights and history. */
  async function trained({threads: count = 1, callbacks, validate = false}: Fit): Promise<string> {
    setThreads(count);
    const {x, y} = trainingInputs({...small, ...data}, 1) as {x: Float32Array; y: Uint8Array};
    const model = sequential([
      layers.dense({units: 32, activation: 'relu', inputShape: [data.features]}),
      layers.dropout({rate: 0.2}),
      layers.dense({units: data.classes, activation: 'softmax'}),
    ]);
    model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
    const shaped = {data: x, shape: [data.samples, data.features]};
    const {history} = await model.fit(shaped, y, {
      epochs,
      batchSize: 25,
      seed: 7,
      ...(callbacks && {callbacks}),
      ...(validate && {validationData: [shaped, y] as const}),
    });
    const numbers = Float64Array.from([...(history.loss ?? []), ...(history.accuracy ?? [])]);
    return fingerprint([...model.getWeights().map(weight => weight.data), numbers]);
  }

  const plain = once(() => trained({}));
  const printed = new Set<string>();

  it.each(threadCounts)('gives the same bits on %i threads', async count => {
    expect(await trained({threads: count})).toBe(await plain());
  });

  it('gives the same bits with a callback on every batch, on some, on each call, or none', async () => {
    let calls = 0;
    const onBatchEnd = (): void => {
      calls++;
    };
    for (const [every, least] of [
      [1, 200],
      [3, 60],
      [7, 20],
      ['call', 1],
    ] as const) {
      calls = 0;
      expect(await trained({callbacks: [{every, onBatchEnd}]}), `every ${every}`).toBe(await plain());
      expect(calls).toBeGreaterThanOrEqual(least);
    }
    expect(await trained({callbacks: [{onEpochEnd() {}}]})).toBe(await plain());
  });

  it('gives the same bits with an evaluation after each epoch', async () => {
    expect(await trained({validate: true})).toBe(await plain());
  });

  it.each(isas)('gives the same bits when %s is chosen by the environment', async isa => {
    const {x, y} = trainingInputs({...small, ...data}, 1) as {x: Float32Array; y: Uint8Array};
    const child = await runChild(
      `
      const {layers, sequential, nativeInfo} = chainrule;
      const model = sequential([
        layers.dense({units: 32, activation: 'relu', inputShape: [${data.features}]}),
        layers.dropout({rate: 0.2}),
        layers.dense({units: ${data.classes}, activation: 'softmax'}),
      ]);
      model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']});
      const values = Float32Array.from(${JSON.stringify(Array.from(x))});
      const x = {data: values, shape: [${data.samples}, ${data.features}]};
      const y = Uint8Array.from(${JSON.stringify(Array.from(y))});
      await model.fit(x, y, {epochs: 2, batchSize: 25, seed: 7});
      const bytes = ({data}) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const weights = model.getWeights().map(bytes);
      console.log(nativeInfo().isa, Buffer.concat(weights).toString('base64'));
      `,
      {env: {CHAINRULE_ISA: isa, CHAINRULE_NUM_THREADS: '2'}},
    );
    expect(child.stderr).toBe('');
    const [used, weights] = child.stdout.trim().split(' ');
    expect(used).toBe(isa);
    printed.add(weights as string);
    expect(printed.size).toBe(1);
  });
});
