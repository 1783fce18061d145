// Every layer that has a `dataFormat` takes channels last alone, and says by which permutation channels that
// come first get there; which is so.
import {describe, expect, it} from 'vitest';
import {input, type Layer, layers} from '../../../lib/index.ts';
import {optionsOf} from '../../support/known-options.ts';

type Make = (options: object) => Layer;

/** What some of them need. */
const needed: Readonly<Record<string, unknown>> = {
  ...{filters: 1, kernelSize: 1, outputSize: 1, height: 1, width: 1, rate: 0.5},
  ...{factor: 0.1, heightFactor: 0.1, widthFactor: 0.1},
};
/** Sizes of an image of so many axes, no two alike. */
const sizesOf = (axes: number): number[] => [4, 6, 8].slice(0, axes);

const found = Object.entries(layers as unknown as Readonly<Record<string, Make>>).flatMap(([name, make]) => {
  const known = optionsOf(make);
  if (!known.includes('dataFormat')) return [];
  const options = Object.fromEntries(Object.entries(needed).filter(([option]) => known.includes(option)));
  const axes = Number(/(\d)d/.exec(name)?.[1] ?? 2);
  // Steps stand before the images of a recurrent layer.
  const before = name.startsWith('convLstm') ? [5] : [];
  const channels = /Grayscale|Hue|Saturation/.test(name) ? 3 : 12;
  const last = [...before, ...sizesOf(axes), channels];
  const first = [...before, channels, ...sizesOf(axes)];
  return [{name, make, options, last, first}];
});

describe('dataFormat', () => {
  it('is an option of every layer of images', () => {
    const images =
      /^((separable|depthwise)?[cC]onv|(global|adaptive)?(max|average)Pooling|zeroPadding|cropping)/i;
    const more = /^(upSampling|pixel|centerCrop|resizing|random|spatialDropout[23]d)/;
    const wanted = Object.keys(layers).filter(name => images.test(name) || more.test(name));
    expect(found.map(({name}) => name).sort()).toEqual(wanted.sort());
  });

  it.each(found)('$name: channels first are refused with the permutation to write', ({name, ...given}) => {
    const {make, options, last, first} = given;
    expect(
      make({...options, dataFormat: 'channelsLast', name: 'here'}).apply(input({shape: last})),
    ).toBeDefined();
    let message = '';
    try {
      make({...options, dataFormat: 'channelsFirst'});
    } catch (error) {
      ({message} = error as Error);
    }
    const written = /^layers\.(\w+): dataFormat: channels are .* layers\.permute\(\{dims: (\[[\d, ]+\])\}\)/;
    const [, layer, dims = '[]'] = written.exec(message) ?? [];
    expect(layer, message).toBe(name);
    const moved = layers.permute({dims: JSON.parse(dims)}).apply(input({shape: first}));
    expect(moved.shape).toEqual(last);
    expect(() => make({...options, dataFormat: 'channelsMiddle'})).toThrow(
      /dataFormat: expected channelsLast/,
    );
  });
});
