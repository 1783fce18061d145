// What all layers with windows refuse, each with an error that names it, what it got and what to write
// instead; and the windows larger than an image that they take.
import {describe, expect, it} from 'vitest';
import {input, type Layer, layers} from '../../../lib/index.ts';

const images = (...shape: number[]) => input({shape});
type Make = (options: object) => Layer;
const namespace = layers as unknown as Readonly<Record<string, Make>>;
const axesOf = (kind: string): number => Number(/(\d)d/.exec(kind)?.[1]);
const make = (kind: string, options: object): Layer => {
  const needed = kind.startsWith('depthwise') ? {kernelSize: 3} : {filters: 4, kernelSize: 3};
  return (namespace[kind] as Make)({...(kind.includes('Pooling') ? {} : needed), name: 'here', ...options});
};
/** Samples of so many axes of this length, with three channels. */
const sampleOf = (axes: number, length: number) => [...new Array<number>(axes).fill(length), 3];

const forward = [
  ...['conv1d', 'conv2d', 'conv3d'],
  ...['depthwiseConv1d', 'depthwiseConv2d', 'separableConv1d', 'separableConv2d'],
];
const transposed = ['conv1dTranspose', 'conv2dTranspose', 'conv3dTranspose'];
const pooling = ['max', 'average'].flatMap(pool => [1, 2, 3].map(axes => `${pool}Pooling${axes}d`));

describe.each([...forward, ...transposed, ...pooling])('layers.%s refuses', kind => {
  const axes = axesOf(kind);
  const isPooling = pooling.includes(kind);
  const size = isPooling ? 'poolSize' : 'kernelSize';

  it.each([
    [size, 0, 'expected an integer >= 1'],
    [size, 2.5, 'expected an integer >= 1'],
    [size, new Array(axes + 1).fill(2), `expected a number, or ${axes} of them`],
    ['strides', 0, 'expected an integer >= 1'],
    ['strides', '2', 'expected an integer >= 1'],
    ['padding', -1, 'expected an integer >= 0'],
    ['padding', 'full', 'expected .*valid'],
    ['dataFormat', 'channelsFirst', `channels are the last axis here. Put layers\\.permute`],
    ...(isPooling
      ? []
      : ([
          ['dilationRate', 0, 'expected an integer >= 1'],
          ['activation', 'rellu', '.*Did you mean "relu"'],
        ] as const)),
  ] as const)('%s: %j', (option, value, text) => {
    const where = option === 'activation' ? '' : `^layers\\.${kind}: ${option}: `;
    expect(() => make(kind, {[option]: value})).toThrow(new RegExp(where + text));
  });

  it('an option that is none, with the nearest that there is', () => {
    expect(() => make(kind, {stride: 2})).toThrow(/unknown option "stride"\. Did you mean "strides"\?/);
  });

  it('samples of one axis less or more', () => {
    for (const other of [axes - 1, axes + 1]) {
      const wrong = sampleOf(other, 9);
      expect(() => make(kind, {}).apply(images(...wrong))).toThrow(
        new RegExp(`^here: expected samples \\[.*channels\\]\\. Received \\[${wrong}\\]; layers\\.reshape`),
      );
    }
  });

  it('or takes windows that are larger than the image, by padding alone', () => {
    const own = make(kind, {[size]: 5});
    if (transposed.includes(kind)) {
      expect(own.apply(images(...sampleOf(axes, 2))).shape.slice(0, -1)).toEqual(new Array(axes).fill(6));
      const cut = make(kind, {padding: axes === 1 ? [2, 2] : new Array(axes).fill(2)});
      expect(() => cut.apply(images(...sampleOf(axes, 2)))).toThrow(
        /leaves nothing of the result.* in here\.$/,
      );
      return;
    }
    const shape = sampleOf(axes, 4);
    expect(() => own.apply(images(...shape))).toThrow(
      new RegExp(
        `a kernel of \\[${new Array(axes).fill(5)}\\] is larger than the image .*${shape}.* in here\\.$`,
      ),
    );
    const same = make(kind, {[size]: 5, strides: 1, padding: 'same'});
    expect(same.apply(images(...shape)).shape.slice(0, -1)).toEqual(shape.slice(0, -1));
  });
});

describe.each([...forward, ...transposed])('layers.%s refuses', kind => {
  it('strides together with dilation, as Keras does', () => {
    expect(() => make(kind, {strides: 2, dilationRate: 3})).toThrow(
      /strides \[2.*\] and dilationRate \[3.*\] cannot both be above 1/,
    );
  });
});
