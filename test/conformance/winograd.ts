// Which convolutions are made by Winograd's products, and how far these may be off: by the sums of whole
// tiles, whatever cancels within them.
import type {Shape} from '../../lib/core/shape.ts';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Values} from '../reference.ts';

interface Attributes {
  readonly geometry: readonly number[];
  readonly direct?: boolean;
  readonly bfloat16?: boolean;
}

/** Of the products: what they read and make, [images, rows, columns, channels], and the padding. */
interface Tiles {
  readonly x: Shape;
  readonly y: Shape;
  readonly before: readonly [number, number];
  readonly isBackwards: boolean;
  readonly isRounded: boolean;
}

/** Twin of suits_winograd in native/kernels/conv_winograd.h. */
export function tilesOf(call: Call): Tiles | undefined {
  const {geometry, direct = true, bfloat16: isRounded = false} = call.attributes as Attributes;
  const [x, w] = call.inputs.map(({shape}) => shape) as [Shape, Shape];
  const y = (call.outputs[0] as Tensor).shape;
  if (direct || x.length !== 4 || w.slice(0, 2).join() !== '3,3') return undefined;
  const [strideY, dilationY, rows, strideX, dilationX, columns] = geometry as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const isPlain = [strideY, dilationY, strideX, dilationX].every(word => word === 1);
  const isBackwards = call.op.name === 'convInput';
  const [channels, outputs] = [x[3] as number, y[3] as number];
  const isWhole = w[2] === (isBackwards ? outputs : channels) && [channels, outputs].every(n => n % 16 === 0);
  if (!isPlain || !isWhole || rows > 2 || columns > 2) return undefined;
  const [height, width] = [y[1] as number, y[2] as number];
  const made = Math.ceil(height / 2) * Math.ceil(width / 2) * 4;
  const fits = Math.min(channels, outputs) >= 32 && channels * outputs <= 2 ** 14;
  if (!fits || height * width < 36 || 3 * made > 4 * height * width) return undefined;
  return {x, y, before: isBackwards ? [2 - rows, 2 - columns] : [rows, columns], isBackwards, isRounded};
}

/** For each element, Σ over channels of Σ|x| of its tile of 4×4 pixels · Σ|w| of the taps. */
export function tileSums({x, y, before, isBackwards}: Tiles, [a, b]: Values[]): Values {
  const [images, rows, columns, channels] = x as [number, number, number, number];
  const [, height, width, outputs] = y as [number, number, number, number];
  const result = new Float64Array(images * height * width * outputs);
  const ofTaps = new Float64Array(channels * outputs);
  for (let at = 0; at < (b as Values).length; at++) {
    const each = at % (channels * outputs);
    const [c, o] = isBackwards
      ? [each % channels, Math.floor(each / channels)]
      : [Math.floor(each / outputs), each % outputs];
    ofTaps[c * outputs + o] = (ofTaps[c * outputs + o] as number) + Math.abs(b?.[at] as number);
  }
  for (let pixel = 0; pixel < images * height * width; pixel++) {
    const [image, row, column] = [
      Math.floor(pixel / (height * width)),
      Math.floor(pixel / width) % height,
      pixel % width,
    ];
    const first = [Math.floor(row / 2) * 2 - before[0], Math.floor(column / 2) * 2 - before[1]] as const;
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let i = Math.max(first[0], 0); i < Math.min(first[0] + 4, rows); i++) {
        for (let j = Math.max(first[1], 0); j < Math.min(first[1] + 4, columns); j++) {
          sum += Math.abs(a?.[((image * rows + i) * columns + j) * channels + channel] as number);
        }
      }
      for (let output = 0; output < outputs; output++) {
        const at = pixel * outputs + output;
        result[at] = (result[at] as number) + sum * (ofTaps[channel * outputs + output] as number);
      }
    }
  }
  return result;
}
