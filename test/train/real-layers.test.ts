// `model.layers` and `getLayer` give the layers that models are made of: what is set on them counts, what may
// not be set is an error, and their tensors cut trained models.
import {describe, expect, it} from 'vitest';
import {
  input,
  Layer,
  layers,
  load,
  type MakeWeight,
  model,
  modelFromJSON,
  ops,
  sequential,
  type Tensor,
} from '../../lib/index.ts';

const x = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const y = [[0], [1], [1], [0]];
const adam = {optimizer: 'adam', loss: 'mse'} as const;

const chain = () =>
  sequential([
    layers.dense({units: 3, activation: 'tanh', inputShape: [2], name: 'body'}),
    layers.dense({units: 1, name: 'head'}),
  ]);

const numbers = (net: {getWeights(): {data: Float32Array}[]}): number[][] =>
  net.getWeights().map(({data}) => [...data]);

const assign = (target: object, name: string, value: unknown): void => {
  (target as Record<string, unknown>)[name] = value;
};

/** Models of every build, each with a layer called body. */
const builds = {
  chain,
  graph() {
    const start = input({shape: [2]});
    const body = layers.dense({units: 3, name: 'body'}).apply(start);
    return model({inputs: start, outputs: layers.dense({units: 1}).apply(body)});
  },
  'after JSON': () => modelFromJSON(JSON.stringify(chain())),
  clone: () => chain().clone(),
  'twice applied': () => {
    const body = layers.dense({units: 2, name: 'body', inputShape: [2]});
    return sequential([body, body, layers.dense({units: 1})]);
  },
};

describe('layers of a model', () => {
  it.each(Object.entries(builds))(
    '%s: frozen through model.layers before and after compile',
    async (_, build) => {
      for (const when of ['before', 'after']) {
        const net = build();
        if (when === 'after') net.compile(adam);
        for (const layer of net.layers) layer.trainable = false;
        net.getLayer(-1).trainable = true;
        if (when === 'before') net.compile(adam);
        const before = net.getLayer('body').getWeights();
        await net.fit(x, y, {epochs: 2});
        expect(net.getLayer('body').getWeights()).toEqual(before);
        net.getLayer('body').trainable = true;
        await net.fit(x, y, {epochs: 1});
        expect(net.getLayer('body').getWeights()).not.toEqual(before);
      }
    },
  );

  it('are the layers that were given, in nested models too', async () => {
    const [body, head] = [layers.dense({units: 3, inputShape: [2]}), layers.dense({units: 1})];
    const inner = sequential([body], {name: 'inner'});
    const outer = sequential([inner, head]);
    expect(inner.layers).toEqual([body]);
    expect(outer.layers[1]).toBe(head);
    expect(outer.layers[0]?.layers[0]).toBe(body);
    outer.compile(adam);
    for (const layer of outer.getLayer('inner').layers) layer.trainable = false;
    const before = numbers(inner);
    await outer.fit(x, y, {epochs: 2});
    expect(numbers(inner)).toEqual(before);
    const again = modelFromJSON(outer.toJSON());
    again.compile(adam);
    expect(again.getLayer('inner').layers[0]?.trainable).toBe(false);
  });

  it('freeze for all models that share them', async () => {
    const body = layers.dense({units: 3, inputShape: [2], name: 'body'});
    const [one, two] = [1, 2].map(units => sequential([body, layers.dense({units})]));
    one?.compile(adam);
    two?.compile(adam);
    (two as typeof one & {}).layers.forEach(layer => {
      layer.trainable = layer !== body;
    });
    const before = body.getWeights();
    await one?.fit(x, y, {epochs: 2});
    expect(body.getWeights()).toEqual(before);
    expect(one?.getLayer('body').getWeights()).toEqual(two?.getLayer('body').getWeights());
  });

  it('have names: as given, by the first model, before any by their kind', () => {
    const [first, second] = [layers.dense({units: 1, inputShape: [2]}), layers.dense({units: 1})];
    expect([first.name, second.name]).toEqual(['dense', 'dense']);
    const net = sequential([first, second, layers.flatten({name: 'flat'})]);
    expect(net.layers.map(({name}) => name)).toEqual(['dense', 'dense_1', 'flat']);
    expect(net.layers.map(({outputShape}) => outputShape)).toEqual([[1], [1], [1]]);
    expect(net.getWeights().map(({name}) => name)).toContain('dense_1/kernel');
  });
});

