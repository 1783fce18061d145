// The life of a model around its training: the table of what it costs, the picture, freezing, copies, JSON.
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {input, layers, type Model, model, modelFromJSON, optimizers, sequential} from '../../lib/index.ts';
import {numbers} from '../support/plain-networks.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chainrule-life-'));
afterAll(() => rmSync(folder, {recursive: true, force: true}));

const x = {data: numbers(24 * 4, 1), shape: [24, 4]};
const y = {data: numbers(24, 2), shape: [24, 1]};
const quiet = {print: () => {}};

function chain(): Model {
  return sequential(
    [
      layers.dense({units: 8, activation: 'tanh', inputShape: [4], name: 'first'}),
      layers.dense({units: 8, activation: 'tanh', name: 'second'}),
      layers.dense({units: 1, name: 'head'}),
    ],
    {seed: 5},
  );
}

function residual() {
  const start = input({shape: [4], name: 'start'});
  const wide = layers.dense({units: 4, name: 'wide'});
  const joined = layers.add().apply([start, wide.apply(start)]);
  return model({inputs: start, outputs: [wide.apply(joined), layers.softmax().apply(joined)], name: 'whole'});
}

const weightsOf = (net: {getWeights: Model['getWeights']}) =>
  Object.fromEntries(net.getWeights().map(({name, data}) => [name, [...data]]));

describe('summary', () => {
  it('says shapes, parameters, and what a step costs by its plan', () => {
    const net = chain();
    const text = net.summary(quiet);
    expect(text).toMatch(/first +\[batch,8\] +40/);
    expect(text).toContain('121 parameters (484 B), 121 trainable');
    // Two operations for each weight of a product, one for each bias and each tanh, of 32 rows.
    const least = 32 * 2 * (4 * 8 + 8 * 8 + 8);
    const told = (lines: string): number =>
      Number(/predict a batch of 32: ([\d.]+) kFLOP/.exec(lines)?.[1]) * 1e3;
    expect(told(text)).toBeGreaterThan(least);
    expect(told(text)).toBeLessThan(1.5 * least);
    expect(text).not.toContain('train on');
    net.compile({optimizer: 'adam', loss: 'mse'});
    const trained = net.summary({...quiet, batchSize: 8});
    const [, flops, unit] = /train on a batch of 8: ([\d.]+) (.)FLOP/.exec(trained) as unknown as string[];
    expect(unit).toBe('k');
    expect(Number(flops) * 1e3).toBeGreaterThan(2 * 8 * 2 * (4 * 8 + 8 * 8 + 8));
    // Two moments for each weight.
    expect(trained).toMatch(/1\.4 KiB of weights and moments, [\d.]+ (B|KiB) of activations/);
  });

  it('says what each layer of a graph reads, how often, and what is frozen', () => {
    const net = residual();
    net.getLayer('wide').trainable = false;
    const text = net.summary(quiet);
    expect(text).toMatch(/\(start\) +\[batch,4\]$/m);
    expect(text).toMatch(/wide \(frozen\) +\[batch,4\] +20 {2}start, add/);
    expect(text).toMatch(/add +\[batch,4\] +start \+ wide/);
    expect(text).toContain('20 parameters (80 B), 0 trainable');
  });

  it('refuses options that it cannot take', () => {
    expect(() => chain().summary({batchSize: 0})).toThrow(/summary: batchSize: expected an integer >= 1/);
    expect(() => chain().summary({print: 3 as never})).toThrow(/summary: print: expected a function/);
    expect(() => chain().summary({prnt: () => {}} as never)).toThrow(/Did you mean "print"/);
  });
});

