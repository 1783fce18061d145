// Which tokens are made: against what predictions say, worked out here in float64.
import {setTimeout as pause} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {type GenerateOptions, layers, type Sequential, sequential} from '../../../lib/index.ts';
import {classes, languageModels, steps} from './language-models.ts';

const prompt = [3, 1, 4, 1, 5];

const make = (name: string): Sequential => (languageModels[name] as () => Sequential)();

/** Logits, or logarithms of probabilities, of the token behind a text. */
function logitsBehind(model: Sequential, text: readonly number[]): number[] {
  const data = new Float32Array(steps);
  data.set(text);
  const all = model.predictSync({data, shape: [1, steps]}).data as Float32Array;
  const own = [...all.subarray((text.length - 1) * classes, text.length * classes)];
  const sum = own.reduce((total, value) => total + value, 0);
  const areProbabilities = own.every(value => value >= 0) && Math.abs(sum - 1) < 1e-4;
  return areProbabilities ? own.map(Math.log) : own;
}

const softmax = (logits: readonly number[], temperature = 1): number[] => {
  const most = Math.max(...logits);
  const all = logits.map(value => Math.exp((value - most) / temperature));
  const sum = all.reduce((total, value) => total + value, 0);
  return all.map(value => value / sum);
};

const byProbability = (logits: readonly number[]): number[] =>
  logits.map((_, id) => id).sort((a, b) => (logits[b] as number) - (logits[a] as number));

/** How tokens are chosen; some with two of the models alone. */
const ways: readonly (readonly [name: string, options: GenerateOptions, isOfAll: boolean])[] = [
  ['the likeliest', {temperature: 0}, false],
  ['drawn', {seed: 3}, false],
  ['drawn from few, hot', {topK: 4, temperature: 1.7, seed: 4}, false],
  ['drawn from what is likely', {topP: 0.6, topK: 9, seed: 2 ** 40 + 1}, true],
  ['by beams', {numBeams: 3}, false],
  ['by beams that end', {numBeams: 4, stopTokens: [2, 7]}, true],
];

describe.each(Object.keys(languageModels))('%s', name => {
  const model = make(name);

  it('temperature 0 takes the likeliest token each time', async () => {
    const tokens = await model.generate(prompt, {temperature: 0, maxNewTokens: 30}).toArray();
    expect(tokens.length).toBe(30);
    const text = [...prompt];
    for (const token of tokens) {
      const logits = logitsBehind(model, text);
      // The largest, or as good as that.
      expect(logits[token]).toBeGreaterThanOrEqual(Math.max(...logits) - 1e-6);
      text.push(token);
    }
  });

  it.each(ways.filter(([, , isOfAll]) => isOfAll || name === 'learned positions' || name === 'lstm'))(
    'the same tokens with and without a cache: %s',
    async (_, options) => {
      const all = {...options, maxNewTokens: 61};
      const cached = await model.generate(prompt, all).toArray();
      expect(await model.generate(prompt, {...all, useCache: false}).toArray()).toEqual(cached);
      expect(await model.generate(prompt, all).toArray()).toEqual(cached);
      expect(cached.length).toBeGreaterThan(0);
    },
  );
});

it('goes on from the last half of its context when that is full, with and without a cache', async () => {
  const model = make('rotary positions');
  const given = {maxNewTokens: 100, contextLength: 20, seed: 5};
  const tokens = await model.generate(prompt, given).toArray();
  expect(await model.generate(prompt, {...given, useCache: false}).toArray()).toEqual(tokens);
  expect(tokens.length).toBe(100);
  // With temperature 0 each token follows from the steps that are read.
  const likeliest = await model
    .generate(prompt, {maxNewTokens: 60, contextLength: 20, temperature: 0})
    .toArray();
  const text = [...prompt];
  let begin = 0;
  for (const token of likeliest) {
    if (text.length - begin > 20) begin = text.length - 10;
    const logits = logitsBehind(model, text.slice(begin));
    expect(logits[token]).toBeGreaterThanOrEqual(Math.max(...logits) - 1e-6);
    text.push(token);
  }
});

it('beams keep their scores where the context begins anew', async () => {
  const model = make('learned positions');
  const given = {maxNewTokens: 50, contextLength: 12, numBeams: 3, stopTokens: [9]};
  const tokens = await model.generate(prompt, given).toArray();
  expect(await model.generate(prompt, {...given, useCache: false}).toArray()).toEqual(tokens);
  expect(tokens.length).toBeGreaterThan(0);
});