describe('trainable during a training', () => {
  const hooks = [
    'onTrainBegin',
    'onEpochBegin',
    'onBatchBegin',
    'onBatchEnd',
    'onEpochEnd',
    'onTrainEnd',
  ] as const;
  it.each(hooks)('is refused in %s, for a layer and for all', async hook => {
    const net = chain();
    net.compile(adam);
    for (const set of [
      () => assign(net.getLayer('body'), 'trainable', false),
      () => assign(net, 'trainable', false),
    ]) {
      const training = net.fit(x, y, {callbacks: {onEpochEnd() {}, [hook]: set}});
      await expect(training).rejects.toMatchObject({code: 'ERR_MODEL_BUSY'});
      await expect(training).rejects.toThrow(
        /body: trainable: the model is in training by fit; set it before/,
      );
      expect(net.layers.every(({trainable}) => trainable)).toBe(true);
    }
  });

  it('is refused meanwhile in the model that trains, a nested one, and one with a shared layer', async () => {
    const inner = sequential([layers.dense({units: 3, inputShape: [2], name: 'body'})], {name: 'inner'});
    const outer = sequential([inner, layers.dense({units: 1})]);
    const other = sequential([layers.dense({units: 2, inputShape: [2]})]);
    outer.compile(adam);
    const training = outer.fit(x, y, {epochs: 50});
    expect(() => assign(inner.getLayer('body'), 'trainable', false)).toThrow(/in training by fit/);
    expect(() => assign(outer.getLayer('inner'), 'trainable', false)).toThrow(/in training by fit/);
    expect(() => assign(inner, 'trainable', false)).toThrow(/in training by fit/);
    assign(other, 'trainable', false);
    await training;
    assign(inner, 'trainable', false);
    const before = numbers(inner);
    await outer.fit(x, y, {epochs: 2});
    expect(numbers(inner)).toEqual(before);
  });
});

describe('assignments that would do nothing', () => {
  const compiled = () => {
    const net = chain();
    net.compile(adam);
    return net;
  };
  it.each([
    ['a layer', () => compiled().layers[0]],
    ['a merge layer', () => layers.add()],
    ['a nested model as a layer', () => sequential([chain()]).layers[0]],
    ['a model', compiled],
    ['a model from JSON', () => modelFromJSON(chain().toJSON())],
    ['an optimizer', () => compiled().optimizer],
    ['a symbolic tensor', () => input({shape: [2]})],
  ])('%s takes no property that it does not have, nor another name', (_, make) => {
    const made = make() as object;
    for (const name of ['trainabel', 'lr', 'stop_training', 'name', 'kind', 'inputShape', 'layers']) {
      expect(() => assign(made, name, 1), name).toThrow(TypeError);
    }
  });

  it('stopTraining takes true and false alone', () => {
    expect(() => assign(chain(), 'stopTraining', 'yes')).toThrow(/stopTraining: expected true or false/);
  });

  it("a layer of a class of one's own may keep what it likes", () => {
    class Counting extends Layer {
      readonly config = {};
      calls = 0;
      override build(_: readonly number[], weight: MakeWeight) {
        const gain = weight('gain', [1], {initializer: 'ones'});
        return (value: Tensor) => {
          this.calls++;
          return ops.mul(value, gain);
        };
      }
    }
    const own = new Counting({inputShape: [2]});
    const net = sequential([own, layers.dense({units: 1})]);
    expect(net.layers[0]).toBe(own);
    expect(own.calls).toBeGreaterThan(0);
    expect(own.getWeights()).toEqual([{name: 'gain', shape: [1], data: Float32Array.of(1)}]);
  });

  it('options that predict and its like do not have are refused', async () => {
    const net = compiled();
    const options = {batchSize: 2} as never;
    await expect(net.predict(x, options)).rejects.toThrow(
      /predict: unknown option "batchSize".*takes no options/,
    );
    expect(() => net.predictSync(x, options)).toThrow(/predictSync: unknown option "batchSize"/);
    async function* batches() {
      yield {xs: x, ys: y};
    }
    await expect(net.predict(batches(), options)).rejects.toThrow(/unknown option/);
    await expect(net.evaluate(batches() as never, options)).rejects.toThrow(/evaluate: unknown option/);
    expect((await net.predict(x, {})).shape).toEqual([4, 1]);
  });
});

