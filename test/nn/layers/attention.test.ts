// Attention with masks of every kind, its weights as outputs, blocks of transformers, and what errors say.
import {describe, expect, it} from 'vitest';
import {
  compile,
  input,
  type Layer,
  layers,
  load,
  type Model,
  model,
  ops,
  optimizers,
  type SymbolicTensor,
  sequential,
  setThreads,
} from '../../../lib/index.ts';
import {numbers} from '../../support/plain-networks.ts';
import {rowsOf, weightsOf} from './attention-formulas.ts';

type Found = {data: Float32Array; shape: number[]};
const predict = (net: {predictSync(given: never): unknown}, given: unknown): Found[] =>
  [net.predictSync(given as never)].flat() as Found[];

const [batch, steps, keys, features] = [3, 4, 5, 6];
const query = {data: numbers(batch * steps * features, 3), shape: [batch, steps, features]};
const value = {data: numbers(batch * keys * features, 4), shape: [batch, keys, features]};
// Values behind the length of a row are zero, which masking leaves out; of the last all are.
const lengths = [5, 2, 0];
lengths.forEach((length, row) => {
  value.data.fill(0, (row * keys + length) * features, (row + 1) * keys * features);
});

/** Query and value, whose zero steps do not count. */
function ends() {
  const [q, v] = [input({shape: [steps, features]}), input({shape: [keys, features]})];
  return {q, v, counted: layers.masking().apply(v)};
}

const kinds: [string, () => Layer, number][] = [
  ['attention', () => layers.attention({useScale: true}), 1],
  ['additiveAttention', () => layers.additiveAttention(), 1],
  ['multiHeadAttention', () => layers.multiHeadAttention({numHeads: 2, keyDim: 3}), 2],
  [
    'groupQueryAttention',
    () => layers.groupQueryAttention({headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2}),
    4,
  ],
];

describe.each(kinds)('%s', (kind, make, heads) => {
  it('gives its weights: 0 for what is masked or comes later, else a share of 1', () => {
    for (const useCausalMask of [false, true]) {
      const {q, v, counted} = ends();
      const outputs = make().applyAll([q, counted], {returnAttentionScores: true, useCausalMask});
      const net = model({inputs: [q, v], outputs: [...outputs]});
      const [, weights] = predict(net, [query, value]) as [Found, Found];
      expect(weights.shape).toEqual(heads === 1 ? [batch, steps, keys] : [batch, heads, steps, keys]);
      rowsOf([...weights.data], keys).forEach((row, at) => {
        const step = at % steps;
        const length = lengths[Math.floor(at / (heads * steps))] as number;
        const seen = Math.min(length, useCausalMask ? step + 1 : keys);
        expect(row.slice(seen)).toEqual(new Array(keys - seen).fill(0));
        const sum = row.reduce((total, weight) => total + weight, 0);
        expect(sum).toBeCloseTo(seen === 0 ? 0 : 1, 5);
      });
    }
  });

  it('reads what a mask leaves as if there were no more, to the bit', () => {
    const {q, v, counted} = ends();
    const net = model({inputs: [q, v], outputs: make().apply([q, counted])});
    const [{data}] = predict(net, [query, value]) as [Found];
    lengths.forEach((length, row) => {
      const own = data.slice(row * steps * features, (row + 1) * steps * features);
      if (length === 0) {
        // The bias of the output, zero at first, or nothing.
        expect([...own]).toEqual(new Array(own.length).fill(0));
        return;
      }
      const [first, short] = [input({shape: [steps, features]}), input({shape: [length, features]})];
      const alone = model({inputs: [first, short], outputs: make().apply([first, short])});
      alone.setWeights(net.getWeights());
      const part = (from: Found, count: number) => ({
        data: from.data.slice(row * (from.shape[1] as number) * features).slice(0, count * features),
        shape: [1, count, features],
      });
      const [wanted] = predict(alone, [part(query, steps), part(value, length)]) as [Found];
      own.forEach((found, at) => {
        expect(found).toBeCloseTo(wanted.data[at] as number, 6);
      });
    });
  });

  it('learns, to the same bits on any number of threads, and comes back from a file', async () => {
    const trained = async (threads: number): Promise<Model> => {
      setThreads(threads);
      const {q, v, counted} = ends();
      const mixed = make().apply([q, counted], {useCausalMask: true});
      const net = model({
        inputs: [q, v],
        outputs: layers.dense({units: 1}).apply(layers.flatten().apply(mixed)),
        seed: 3,
      });
      net.compile({optimizer: optimizers.adam({learningRate: 0.01}), loss: 'mse'});
      const x = [query, value] as never;
      const {history} = await net.fit(x, [[1], [-1], [0.5]], {epochs: 60, batchSize: 2, verbose: 0});
      expect(history.loss?.at(-1), kind).toBeLessThan((history.loss?.[0] as number) * 0.8);
      return net;
    };
    const [one, two] = [await trained(1), await trained(2)];
    expect(two.getWeights()).toEqual(one.getWeights());
    const loaded = await load(await one.toBytes());
    expect(loaded.predictSync([query, value] as never)).toEqual(one.predictSync([query, value] as never));
    expect(loaded.toJSON()).toEqual(one.toJSON());
  });
});

