// What is shown of models of sequences of any length: `any` where a size follows from the length.
import {describe, expect, it} from 'vitest';
import {input, layers, model, type Sequential, sequential} from '../../../lib/index.ts';

const summaryOf = (net: {summary: Sequential['summary']}): string => net.summary({print: () => {}});

describe('a summary of a model of any length', () => {
  const net = sequential([
    layers.embedding({inputDim: 5, outputDim: 3, inputShape: [null]}),
    layers.conv1d({filters: 2, kernelSize: 3}),
    layers.upSampling1d({size: 2}),
    layers.bidirectional({layer: layers.gru({units: 3})}),
    layers.dense({units: 1}),
  ]);

  it('says any where the size follows from the length, and what any is counted as', () => {
    net.compile({optimizer: 'adam', loss: 'mse'});
    const text = summaryOf(net);
    const shapes = [...text.matchAll(/^(\S+) +(\[batch\S*)/gm)].map(([, name, shape]) => [name, shape]);
    expect(shapes).toEqual([
      ['(input)', '[batch,any]'],
      ['embedding', '[batch,any,3]'],
      ['conv1d', '[batch,any,2]'],
      ['upSampling1d', '[batch,any,2]'],
      ['bidirectional', '[batch,6]'],
      ['dense', '[batch,1]'],
    ]);
    expect(text).toMatch(/^sizes that may be any are counted as 96$/m);
  });

  it('leaves the model as it was', async () => {
    expect((await net.predict([[1, 2, 3, 4]])).shape).toEqual([1, 1]);
    expect(net.outputShape).toEqual([1]);
    expect(net.countParams()).toBe(15 + 20 + 126 + 7);
  });

  it('is of several inputs, each of a length of its own', () => {
    const [query, value] = [input({shape: [null, 4]}), input({shape: [null, 4]})];
    const attended = layers.attention().apply([query, value]);
    const own = model({inputs: {query, value}, outputs: layers.flatten().apply(attended)});
    const text = summaryOf(own);
    expect(text).toMatch(/^\(query\) +\[batch,any,4\]/m);
    expect(text).toMatch(/^attention +\[batch,any,4\]/m);
    expect(text).toMatch(/^flatten +\[batch,any\]/m);
  });

  it('shows the sizes that there are where the layers take one length alone', () => {
    const fixed = sequential([
      layers.embedding({inputDim: 5, outputDim: 3, inputShape: [null]}),
      layers.flatten(),
      layers.dense({units: 1}),
    ]);
    expect(summaryOf(fixed)).toMatch(/^flatten +\[batch,288\]/m);
    const plain = sequential([layers.dense({units: 2, inputShape: [3]})]);
    expect(summaryOf(plain)).not.toMatch(/any/);
  });
});

it('a picture says any, too', async () => {
  const net = sequential([layers.lstm({units: 2, returnSequences: true, inputShape: [null, 3]})]);
  const svg = await net.plot();
  expect(svg).toContain('[any,3]');
  expect(svg).toContain('[any,2]');
});