describe('a trained model, cut', () => {
  const autoencoder = () =>
    sequential([
      layers.dense({units: 4, activation: 'relu', inputShape: [2]}),
      layers.dense({units: 1, name: 'code'}),
      layers.dense({units: 2}),
    ]);
  it.each([
    ['trained', async (net: ReturnType<typeof autoencoder>) => net],
    ['cloned', async (net: ReturnType<typeof autoencoder>) => net.clone()],
    ['loaded', async (net: ReturnType<typeof autoencoder>) => modelFromJSON(net.toJSON())],
  ])('%s: the encoder shares weights and is trained with it', async (_, change) => {
    const net = await change(autoencoder());
    const encoder = model({inputs: net.inputs, outputs: net.getLayer('code').output});
    expect(encoder.outputShape).toEqual([1]);
    expect(encoder.getWeights()).toEqual(net.getWeights().slice(0, 4));
    net.compile(adam);
    await net.fit(x, x, {epochs: 3});
    expect(encoder.getWeights()).toEqual(net.getWeights().slice(0, 4));
    // What the decoder makes of the codes is what the whole makes of the inputs.
    const decoder = sequential([layers.dense({units: 2, inputShape: [1]})]);
    decoder.setWeights(
      net
        .getLayer(-1)
        .getWeights()
        .map(({data}) => data),
    );
    expect(await decoder.predict(await encoder.predict(x))).toEqual(await net.predict(x));
  });

  it('new layers on its outputs, and a name for each', async () => {
    const net = autoencoder();
    const both = model({
      inputs: net.input,
      outputs: {code: net.getLayer('code').output, sum: layers.dense({units: 1}).apply(net.output)},
    });
    expect([both.inputNames, both.outputNames]).toEqual([['input'], ['code', 'sum']]);
    const {code} = await both.predict(x);
    expect(code.shape).toEqual([4, 1]);
    expect(net.inputs.map(({name, shape}) => [name, shape])).toEqual([['input', [2]]]);
  });

  it('a layer that was applied twice knows both', () => {
    const [left, right] = [input({shape: [2], name: 'left'}), input({shape: [2], name: 'right'})];
    const shared = layers.dense({units: 3});
    const joined = layers.add().apply([shared.apply(left), shared.apply(right)]);
    const net = model({inputs: [left, right], outputs: joined});
    expect(shared.getInputAt(0)).toEqual([left]);
    expect(shared.getInputAt(1)).toEqual([right]);
    expect(model({inputs: right, outputs: shared.getOutputAt(1)[0] as never}).outputShape).toEqual([3]);
    expect(() => shared.getOutputAt(2)).toThrow(/no application 2: it has been applied 2 times/);
    expect(() => layers.dense({units: 1}).output).toThrow(/applied 0 times/);
    expect(net.layers[0]).toBe(shared);
  });
});

describe('what a layer says of itself', () => {
  it('weights, their number, those that are trained', () => {
    const net = sequential([layers.dense({units: 3, inputShape: [2]}), layers.batchNormalization()]);
    const [first, norm] = net.layers as [Layer, Layer];
    expect(first.countParams()).toBe(9);
    expect([norm.trainableWeights.length, norm.nonTrainableWeights.length]).toEqual([2, 2]);
    norm.trainable = false;
    expect([norm.trainableWeights.length, norm.nonTrainableWeights.length]).toEqual([0, 4]);
    expect(layers.dense({units: 1}).getWeights()).toEqual([]);
    const free = layers.dense({units: 1});
    free.apply(input({shape: [2]}));
    expect(() => free.getWeights()).toThrow(/no values before a model is made of it/);
  });

  it('a configuration that makes another like it', () => {
    const options = {
      units: 3,
      activation: 'relu',
      name: 'body',
      inputShape: [2],
      kernelRegularizer: 'l2',
    } as const;
    const layer = layers.dense({...options, trainable: false});
    expect(layer.getConfig()).toMatchObject({...options, trainable: false});
    expect(layers.dense(layer.getConfig() as never).getConfig()).toEqual(layer.getConfig());
  });
});