describe('layers.multiHeadAttention', () => {
  it('of places along an axis is that of sequences side by side', () => {
    const [apart, heads] = [3, 2];
    const [q, v, m] = [
      [apart, steps, features],
      [apart, keys, features],
      [steps, keys],
    ] as const;
    const make = (attentionAxes?: number) =>
      layers.multiHeadAttention({
        ...{numHeads: heads, keyDim: 3},
        ...(attentionAxes && {attentionAxes}),
      });
    const nets = [
      [make(2), q, v],
      [make(), q.slice(1), v.slice(1)],
    ] as const;
    const [images, sequences] = nets.map(([layer, ...shapes]) => {
      const ends = [...shapes, m].map(shape => input({shape: [...shape]}));
      const [first, second, mask] = ends as [SymbolicTensor, SymbolicTensor, SymbolicTensor];
      const outputs = layer.applyAll([first, second, second, mask], {returnAttentionScores: true});
      return model({inputs: ends, outputs: [...outputs]});
    }) as unknown as [Model, Model];
    sequences.setWeights(images.getWeights());
    const data = [q, v].map(([, count, size], at) => numbers(batch * apart * count * size, at + 5));
    const mask = Float32Array.from({length: batch * steps * keys}, (_, at) => (at * 7) % 3 && 1);
    const spread = Float32Array.from({length: apart * mask.length}, (_, at) => {
      const [row, pair] = [Math.floor(at / (apart * steps * keys)), at % (steps * keys)];
      return mask[row * steps * keys + pair] as number;
    });
    const given = (lead: number[], own: Float32Array) => [
      ...[q, v].map((shape, at) => ({data: data[at], shape: [...lead, ...shape.slice(1)]})),
      {data: own, shape: [lead.length === 2 ? batch : batch * apart, steps, keys]},
    ];
    const found = predict(images, given([batch, apart], mask));
    const wanted = predict(sequences, given([batch * apart], spread));
    expect(found.map(({shape}) => shape)).toEqual([
      [batch, apart, steps, features],
      [batch, apart, heads, steps, keys],
    ]);
    expect(found.map(each => each.data)).toEqual(wanted.map(each => each.data));
  });

  it('says which axes of places it does not take', () => {
    const x = input({shape: [3, 4, 6]});
    const make = (attentionAxes: unknown) =>
      layers.multiHeadAttention({numHeads: 2, keyDim: 3, attentionAxes} as never);
    expect(() => make([])).toThrow(/attentionAxes: expected axes such as \[1, 2\]/);
    expect(() => make(3).apply(x)).toThrow(/attentionAxes: expected axes from 1 to 2.* Received \[3\]/);
    expect(() => make([1, 2]).apply(x, {useCausalMask: true})).toThrow(/useCausalMask go with one axis/);
    expect(() => make(2).apply([x, input({shape: [2, 4, 6]})])).toThrow(/agree along the axes/);
    const mask = input({shape: [3, 4]});
    expect(() => make([1, 2]).apply([x, x, x, mask])).toThrow(/attention mask \[3,4,3,4\]/);
  });

  it('takes a mask of its own, bool or of numbers, for all heads or each', () => {
    const mask = Uint8Array.from({length: batch * steps * keys}, (_, at) => (at * 7) % 3 && 1);
    const make = (dtype: 'bool' | 'float32', perHead: boolean) => {
      const shape = perHead ? [2, steps, keys] : [steps, keys];
      const [q, v, m] = [
        input({shape: [steps, features]}),
        input({shape: [keys, features]}),
        input({shape, dtype}),
      ];
      const layer = layers.multiHeadAttention({numHeads: 2, keyDim: 3});
      const outputs = layer.applyAll([q, v, v, m], {returnAttentionScores: true});
      return model({inputs: [q, v, m], outputs: [...outputs], seed: 6});
    };
    const data = Float32Array.from(mask);
    const [first, weights] = predict(make('float32', false), [
      query,
      value,
      {data, shape: [batch, steps, keys]},
    ]);
    rowsOf([...(weights as Found).data], keys).forEach((row, at) => {
      const [head, step] = [Math.floor(at / steps), at % steps];
      const own = (Math.floor(head / 2) * steps + step) * keys;
      row.forEach((weight, key) => {
        expect(weight > 0).toBe(mask[own + key] === 1);
      });
    });
    const same = predict(make('bool', false), [query, value, {data: mask, shape: [batch, steps, keys]}]);
    expect(same[0]).toEqual(first);
    const twice = Uint8Array.from({length: 2 * mask.length}, (_, at) => {
      const size = steps * keys;
      return mask[Math.floor(at / (2 * size)) * size + (at % size)] as number;
    });
    const perHead = predict(make('bool', true), [
      query,
      value,
      {data: twice, shape: [batch, 2, steps, keys]},
    ]);
    expect(perHead[0]).toEqual(first);
  });

  it('takes one step as well as many, and one head', () => {
    for (const length of [1, 70]) {
      const net = sequential([layers.multiHeadAttention({numHeads: 1, keyDim: 4, inputShape: [length, 3]})]);
      const x = {data: numbers(2 * length * 3), shape: [2, length, 3]};
      expect(predict(net, x)[0]?.data.every(Number.isFinite)).toBe(true);
    }
  });

  it('knows only distances when its scores are turned', () => {
    // The same two vectors in turn: with positions, scores of steps at one distance are the same.
    const net = (() => {
      const x = input({shape: [6, 4]});
      const layer = layers.multiHeadAttention({numHeads: 1, keyDim: 4, positions: 'rotary', useBias: false});
      const [, weights] = layer.applyAll(x, {returnAttentionScores: true}) as [
        SymbolicTensor,
        SymbolicTensor,
      ];
      return model({inputs: x, outputs: weights});
    })();
    const row = [...numbers(4, 9)];
    const [{data}] = predict(net, [Array.from({length: 6}, () => row)]) as [Found];
    const score = (q: number, k: number) =>
      Math.log((data[q * 6 + k] as number) / (data[q * 6 + q] as number));
    expect(score(2, 4)).toBeCloseTo(score(1, 3), 5);
    expect(score(5, 2)).toBeCloseTo(score(3, 0), 5);
    expect(Math.abs(score(2, 4) - score(2, 5))).toBeGreaterThan(1e-6);
  });
});

