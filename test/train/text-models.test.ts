// Models that read text: trained, evaluated, asked, saved and copied with their vocabulary.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {
  callbacks,
  Dataset,
  data as datasets,
  input,
  layers,
  load,
  type Model,
  model,
  modelFromJSON,
  ops,
  sequential,
} from '../../lib/index.ts';
import {forgeHeader} from '../io/forge.ts';
import {untyped} from '../support/refusals.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-text-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const good = ['great fun', 'a great film', 'fun and good', 'good good film', 'what a great cast', 'fun'];
const bad = ['dull film', 'a bad film', 'bad and dull', 'dull dull cast', 'what a bad, bad film', 'bad'];
const texts = [...good, ...bad];
const labels = texts.map((_, at) => (at < good.length ? 1 : 0));
const more = ['Great cast!', 'a dull film', 'unknown words', ''];

function build(seed = 1): Model {
  const words = layers.textVectorization({outputSequenceLength: 6, maxTokens: 50});
  words.adapt(texts);
  const net = sequential(
    [
      words,
      layers.embedding({inputDim: 50, outputDim: 8, maskZero: true}),
      layers.globalAveragePooling1d(),
      layers.dropout({rate: 0.1}),
      layers.dense({units: 1, activation: 'sigmoid'}),
    ],
    {seed},
  );
  net.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy']});
  return net;
}