describe('plot', () => {
  it('draws a box for each input, call and output, and a line for each thing read', async () => {
    const file = path.join(folder, 'graph.svg');
    const svg = await residual().plot({path: file});
    expect(readFileSync(file, 'utf8')).toBe(svg);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(texts.filter(text => text === 'wide (dense, shared)')).toHaveLength(2);
    expect(texts).toEqual(expect.arrayContaining(['start', '[4]', 'add', 'softmax', 'output wide']));
    // start to add and wide, wide to add, add to wide and softmax, and both to their outputs.
    expect(svg.match(/marker-end/g)).toHaveLength(7);
    const boxes = [...svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)].map(box =>
      box.slice(1).map(Number),
    ) as [number, number, number, number][];
    expect(boxes).toHaveLength(7);
    const [, width, height] = (/width="(\d+)" height="(\d+)"/.exec(svg) as unknown as string[]).map(Number);
    boxes.forEach(([left, top, wide, tall], at) => {
      expect(
        left >= 0 && top >= 0 && left + wide <= (width as number) && top + tall <= (height as number),
      ).toBe(true);
      for (const [otherLeft, otherTop, otherWide, otherTall] of boxes.slice(at + 1)) {
        const apart = left + wide <= otherLeft || otherLeft + otherWide <= left;
        expect(apart || top + tall <= otherTop || otherTop + otherTall <= top).toBe(true);
      }
    });
  });

  it('gives the text alone without a path, and says what is wrong with one', async () => {
    expect(await chain().plot()).toMatch(/^<svg xmlns/);
    await expect(chain().plot({path: path.join(folder, 'none', 'x.svg')})).rejects.toThrow(/plot: .*ENOENT/);
    await expect(chain().plot({path: 3 as never})).rejects.toThrow(/plot: path: expected a path/);
    expect(existsSync(path.join(folder, 'none'))).toBe(false);
  });
});

describe('freezing', () => {
  const compiled = (): Model => {
    const net = chain();
    net.compile({optimizer: optimizers.adam({learningRate: 0.01}), loss: 'mse'});
    return net;
  };
  const options = {epochs: 1, batchSize: 8, shuffle: false};

  it('keeps weights as they are between fits, without compiling again', async () => {
    const net = compiled();
    await net.fit(x, y, options);
    net.getLayer('second').trainable = false;
    const before = weightsOf(net);
    await net.fit(x, y, options);
    const after = weightsOf(net);
    expect(net.parameters.filter(({trainable}) => trainable).map(({name}) => name)).toEqual([
      'first/kernel',
      'first/bias',
      'head/kernel',
      'head/bias',
    ]);
    for (const name of Object.keys(before)) {
      expect(JSON.stringify(before[name]) === JSON.stringify(after[name]), name).toBe(
        name.startsWith('second/'),
      );
    }
    net.getLayer('second').trainable = true;
    await net.fit(x, y, options);
    expect(weightsOf(net)['second/kernel']).not.toEqual(after['second/kernel']);
  });

  it('lets the moments of the others be: a step like the one that would have been', async () => {
    const [net, other] = [compiled(), compiled()];
    for (const each of [net, other]) await each.fit(x, y, options);
    net.getLayer('second').trainable = false;
    await net.trainOnBatch(x, y);
    await other.trainOnBatch(x, y);
    // The first step after: gradients of the other layers are the same, hence so are their weights.
    const [frozen, free] = [weightsOf(net), weightsOf(other)];
    for (const name of ['first/kernel', 'first/bias', 'head/kernel', 'head/bias']) {
      expect(frozen[name]).toEqual(free[name]);
    }
  });

  it('of a whole model, or of a model within another', async () => {
    const inner = sequential([layers.dense({units: 3, inputShape: [4], name: 'inside'})], {name: 'inner'});
    const start = input({shape: [4]});
    const net = model({
      inputs: start,
      outputs: layers.dense({units: 1, name: 'outside'}).apply(inner.apply(start)),
    });
    net.compile({optimizer: 'sgd', loss: 'mse'});
    net.getLayer('inner').trainable = false;
    expect(inner.getLayer('inside').trainable).toBe(false);
    const before = weightsOf(net);
    await net.fit(x, y, options);
    expect(weightsOf(net)['inner/inside/kernel']).toEqual(before['inner/inside/kernel']);
    net.trainable = false;
    await expect(net.fit(x, y, options)).rejects.toThrow(/no weights to train/);
    net.trainable = true;
    expect(net.getLayer('outside').trainable).toBe(true);
    expect(() => {
      net.getLayer('outside').trainable = 'no' as never;
    }).toThrow(/trainable: expected true or false/);
  });

  it('comes back from JSON', () => {
    const net = chain();
    net.getLayer('first').trainable = false;
    expect(modelFromJSON(net.toJSON()).getLayer('first').trainable).toBe(false);
  });
});

