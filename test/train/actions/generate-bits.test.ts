// What comes step by step has the bits of the whole sequence, however many steps come at once and whatever
// room there is for more.
import {afterEach, describe, expect, it} from 'vitest';
import {dtypes, type TypedArray} from '../../../lib/core/dtype.ts';
import {sizeOf} from '../../../lib/core/shape.ts';
import {input} from '../../../lib/core/tensor.ts';
import {getThreads, layers, type Sequential, sequential, setThreads} from '../../../lib/index.ts';
import {compileProgram} from '../../../lib/session/compile.ts';
import {storeOf, type VariableStore} from '../../../lib/session/store.ts';
import {cachedDecoder, type Decoder, wholeDecoder} from '../../../lib/train/actions/generate/decoder.ts';
import type {ModelLayer} from '../../../lib/train/network/nested.ts';
import type {Network} from '../../../lib/train/network/network.ts';
import {classes, languageModels, steps} from './language-models.ts';

const rows = 2;
/** Zeros are padding of the models that have any. */
const ids = Int32Array.from({length: rows * steps}, (_, at) => (at * at * 7 + at) % classes);

const bitsOf = (numbers: TypedArray): number[] => [
  ...new Uint32Array(Float32Array.from(numbers as Float32Array).buffer),
];

const networkOf = (model: Sequential): Network => (model.toLayer() as ModelLayer).network;

const storeFor = ({weights}: Network): VariableStore => {
  const store = weights[0] && storeOf(weights[0].variable);
  if (!store) throw new Error('the weights have no memory');
  return store;
};

/** Logits of the last of each `size` steps, which are read at once, by their place. */
async function streamed(network: Network, decoder: Decoder, size: number): Promise<Map<number, number[]>> {
  const kept = decoder.kept.map((spec, index) => input({...spec, name: `kept${index}`}));
  const given = input({name: 'ids', shape: [rows, size], dtype: 'int32'});
  const decoded = decoder.read(given, input({name: 'position', shape: [1], dtype: 'int32'}), kept);
  const next = decoded.kept.map((value, index) => [`next${index}`, value] as const);
  const program = compileProgram({
    outputs: {...Object.fromEntries(next), logits: decoded.logits},
    store: storeFor(network),
  });
  let state = decoder.kept.map(({shape, dtype}): TypedArray => new dtypes[dtype].array(sizeOf(shape)));
  const found = new Map<number, number[]>();
  for (let at = 0; at + size <= steps; at += size) {
    const part = Array.from({length: rows * size}, (_, index) => {
      return ids[Math.floor(index / size) * steps + at + (index % size)] as number;
    });
    const all: Record<string, TypedArray> = {ids: Int32Array.from(part), position: Int32Array.of(at)};
    for (const [index, value] of state.entries()) all[`kept${index}`] = value;
    const wanted = program.plan.io.filter(({output}) => !output);
    const inputs = Object.fromEntries(wanted.map(({name}) => [name, all[name] as TypedArray]));
    const {outputs, end} = await program.run(inputs);
    expect(end).toBe('done');
    state = decoder.kept.map((_, index) => outputs[`next${index}`] as TypedArray);
    found.set(at + size - 1, bitsOf(outputs.logits as TypedArray));
  }
  return found;
}

/** Probabilities or logits of all steps, [rows, steps, classes], as the model predicts them. */
function predicted(model: Sequential): Float32Array {
  return model.predictSync({data: Float32Array.from(ids), shape: [rows, steps]}).data as Float32Array;
}

/** The logits, where that is what the model predicts. */
function atStep(all: Float32Array, step: number): number[] {
  const ofRow = (row: number): number[] => {
    const from = (row * steps + step) * classes;
    return [...all.subarray(from, from + classes)];
  };
  return bitsOf(Float32Array.from([0, 1].flatMap(ofRow)));
}

const threads = getThreads();
afterEach(() => setThreads(threads));

const cases = Object.entries(languageModels).filter(([name]) => !name.includes('probabilities'));

describe.each(cases)('%s', (_, make) => {
  const model = make();
  const network = networkOf(model);
  const all = predicted(model);

  it.each([
    [1, steps, 1],
    [1, 128, 2],
    [7, 128, 1],
    [64, 90, 2],
  ])(
    '%i at once, with room for %i, on %i threads: the bits of all at once',
    async (size, capacity, count) => {
      setThreads(count);
      const found = await streamed(network, cachedDecoder(network, rows, capacity), size);
      expect(found.size).toBe(Math.floor(steps / size));
      for (const [step, bits] of found) expect(bits, `step ${step}`).toEqual(atStep(all, step));
    },
  );

  it('read again for each token: the same bits', async () => {
    const found = await streamed(network, wholeDecoder(network, rows), 1);
    for (const [step, bits] of found) expect(bits, `step ${step}`).toEqual(atStep(all, step));
  });
});

it('a model whose products are shared among threads writes the same on any number of them', async () => {
  const block = {intermediateDim: 512, numHeads: 4, positions: 'rotary'} as const;
  const large = sequential(
    [
      layers.embedding({inputDim: 300, outputDim: 256, inputShape: [16]}),
      layers.transformerDecoder(block),
      layers.lstm({units: 256, returnSequences: true}),
      layers.dense({units: 300}),
    ],
    {seed: 6},
  );
  const wanted: number[][] = [];
  for (const count of [1, 2, 3]) {
    setThreads(count);
    const texts = [{temperature: 0}, {temperature: 2, seed: 4}, {numBeams: 4}].map(options =>
      large.generate([1, 2, 3], {maxNewTokens: 24, contextLength: 16, ...options}).toArray(),
    );
    for (const [index, tokens] of (await Promise.all(texts)).entries()) {
      wanted[index] ??= tokens;
      expect(tokens, `on ${count} threads`).toEqual(wanted[index]);
    }
  }
});