describe('weights in part and in order', () => {
  const wide = () =>
    sequential([
      layers.dense({units: 3, activation: 'tanh', inputShape: [2], name: 'body'}),
      layers.dense({units: 5, name: 'head'}),
    ]);
  it('skipMismatch sets what fits and says the rest', () => {
    const [old, fresh] = [chain(), wide()];
    const head = fresh.getLayer('head').getWeights();
    old.setWeights(old.getWeights().map(({name, data}) => ({name, data: data.map((_, at) => at + 1)})));
    const extra = [{name: 'tail/kernel', data: [1]}, ...old.getWeights()];
    expect(() => fresh.setWeights(extra)).toThrow(/the model has no weight "tail\/kernel"/);
    expect(() => fresh.setWeights(extra, {partial: true})).toThrow(/head\/kernel has the shape \[3,5\]/);
    expect(fresh.setWeights(extra, {skipMismatch: true})).toEqual({
      set: ['body/kernel', 'body/bias'],
      missing: [],
      unexpected: ['tail/kernel'],
      mismatched: ['head/kernel', 'head/bias'],
    });
    expect(fresh.getLayer('body').getWeights()).toEqual(old.getLayer('body').getWeights());
    expect(fresh.getLayer('head').getWeights()).toEqual(head);
  });

  it('nothing that fits is an error, and so is a name twice', () => {
    const net = chain();
    expect(() => net.setWeights([{name: 'other', data: [1]}], {partial: true})).toThrow(
      /none of the 1 values fits/,
    );
    const [one] = net.getWeights() as [never];
    expect(() => net.setWeights([one, one], {partial: true})).toThrow(/given twice/);
    expect(() => net.setWeights([], {partail: true} as never)).toThrow(/Did you mean "partial"/);
  });

  it('without names they count in order, nested or flat', () => {
    const net = chain();
    const values = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [0, 0, 1],
      Float32Array.of(1, 2, 3),
      [7],
    ];
    net.setWeights(values);
    expect(numbers(net)).toEqual([[1, 2, 3, 4, 5, 6], [0, 0, 1], [1, 2, 3], [7]]);
    net.getLayer('head').setWeights([[[3], [2], [1]], [0]]);
    expect(numbers(net.getLayer('head'))).toEqual([[3, 2, 1], [0]]);
    expect(() => net.setWeights(values.slice(1))).toThrow(/one for each weight, in order.*Received 3 for 4/);
    expect(() =>
      net.setWeights([
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        ...values.slice(1),
      ]),
    ).toThrow(/shape \[2,3\]. Received \[3,2\]/);
    expect(() => net.setWeights([[[1, 2, 3], [4]], ...values.slice(1)])).toThrow(/different lengths/);
    expect(() => net.setWeights([...net.getWeights().slice(0, 3), [7]])).toThrow(/some values have names/);
  });

  it('come back from JSON', () => {
    const [one, two] = [chain(), chain().clone({seed: 9})];
    two.setWeights(JSON.parse(JSON.stringify(one.getWeights())));
    expect(numbers(two)).toEqual(numbers(one));
  });

  it('of a layer may be set in a callback, and not by others meanwhile', async () => {
    const net = chain();
    net.compile(adam);
    const body = net.getLayer('body');
    const zeros = body.getWeights().map(({data}) => data.map(() => 0));
    const seen: number[][][] = [];
    const training = net.fit(x, y, {
      callbacks: {
        onBatchBegin() {
          body.setWeights(zeros);
          seen.push(numbers(body));
        },
      },
    });
    await training;
    const silent = net.fit(x, y, {epochs: 1000});
    await new Promise(resolve => setTimeout(resolve, 1));
    expect(() => body.setWeights(zeros)).toThrow(/body: setWeights: the model is in training by fit/);
    await silent;
    expect(seen.flat(2).every(number => number === 0)).toBe(true);
    await expect(load('nothing', {compile: 1 as never})).rejects.toThrow(
      /load: compile: expected true or false/,
    );
  });
});