describe('blocks of transformers', () => {
  it('leave padding out, and hand its mask on', () => {
    const build = (length: number, maskZero: boolean) => {
      const ids = input({shape: [length]});
      const table = layers.embedding({inputDim: 9, outputDim: 4, maskZero});
      const encoded = layers.transformerEncoder({intermediateDim: 8, numHeads: 2}).apply(table.apply(ids));
      const decoder = layers.transformerDecoder({intermediateDim: 8, numHeads: 2, normalizeFirst: true});
      const out = decoder.apply([encoded, encoded]);
      return model({inputs: ids, outputs: layers.lstm({units: 3}).apply(out), seed: 2});
    };
    const [padded, short] = [build(6, true), build(3, false)];
    short.setWeights(padded.getWeights().map(({data}) => data));
    const [{data}] = predict(padded, [[5, 8, 2, 0, 0, 0]]) as [Found];
    const [wanted] = predict(short, [[5, 8, 2]]) as [Found];
    data.forEach((value, at) => {
      expect(value).toBeCloseTo(wanted.data[at] as number, 6);
    });
  });

  it('see nothing behind a step where they should not', () => {
    const x = {data: numbers(8 * 4), shape: [1, 8, 4]};
    const later = {data: x.data.map((number, at) => (at < 20 ? number : -number)), shape: x.shape};
    const start = () => input({shape: [8, 4]});
    const options = {intermediateDim: 8, numHeads: 2};
    for (const apply of [
      (from: SymbolicTensor) => layers.transformerDecoder(options).apply(from),
      (from: SymbolicTensor) => layers.transformerEncoder(options).apply(from, {useCausalMask: true}),
    ]) {
      const from = start();
      const net = model({inputs: from, outputs: apply(from)});
      const [one, other] = [x, later].map(given => [...(predict(net, given)[0] as Found).data]) as [
        number[],
        number[],
      ];
      expect(other.slice(0, 20)).toEqual(one.slice(0, 20));
      expect(other.slice(20)).not.toEqual(one.slice(20));
    }
    const from = start();
    const open = layers.transformerDecoder(options).apply(from, {useCausalMask: false});
    const net = model({inputs: from, outputs: open});
    expect([...(predict(net, later)[0] as Found).data].slice(0, 20)).not.toEqual(
      [...(predict(net, x)[0] as Found).data].slice(0, 20),
    );
  });

  it('have their layers by name', () => {
    const block = layers.transformerEncoder({intermediateDim: 8, numHeads: 2, inputShape: [3, 4]});
    const net = sequential([block], {name: 'reader'});
    expect(block.layers.map(({kind}) => kind)).toEqual(
      expect.arrayContaining(['multiHeadAttention', 'layerNormalization', 'dense', 'dropout']),
    );
    expect(net.getWeights()[0]?.name).toBe('transformerEncoder/selfAttention/query/kernel');
    block.trainable = false;
    expect(block.trainableWeights).toEqual([]);
  });
});