it('a model of a single step goes on from the last token alone', async () => {
  const model = sequential([
    layers.embedding({inputDim: 5, outputDim: 4, inputShape: [1]}),
    layers.transformerDecoder({intermediateDim: 4, numHeads: 1, positions: 'rotary'}),
    layers.dense({units: 5}),
  ]);
  for (const options of [{temperature: 0}, {numBeams: 7}]) {
    const tokens = await model.generate([1, 2], {...options, maxNewTokens: 9}).toArray();
    expect(await model.generate([2], {...options, useCache: false, maxNewTokens: 9}).toArray()).toEqual(
      tokens,
    );
    expect(tokens.length).toBe(9);
  }
});

it('a long prompt is read as its tokens one by one are', async () => {
  const long = Array.from({length: 67}, (_, at) => (at * 5 + 2) % classes);
  for (const name of ['lstm', 'learned positions']) {
    const model = make(name);
    const [token] = await model.generate(long, {maxNewTokens: 1, temperature: 0}).toArray();
    const logits = logitsBehind(model, long);
    expect(logits[token as number]).toBeGreaterThanOrEqual(Math.max(...logits) - 1e-6);
  }
  // Longer than the context: its last half.
  const beyond = Array.from({length: 150}, (_, at) => (at * 3 + 1) % classes);
  const model = make('sine positions');
  const [token] = await model.generate(beyond, {maxNewTokens: 1, temperature: 0}).toArray();
  const logits = logitsBehind(model, beyond.slice(-steps / 2));
  expect(logits[token as number]).toBeGreaterThanOrEqual(Math.max(...logits) - 1e-6);
});

it('a recurrent model reads any number of steps', async () => {
  const model = make('gru');
  const tokens = await model.generate(prompt, {maxNewTokens: 3 * steps, temperature: 0}).toArray();
  expect(tokens.length).toBe(3 * steps);
  // No step is forgotten: the next token from all of them at once, in a model of as many steps.
  const longer = sequential([
    layers.embedding({inputDim: classes, outputDim: 8, inputShape: [4 * steps]}),
    layers.gru({units: 8, returnSequences: true}),
    layers.gru({units: 8, returnSequences: true, resetAfter: false}),
    layers.dense({units: classes}),
  ]);
  longer.setWeights(model.getWeights().map(({data}) => data));
  const text = [...prompt, ...tokens];
  const data = new Float32Array(4 * steps);
  data.set(text);
  const all = longer.predictSync({data, shape: [1, 4 * steps]}).data as Float32Array;
  for (let at = prompt.length; at < text.length; at += 13) {
    const logits = all.subarray((at - 1) * classes, at * classes);
    expect(logits[text[at] as number]).toBeGreaterThanOrEqual(Math.max(...logits) - 1e-6);
  }
});

describe('what is drawn', () => {
  const logits = [1.5, 0.2, -0.4, 2, 0.2, -1, -3];
  const many = 6000;
  /** Whose logits are the same behind any text. */
  const model = sequential([layers.embedding({inputDim: 7, outputDim: 7, inputShape: [4]})]);
  model.setWeights([Float32Array.from({length: 49}, (_, at) => logits[at % 7] as number)]);

  /** Probabilities of what `topK` and `topP` leave, which is as Holtzman et al. say. */
  function wanted({temperature = 1, topK = 7, topP = 1}: GenerateOptions): number[] {
    const order = byProbability(logits).slice(0, topK);
    const own = softmax(
      order.map(id => logits[id] as number),
      temperature,
    );
    let before = 0;
    const kept = order.filter((_, place) => {
      const isKept = before < topP;
      before += own[place] as number;
      return isKept;
    });
    const left = softmax(
      kept.map(id => logits[id] as number),
      temperature,
    );
    return logits.map((_, id) => (kept.includes(id) ? (left[kept.indexOf(id)] as number) : 0));
  }

  it.each<GenerateOptions>([
    {},
    {temperature: 0.5},
    {temperature: 3},
    {topK: 1},
    {topK: 3},
    {topK: 100},
    {topP: 0.3},
    {topP: 0.9},
    {topK: 5, topP: 0.8, temperature: 2},
  ])('%o has the probabilities that it says', async options => {
    const tokens = await model.generate([0], {...options, maxNewTokens: many, seed: 11}).toArray();
    const counts = logits.map((_, id) => tokens.filter(token => token === id).length);
    wanted(options).forEach((probability, id) => {
      const error = 5 * Math.sqrt(many * probability * (1 - probability));
      expect(Math.abs((counts[id] as number) - many * probability), `token ${id}`).toBeLessThanOrEqual(error);
    });
  });

  it('follows from the seed', async () => {
    const of = (seed: number) => model.generate([0], {seed, maxNewTokens: 50}).toArray();
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).not.toEqual(await of(2));
    expect(await of(1)).not.toEqual(await of(1 + 2 ** 33));
    // The beginning does not depend on how much follows.
    expect((await model.generate([0], {seed: 1, maxNewTokens: 500}).toArray()).slice(0, 50)).toEqual(
      await of(1),
    );
  });
});

