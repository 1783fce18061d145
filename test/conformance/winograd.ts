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
  readonly isKernel: boolean;
  readonly isRounded: boolean;
}

/** Twin of suits_winograd in native/kernels/conv_winograd.h. */
export function tilesOf(call: Call): Tiles | undefined {
  const {geometry, direct = true, bfloat16: isRounded = false} = call.attributes as Attributes;
  const isKernel = call.op.name === 'convKernel';
  const [x, second] = call.inputs.map(({shape}) => shape) as [Shape, Shape];
  const result = (call.outputs[0] as Tensor).shape;
  const [w, y] = isKernel ? [result.slice(1), second] : [second, result];
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
  const fits = Math.min(channels, outputs) >= 16 && channels * outputs <= 2 ** 14;
  if (!fits || height * width < 36 || 3 * made > 4 * height * width) return undefined;
  const before = isBackwards ? ([2 - rows, 2 - columns] as const) : ([rows, columns] as const);
  return {x, y, before, isBackwards, isKernel, isRounded};
}

/** Calls visit with the first pixel, the image and Σ|x| of the 4×4 pixels, for each tile and channel. */
function eachTile(
  {x, y, before}: Tiles,
  a: Values,
  visit: (row: number, column: number, image: number, channel: number, sum: number) => void,
): void {
  const [images, rows, columns, channels] = x as [number, number, number, number];
  const [, height, width] = y as [number, number, number, number];
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < height; row += 2) {
      for (let column = 0; column < width; column += 2) {
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          const [top, left] = [row - before[0], column - before[1]];
          for (let i = Math.max(top, 0); i < Math.min(top + 4, rows); i++) {
            for (let j = Math.max(left, 0); j < Math.min(left + 4, columns); j++) {
              sum += Math.abs(a[((image * rows + i) * columns + j) * channels + channel] as number);
            }
          }
          visit(row, column, image, channel, sum);
        }
      }
    }
  }
}

/** For each element of a kernel's gradient in one part: Σ over tiles of Σ|x| of 4×4, Σ|dy| of 2×2 pixels. */
export function kernelTileSums(tiles: Tiles, [a, b]: Values[]): Values {
  const channels = tiles.x[3] as number;
  const [, height, width, outputs] = tiles.y as [number, number, number, number];
  const ofTap = new Float64Array(channels * outputs);
  eachTile(tiles, a as Values, (row, column, image, channel, sum) => {
    for (let i = row; i < Math.min(row + 2, height); i++) {
      for (let j = column; j < Math.min(column + 2, width); j++) {
        for (let output = 0; output < outputs; output++) {
          const dy = Math.abs(b?.[((image * height + i) * width + j) * outputs + output] as number);
          const at = channel * outputs + output;
          ofTap[at] = (ofTap[at] as number) + sum * dy;
        }
      }
    }
  });
  return Float64Array.from({length: 9 * ofTap.length}, (_, at) => ofTap[at % ofTap.length] as number);
}

/** For each element, Σ over channels of Σ|x| of its tile of 4×4 pixels · Σ|w| of the taps. */
export function tileSums(tiles: Tiles, [a, b]: Values[]): Values {
  const {x, y, isBackwards} = tiles;
  const channels = x[3] as number;
  const [images, height, width, outputs] = y as [number, number, number, number];
  const result = new Float64Array(images * height * width * outputs);
  const ofTaps = new Float64Array(channels * outputs);
  for (let at = 0; at < (b as Values).length; at++) {
    const each = at % (channels * outputs);
    const [c, o] = isBackwards
      ? [each % channels, Math.floor(each / channels)]
      : [Math.floor(each / outputs), each % outputs];
    ofTaps[c * outputs + o] = (ofTaps[c * outputs + o] as number) + Math.abs(b?.[at] as number);
  }
  eachTile(tiles, a as Values, (row, column, image, channel, sum) => {
    for (let i = row; i < Math.min(row + 2, height); i++) {
      for (let j = column; j < Math.min(column + 2, width); j++) {
        for (let output = 0; output < outputs; output++) {
          const at = ((image * height + i) * width + j) * outputs + output;
          result[at] = (result[at] as number) + sum * (ofTaps[channel * outputs + output] as number);
        }
      }
    }
  });
  return result;
}