describe('ops.maskedSoftmax', () => {
  it('is softmax over what counts', () => {
    const x = ops.input({name: 'x', shape: [3, 4]});
    const mask = ops.input({name: 'mask', shape: [3, 4], dtype: 'bool'});
    const run = compile({y: ops.maskedSoftmax(x, mask)});
    const given = [...numbers(12)];
    const counts = [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    const {y} = run.runSync({x: Float32Array.from(given), mask: Uint8Array.from(counts)}) as unknown as {
      y: Found;
    };
    const wanted = rowsOf(given, 4).flatMap((row, at) => weightsOf(row, key => counts[at * 4 + key] === 1));
    wanted.forEach((value, at) => {
      if (counts[at] === 0) expect(y.data[at]).toBe(0);
      expect(y.data[at]).toBeCloseTo(value, 6);
    });
  });
});

describe('errors of attention', () => {
  const at = (...shapes: number[][]): SymbolicTensor[] => shapes.map(shape => input({shape}));
  it.each<[RegExp, () => unknown]>([
    [/attention: expected \[query, value\].*Received \[2,3\]\./, () => layers.attention().apply(at([2, 3]))],
    [/Received \[2,3\], \[4,5\]/, () => layers.attention().apply(at([2, 3], [4, 5]))],
    [/scoreMode.*Did you mean "concat"/, () => layers.attention({scoreMode: 'conct' as never})],
    [/useScale: expected true or false/, () => layers.additiveAttention({useScale: 2 as never})],
    [/unknown option "scoreMode"/, () => layers.additiveAttention({scoreMode: 'dot'} as never)],
    [/numHeads/, () => layers.multiHeadAttention({numHeads: 0, keyDim: 2})],
    [/keyDim/, () => layers.multiHeadAttention({numHeads: 1} as never)],
    [
      /rotary needs heads of an even size\. Received 3/,
      () => layers.multiHeadAttention({numHeads: 1, keyDim: 3, positions: 'rotary'}),
    ],
    [
      /expected an attention mask \[2,4\] or \[1,2,4\] of a sample\. Received \[4,2\]/,
      () => layers.multiHeadAttention({numHeads: 1, keyDim: 2}).apply(at([2, 3], [4, 3], [4, 3], [4, 2])),
    ],
    [
      /as many steps of value and key\. Received \[2,3\], \[4,3\], \[5,3\]/,
      () => layers.multiHeadAttention({numHeads: 1, keyDim: 2}).apply(at([2, 3], [4, 3], [5, 3])),
    ],
    [
      /useCausalMask: expected true or false/,
      () => layers.multiHeadAttention({numHeads: 1, keyDim: 2}).apply(at([2, 3]), {useCausalMask: 1}),
    ],
    [
      /numKeyValueHeads: expected a divisor of numQueryHeads 4\. Received 3/,
      () => layers.groupQueryAttention({headDim: 2, numQueryHeads: 4, numKeyValueHeads: 3}),
    ],
    [
      /transformerEncoder: 3 heads do not divide 4 features/,
      () => layers.transformerEncoder({intermediateDim: 2, numHeads: 3}).apply(at([2, 4])),
    ],
    [
      /transformerDecoder: expected samples \[steps, features\]\. Received \[4\]/,
      () => layers.transformerDecoder({intermediateDim: 2, numHeads: 2}).apply(at([4])),
    ],
    [
      /expected at most sequenceLength 3 steps\. Received 4/,
      () => layers.positionEmbedding({sequenceLength: 3}).apply(at([4, 2])),
    ],
    [/even number of features/, () => layers.rotaryEmbedding().apply(at([4, 3]))],
    [/expected scores \[heads, queries, keys\]/, () => layers.alibiBias().apply(at([4, 3]))],
    [/maxWavelength/, () => layers.sinePositionEncoding({maxWavelength: 1})],
  ])('%s', (message, build) => {
    expect(build).toThrow(message);
  });
});