/** The same from ids, for which the texts were looked up by hand. */
function fromIds(seed = 1): {
  net: Model;
  idsOf: (texts: readonly string[]) => {data: Int32Array; shape: number[]};
} {
  const words = layers.textVectorization({outputSequenceLength: 6, maxTokens: 50});
  words.adapt(texts);
  const given = input({shape: [6], dtype: 'int32'});
  const embedded = layers.embedding({inputDim: 50, outputDim: 8, maskZero: true}).apply(given);
  const pooled = layers.globalAveragePooling1d().apply(embedded);
  const kept = layers.dropout({rate: 0.1}).apply(pooled);
  const net = model({
    inputs: given,
    outputs: layers.dense({units: 1, activation: 'sigmoid'}).apply(kept),
    seed,
  });
  net.compile({optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy']});
  return {net, idsOf: rows => untyped(words.call(rows))};
}

const options = {epochs: 15, batchSize: 4, seed: 3, verbose: 0} as const;
const valuesOf = (net: Model) => net.getWeights().map(({data}) => [...data]);

describe('a model that reads text', () => {
  it('trains on texts as on the ids of their words, to the bit', async () => {
    const net = build();
    const {net: other, idsOf} = fromIds();
    const {history} = await net.fit(texts, labels, {...options, validationData: [more.slice(0, 2), [1, 0]]});
    const same = await other.fit(idsOf(texts), labels, {
      ...options,
      validationData: [idsOf(more.slice(0, 2)), [1, 0]],
    });
    expect(history).toEqual(same.history);
    expect(valuesOf(net)).toEqual(valuesOf(other));
    expect(history.loss?.at(-1)).toBeLessThan(history.loss?.[0] as number);
    expect(await net.evaluate(texts, labels)).toEqual(await other.evaluate(idsOf(texts), labels));
    expect((await net.predict(more)).data).toEqual((await other.predict(idsOf(more))).data);
    expect(net.predictSync(more)).toEqual(await net.predict(more));
    await net.trainOnBatch(texts.slice(0, 3), labels.slice(0, 3));
    net.trainOnBatchSync(texts.slice(3, 5), labels.slice(3, 5));
    await other.trainOnBatch(idsOf(texts.slice(0, 3)), labels.slice(0, 3));
    other.trainOnBatchSync(idsOf(texts.slice(3, 5)), labels.slice(3, 5));
    expect(valuesOf(net)).toEqual(valuesOf(other));
  });

  it('and from data sets, of which batches are made as they are needed', async () => {
    const expected = build();
    await expected.fit(texts, labels, {...options, epochs: 3});
    const rows = Dataset.fromArrays({xs: texts, ys: labels});
    const elements = Dataset.fromGenerator(() => texts.map((xs, at) => ({xs, ys: labels[at] as number})));
    for (const source of [rows, elements]) {
      const net = build();
      await net.fit(source.shuffle(texts.length, 3).batch(4), {
        ...options,
        epochs: 3,
        batchSize: undefined,
      } as never);
      expect(valuesOf(net)).toEqual(valuesOf(expected));
      expect(await net.evaluate(source.batch(5))).toEqual(await expected.evaluate(texts, labels));
      const predicted = await net.predict(source.map(({xs}) => xs).batch(5) as never);
      expect(predicted.data).toEqual((await expected.predict(texts)).data);
    }
  });

  it('answers for one text alone, as a service is asked', async () => {
    const net = build();
    await net.fit(texts, labels, options);
    const [all] = [await net.predict(more)];
    const one = await net.predict(more[0] as string);
    expect(one.shape).toEqual([1]);
    expect(one.data[0]).toBe(all.data[0]);
    expect(net.predictSync([more[1] as string]).shape).toEqual([1, 1]);
    const answers = await Promise.all(more.map(text => net.predict(text)));
    expect(answers.map(({data}) => data[0])).toEqual([...all.data]);
    // What holds no known word, or none at all, is no error.
    for (const {data} of answers) expect(data[0]).toBeGreaterThan(0);
  });

  it('is saved with its vocabulary, goes on training, and can be cut and extended behind it', async () => {
    const net = build();
    await net.fit(texts, labels, options);
    const file = path.join(folder, 'film.chainrule');
    await net.save(file);
    const loaded = await load(file);
    expect(loaded.toJSON()).toEqual(net.toJSON());
    expect(loaded.predictSync(more)).toEqual(net.predictSync(more));
    const words = loaded.getLayer('textVectorization') as ReturnType<typeof layers.textVectorization>;
    expect(words.getVocabulary().slice(0, 4)).toEqual(['', '[UNK]', 'film', 'bad']);
    const first = await net.fit(texts, labels, options);
    expect((await loaded.fit(texts, labels, options)).history).toEqual(first.history);
    expect(valuesOf(loaded)).toEqual(valuesOf(net));
    expect(net.clone().predictSync(more)).toEqual(net.predictSync(more));
    const part = model({inputs: net.inputs, outputs: net.getLayer('globalAveragePooling1d').output});
    expect(part.predictSync(more).shape).toEqual([4, 8]);
    const behind = model({inputs: net.getLayer('textVectorization').output, outputs: net.output});
    const ids = words.call(more) as {data: Int32Array; shape: number[]};
    expect(behind.predictSync(ids)).toEqual(net.predictSync(more));
    const twice = model({
      inputs: net.inputs,
      outputs: layers.dense({units: 2, kernelInitializer: 'ones'}).apply(net.output),
    });
    const [value] = net.predictSync('fun').data;
    expect(twice.predictSync('fun').data).toEqual(Float32Array.of(value as number, value as number));
  });

  it('shows what it is, and gives gradients and a graph of ops behind its text layer', async () => {
    const net = build();
    const summary = net.summary({print: () => {}});
    expect(summary).toMatch(/textVectorization +\[batch,6\]/);
    expect(await net.plot()).toContain('textVectorization');
    const {loss, gradients, inputs} = await net.gradients(texts, labels, {record: true});
    expect(loss).toBeGreaterThan(0);
    expect(inputs).toBeUndefined();
    expect(gradients['embedding/embeddings']?.shape).toEqual([50, 8]);
    const {layers: records} = await net.forward(more, {record: true});
    expect(records.map(({name}) => name)).toContain('globalAveragePooling1d');
    const output = net.call(ops.input({name: 'x', shape: [2, 6], dtype: 'int32'}));
    expect(untyped(output).shape).toEqual([2, 1]);
    expect(() => net.call(ops.input({name: 'x', shape: [2, 1]}))).toThrow(
      /textVectorization must be int32\[batch,6\]/,
    );
    expect(net.inputShape).toEqual([]);
    expect(net.inputs[0]?.toString()).toBe('a symbolic tensor string[]');
  });

  it('refuses a new vocabulary during training, and checkpoints keep it', async () => {
    const net = build();
    const words = net.getLayer('textVectorization') as ReturnType<typeof layers.textVectorization>;
    const refused: unknown[] = [];
    const tries = callbacks.lambda({
      onEpochEnd() {
        for (const change of [() => words.adapt(['x']), () => words.setVocabulary(['x'])]) {
          try {
            change();
          } catch (error) {
            refused.push((error as {code: string}).code);
          }
        }
      },
    });
    const backup = callbacks.backupAndRestore({backupDir: path.join(folder, 'backup')} as never);
    await net.fit(texts, labels, {...options, epochs: 2, callbacks: [tries, backup]});
    expect(refused).toEqual(new Array(4).fill('ERR_MODEL_BUSY'));
    expect(words.vocabularySize()).toBeGreaterThan(10);
    words.setVocabulary(['film']);
    expect(words.getVocabulary()).toEqual(['', '[UNK]', 'film']);
  });

  it('takes part in models with other inputs', async () => {
    const text = input({shape: [1], dtype: 'string', name: 'text'});
    const year = input({shape: [1], name: 'year'});
    const counting = layers.textVectorization({outputMode: 'multiHot'});
    counting.adapt(texts);
    const scale = layers.normalization();
    const years = texts.map((_, at) => [1990 + at]);
    scale.adapt(years);
    const joined = layers.concatenate().apply([counting.apply(text), scale.apply(year)]);
    const net = model({inputs: {text, year}, outputs: layers.dense({units: 1}).apply(joined)});
    net.compile({optimizer: 'adam', loss: 'mse'});
    const x = {text: texts, year: years};
    const {history} = await net.fit(x, labels, {...options, epochs: 60});
    expect(history.loss?.at(-1)).toBeLessThan((history.loss?.[0] as number) / 2);
    const columns = {text: texts.map(each => [each]), year: years};
    expect(net.predictSync(columns)).toEqual(net.predictSync(x));
    await expect(net.predict({text: texts, year: years.slice(1)})).rejects.toThrow(
      /text has 12 rows and year 11/,
    );
    const {xTrain, xTest, yTest} = datasets.trainTestSplit(texts, labels, {seed: 2});
    expect([xTrain.shape, xTest.shape, yTest.shape]).toEqual([[9], [3], [3]]);
    expect([...xTrain.data, ...xTest.data].sort()).toEqual([...texts].sort());
    xTest.data.forEach((each, at) => {
      expect(labels[texts.indexOf(each)]).toBe(yTest.data[at]);
    });
  });
});

describe('a description with a vocabulary', () => {
  const vectorizer = {kind: 'textVectorization', name: 'words', outputSequenceLength: 3};
  const described = (own: object) => ({
    kind: 'sequential',
    seed: 0,
    layers: [
      {...vectorizer, ...own},
      {kind: 'embedding', name: 'e', inputDim: 9, outputDim: 2},
    ],
  });

  it.each<[string, object, RegExp]>([
    ['empty', {vocabulary: []}, /textVectorization: vocabulary: the vocabulary is empty/],
    ['of special tokens alone', {vocabulary: ['', '[UNK]']}, /the vocabulary is empty/],
    ['with a token twice', {vocabulary: ['', '[UNK]', 'a', 'a']}, /more than once: "a"/],
    ['that is no list', {vocabulary: {a: 1}}, /expected an array of tokens/],
    ['of numbers', {vocabulary: ['', '[UNK]', 7]}, /token 2 is 7; expected text/],
    ['with a hole', {vocabulary: [null]}, /token 0 is null; expected text/],
    ['that is too large', {vocabulary: ['a', 'b'], maxTokens: 3}, /are more than maxTokens 3/],
    [
      'of a mode that there is not',
      {vocabulary: ['a'], outputMode: 'float'},
      /outputMode: expected int, multiHot/,
    ],
    [
      'with weights that are none',
      {outputMode: 'tfIdf', outputSequenceLength: null, vocabulary: ['a'], idfWeights: ['b']},
      /idfWeights: number 0 is "b"/,
    ],
  ])('is refused: %s', (_, own, message) => {
    expect(() => modelFromJSON(described(own) as never)).toThrow(message);
  });

  it('says in a file what is wrong', async () => {
    const whole = Buffer.from(await build().toBytes());
    const withVocabulary = (vocabulary: unknown) =>
      forgeHeader(whole, ({__metadata__: metadata}) => {
        const topology = JSON.parse(metadata.topology as string);
        topology.layers[0].vocabulary = vocabulary;
        metadata.topology = JSON.stringify(topology);
        return undefined;
      });
    expect((await load(withVocabulary(['film']))).predictSync('film').shape).toEqual([1]);
    const refused = load(withVocabulary(['film', 'film']));
    await expect(refused).rejects.toThrow(
      'load: bytes: layers.textVectorization: vocabulary: tokens stand there more than once: "film".',
    );
    await expect(refused).rejects.toThrow(expect.objectContaining({code: 'ERR_FILE'}));
  });

  it('is as long as a real one', async () => {
    const words = layers.stringLookup({
      vocabulary: Array.from({length: 200_000}, (_, at) => `word-${at}-é"\\`),
    });
    const net = sequential([layers.inputLayer({inputShape: [2], dtype: 'string'}), words]);
    const loaded = await load(await net.toBytes());
    expect(loaded.predictSync([['word-199999-é"\\', 'other']]).data).toEqual(Int32Array.of(200_000, 0));
  });
});