describe('copies and descriptions', () => {
  it('a clone has equal weights of its own, or new ones by a seed', async () => {
    const net = residual();
    const copy = net.clone();
    expect(copy.name).toBe('whole');
    expect(await copy.predict(x)).toEqual(await net.predict(x));
    copy.setWeights(copy.getWeights().map(({name, data}) => ({name, data: data.map(value => value + 1)})));
    expect(weightsOf(copy)).not.toEqual(weightsOf(net));
    const [fresh, again] = [net.clone({seed: 8}), net.clone({seed: 8})];
    expect(weightsOf(fresh)).not.toEqual(weightsOf(net));
    expect(weightsOf(fresh)).toEqual(weightsOf(again));
    expect(() => net.clone({sed: 1} as never)).toThrow(/Did you mean "seed"/);
  });

  it('JSON is the same after the way there and back', async () => {
    for (const net of [chain(), residual()]) {
      const text = JSON.stringify(net);
      const again = modelFromJSON(text);
      expect(JSON.stringify(again)).toBe(text);
      expect(again.getWeights().map(({name}) => name)).toEqual(net.getWeights().map(({name}) => name));
    }
  });

  it.each([
    ['no JSON', '{', /modelFromJSON: expected JSON/],
    ['no table', 3 as never, /model is no table of options/],
    ['another kind', {kind: 'tree'}, /unknown kind "tree"/],
    ['no seed', {kind: 'sequential', layers: []}, /seed is no integer/],
    ['a field too many', {kind: 'sequential', seed: 1, layers: [], calls: []}, /unknown field "calls"/],
    ['layers that are no list', {kind: 'sequential', seed: 1, layers: {}}, /layers are no array/],
    ['no layers', {kind: 'sequential', seed: 1, layers: []}, /expected an array of layers, at least one/],
    [
      'an unknown layer',
      {kind: 'sequential', seed: 1, layers: [{kind: 'dens', units: 1}]},
      /Did you mean "dense"/,
    ],
  ])('refuses a description with %s', (_, description, text) => {
    expect(() => modelFromJSON(description as never)).toThrow(text);
  });

  const broken = (change: (description: Record<string, unknown>) => void) => {
    const description = JSON.parse(JSON.stringify(residual()));
    change(description);
    return () => modelFromJSON(description);
  };
  it.each<[string, (description: Record<string, unknown>) => void, RegExp]>([
    [
      'a tensor that comes later',
      ({calls}) => ((calls as {inputs: number[]}[])[0] as {inputs: number[]}).inputs.push(9),
      /calls name 9/,
    ],
    [
      'a layer that is none',
      ({calls}) => Object.assign((calls as object[])[1] as object, {layer: 7}),
      /calls name 7, which is no layer/,
    ],
    [
      'an output that is none',
      ({outputs}) => Object.assign((outputs as object[])[0] as object, {tensor: -1}),
      /calls name -1/,
    ],
    [
      'an unknown structure',
      given => Object.assign(given, {structure: ['one', 'two']}),
      /structure "two" is unknown/,
    ],
    ['inputs that are no list', given => Object.assign(given, {inputs: 3}), /inputs are no array/],
    [
      'operands that are none',
      ({calls}) => Object.assign((calls as object[])[0] as object, {inputs: 0}),
      /operands are no array/,
    ],
  ])('refuses a graph with %s', (_, change, text) => {
    expect(broken(change)).toThrow(text);
  });
});
