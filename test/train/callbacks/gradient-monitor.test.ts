// What gradientMonitor sees: against numbers added up in float64, and networks whose trouble is known.
import {describe, expect, it} from 'vitest';
import {
  callbacks,
  type HealthReport,
  layers,
  optimizers,
  type Sequential,
  sequential,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';

const rows = 24;
const x = numbers(rows * 8, 3);
const y = Uint8Array.from({length: rows}, (_, row) => ((x[row * 8] as number) > 0 ? 1 : 0));

function build(own: Parameters<typeof layers.dense>[0][], rate = 0.1): Sequential {
  const all = own.map((options, index) => layers.dense({...options, ...(index === 0 && {inputShape: [8]})}));
  const model = sequential([...all, layers.dense({units: 2, activation: 'softmax', name: 'out'})], {seed: 3});
  model.compile({optimizer: optimizers.sgd({learningRate: rate}), loss: 'sparseCategoricalCrossentropy'});
  return model;
}

const warnings = async <Result>(task: () => Promise<Result>): Promise<string[]> => {
  const seen: string[] = [];
  const listen = ({message}: Error): void => void seen.push(message);
  process.on('warning', listen);
  await task();
  await new Promise(resolve => setImmediate(resolve));
  process.off('warning', listen);
  return seen;
};

const dense = (units: number, activation: 'relu' | 'sigmoid' | 'tanh', more = {}) => ({
  units,
  activation,
  ...more,
});
const options = {batchSize: 6, shuffle: false} as const;
const norm = (list: readonly ArrayLike<number>[]): number =>
  Math.sqrt(list.reduce((sum, data) => sum + Array.from(data).reduce((all, v) => all + v * v, 0), 0));

describe('a report', () => {
  it('has the norms of gradient and weights and their ratio to the update', async () => {
    const model = build([dense(5, 'tanh'), dense(4, 'relu')]);
    const before = model.getWeights();
    const {gradients} = await model.gradients(x.slice(0, 48), y.slice(0, 6));
    const after = build([dense(5, 'tanh'), dense(4, 'relu')]);
    await after.trainOnBatch(x.slice(0, 48), y.slice(0, 6));
    const changed = after.getWeights();
    const monitor = callbacks.gradientMonitor({warn: false});
    await model.fit(x, y, {...options, callbacks: monitor});
    expect(monitor.reports).toHaveLength(1);
    const [{layers: found, step, epoch}] = monitor.reports as [HealthReport];
    expect([step, epoch]).toEqual([0, 0]);
    expect(found.map(({name}) => name)).toEqual(['dense', 'dense_1', 'out']);
    for (const layer of found) {
      const own = before.filter(({name}) => name.startsWith(`${layer.name}/`));
      expect(own).toHaveLength(2);
      const weightNorm = norm(own.map(({data}) => data));
      const gradientNorm = norm(own.map(({name}) => gradients[name]?.data as Float32Array));
      const changes = own.map(({name, data}) => {
        const now = changed.find(weight => weight.name === name)?.data as Float32Array;
        return Float64Array.from(data, (value, at) => (now[at] as number) - value);
      });
      expect(layer.weightNorm / weightNorm).toBeCloseTo(1, 5);
      expect(layer.gradientNorm / gradientNorm).toBeCloseTo(1, 5);
      expect(layer.updateRatio / (norm(changes) / weightNorm)).toBeCloseTo(1, 4);
    }
    expect(found.map(({dead}) => dead === undefined)).toEqual([true, false, true]);
    expect(found.map(({saturated}) => saturated === undefined)).toEqual([false, true, true]);
  });

  it('counts dead units and saturated outputs', async () => {
    const model = build([dense(5, 'relu'), dense(4, 'tanh')]);
    const weights = model.getWeights();
    const set = (name: string, value: (v: number, at: number) => number): void => {
      const found = weights.find(weight => weight.name === name);
      found?.data.set(found.data.map(value));
    };
    // Two of five units lie far below zero; two of four columns are driven to their bounds by their bias.
    set('dense/bias', (_, at) => (at < 2 ? -1000 : 0.5));
    set('dense_1/kernel', v => v / 1000);
    set('dense_1/bias', (_, at) => [9, -9, 0, 0][at] as number);
    model.setWeights(weights);
    const {layers: records} = await model.forward(x.slice(0, 48), {record: true});
    const dead = Array.from({length: 5}, (_, unit) =>
      Array.from({length: 6}, (__, row) => records[0]?.activation.data[row * 5 + unit]).every(v => v === 0),
    ).filter(Boolean).length;
    expect(dead).toBeGreaterThanOrEqual(2);
    const monitor = callbacks.gradientMonitor({warn: false, share: 0.3});
    await model.fit(x, y, {...options, callbacks: monitor});
    const [report] = monitor.reports as [HealthReport];
    expect(report.layers[0]?.dead).toBeCloseTo(dead / 5, 6);
    expect(report.layers[1]?.saturated).toBeCloseTo(0.5, 6);
    expect(report.dead).toEqual(['dense']);
    expect(report.saturated).toEqual(['dense_1']);
    expect(report.advice).toEqual([
      expect.stringMatching(/leakyRelu/),
      expect.stringMatching(/inputs scaled/),
    ]);
  });
});

describe('troubles', () => {
  const deep = (make: (index: number) => Parameters<typeof layers.dense>[0]) =>
    build(Array.from({length: 20}, (_, index) => make(index)));

  it('are named in a deep network of sigmoids, and not in one of relu with he weights', async () => {
    const sigmoid = callbacks.gradientMonitor({every: 2});
    const said = await warnings(() =>
      deep(() => dense(16, 'sigmoid')).fit(x, y, {...options, callbacks: sigmoid}),
    );
    const [first] = sigmoid.reports as [HealthReport];
    expect(sigmoid.reports).toHaveLength(2);
    expect(first.vanishing.length).toBeGreaterThan(10);
    expect(first.vanishing).toContain('dense');
    expect(first.vanishing).not.toContain('out');
    // Once for a layer, however often it is found.
    expect(said).toEqual([
      expect.stringMatching(
        /^gradientMonitor: at step 0 the gradient vanishes in dense, dense_1, .* Try relu with/,
      ),
    ]);
    const relu = callbacks.gradientMonitor();
    const silence = await warnings(() =>
      deep(() => dense(16, 'relu', {kernelInitializer: 'heNormal'})).fit(x, y, {...options, callbacks: relu}),
    );
    const [{vanishing, exploding}] = relu.reports as [HealthReport];
    expect({vanishing, exploding, silence}).toEqual({vanishing: [], exploding: [], silence: []});
  });

  it('explode where weights are large', async () => {
    const monitor = callbacks.gradientMonitor({warn: false});
    const large = () => dense(16, 'relu', {kernelInitializer: {kind: 'randomNormal', stddev: 1.5}});
    await deep(large)
      .fit(x, y, {...options, epochs: 1, callbacks: [monitor, callbacks.stopAfter({steps: 1})]})
      .catch(() => 0);
    const [{exploding, advice}] = monitor.reports as [HealthReport];
    expect(exploding).toContain('dense');
    expect(advice.join()).toMatch(/globalClipNorm/);
  });
});

describe('gradientMonitor', () => {
  it('looks at every so many steps, over epochs, and changes no bit', async () => {
    const seen: [number, number][] = [];
    const monitor = callbacks.gradientMonitor({
      every: 3,
      warn: false,
      onReport: ({step, epoch}) => void seen.push([step, epoch]),
    });
    const make = () => {
      const model = sequential([
        layers.dense({units: 6, activation: 'relu', inputShape: [8]}),
        layers.dropout({rate: 0.5}),
        layers.dense({units: 2, activation: 'softmax'}),
      ]);
      model.compile({optimizer: 'adam', loss: 'sparseCategoricalCrossentropy'});
      return model;
    };
    const [watched, alone] = [make(), make()];
    const all = {batchSize: 6, epochs: 3};
    const history = await watched.fit(x, y, {...all, callbacks: monitor});
    expect(history).toEqual(await alone.fit(x, y, all));
    expect(watched.getWeights()).toEqual(alone.getWeights());
    expect(seen).toEqual([
      [0, 0],
      [3, 0],
      [6, 1],
      [9, 2],
    ]);
    expect(monitor.reports).toHaveLength(4);
  });

  it('leaves the error of a step that fails as it is', async () => {
    const bad = x.slice();
    bad[3] = Number.NaN;
    const monitor = callbacks.gradientMonitor();
    await expect(build([dense(3, 'relu')]).fit(bad, y, {...options, callbacks: monitor})).rejects.toThrow(
      /^fit: x holds NaN in row 0, column 3/,
    );
    expect(monitor.reports).toEqual([]);
  });

  it('checks its options', () => {
    const {gradientMonitor} = callbacks;
    const wrong: [object, RegExp][] = [
      [{every: 0}, /^callbacks\.gradientMonitor: every: expected an integer >= 1\. Received 0\.$/],
      [{vanishing: -1}, /: vanishing: expected a finite number >= 0/],
      [{exploding: 0}, /: exploding: expected a finite number > 0/],
      [{share: 2}, /: share: expected a finite number >= 0 and <= 1/],
      [{warn: 1}, /: warn: expected true or false\. Received 1\.$/],
      [{onReport: 1}, /: onReport: expected a function\. Received 1\.$/],
      [{evry: 1}, /Did you mean "every"/],
    ];
    for (const [given, text] of wrong) expect(() => gradientMonitor(given)).toThrow(text);
  });
});