describe('beam search', () => {
  const model = make('learned positions');
  const length = 6;

  /** Beams by the book: the best of all continuations of all beams. */
  function searched(width: number): number[] {
    let beams = [{text: prompt, score: 0}];
    for (let made = 0; made < length; made++) {
      const all = beams.flatMap(({text, score}) =>
        softmax(logitsBehind(model, text)).map((p, id) => ({
          text: [...text, id],
          score: score + Math.log(p),
        })),
      );
      beams = all.sort((a, b) => b.score - a.score).slice(0, width);
    }
    return (beams[0] as {text: number[]}).text.slice(prompt.length);
  }

  it.each([2, 3, 8, 50])('with %i beams finds what is likeliest among them', async numBeams => {
    const tokens = await model.generate(prompt, {numBeams, maxNewTokens: length}).toArray();
    expect(tokens).toEqual(searched(numBeams));
  });

  it('with as many beams as there are beginnings finds the likeliest text of all', async () => {
    const [width, made] = [classes ** 2, 3];
    const tokens = await model.generate(prompt, {numBeams: width, maxNewTokens: made}).toArray();
    let best = {text: [] as number[], score: Number.NEGATIVE_INFINITY};
    const visit = (text: number[], score: number): void => {
      if (text.length === made) {
        if (score > best.score) best = {text, score};
        return;
      }
      softmax(logitsBehind(model, [...prompt, ...text])).forEach((p, id) => {
        visit([...text, id], score + Math.log(p));
      });
    };
    visit([], 0);
    expect(tokens).toEqual(best.text);
  });

  it('a beam that has ended keeps its score and is not lost', async () => {
    const [first] = byProbability(logitsBehind(model, prompt));
    const tokens = await model.generate(prompt, {numBeams: 3, stopTokens: first as number}).toArray();
    expect(tokens).toEqual([first]);
  });
});

describe('how tokens come', () => {
  it('ends behind a stop token', async () => {
    const model = make('lstm');
    const all = await model.generate(prompt, {maxNewTokens: 60, seed: 9}).toArray();
    const stop = all[20] as number;
    const place = all.indexOf(stop);
    expect(await model.generate(prompt, {maxNewTokens: 60, seed: 9, stopTokens: stop}).toArray()).toEqual(
      all.slice(0, place + 1),
    );
  });

  it('one by one, with turns of the event loop between calls', async () => {
    const model = make('rotary positions');
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const seen: number[] = [];
    for await (const token of model.generate(prompt, {maxNewTokens: 400, useCache: false, seed: 1})) {
      seen.push(token);
    }
    clearImmediate(timer);
    expect(seen.length).toBe(400);
    expect(turns).toBeGreaterThan(3);
  });

  it('stops by its signal, and where the loop is left', async () => {
    const model = make('gru');
    const stopping = new AbortController();
    const seen: number[] = [];
    const reason = new Error('enough');
    await expect(async () => {
      for await (const token of model.generate(prompt, {maxNewTokens: 10 ** 6, signal: stopping.signal})) {
        seen.push(token);
        if (seen.length === 10) stopping.abort(reason);
      }
    }).rejects.toMatchObject({code: 'ERR_ABORTED', cause: reason});
    expect(seen.length).toBeGreaterThanOrEqual(10);
    expect(seen.length).toBeLessThan(10 ** 6);
    let left = 0;
    for await (const _ of model.generate(prompt, {maxNewTokens: 10 ** 6})) if (++left === 5) break;
    expect(left).toBe(5);
  });

  it('nothing is made where nothing is wanted', async () => {
    expect(await make('gru').generate(prompt, {maxNewTokens: 0}).toArray()).toEqual([]);
  });

  it('during a training, and after more of it with the new weights', async () => {
    const model = make('a transformer of probabilities');
    model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
    const rows = 64;
    // Each token is one more than the one before.
    const x = {
      data: Float32Array.from({length: rows * steps}, (_, at) => at % classes),
      shape: [rows, steps],
    };
    const y = {data: x.data.map(token => (token + 1) % classes), shape: [rows, steps]};
    const training = model.fit(x, y, {epochs: 150, batchSize: 32, verbose: 0});
    await pause(1);
    const meanwhile = await model.generate(prompt, {maxNewTokens: 5}).toArray();
    expect(meanwhile.length).toBe(5);
    await training;
    const counted = await model.generate([4, 5, 6], {maxNewTokens: 12, temperature: 0}).toArray();
    expect(counted).toEqual(Array.from({length: 12}, (_, at) => (7 + at) % classes));
  });
});
