// The part of the oracle that knows images: convolutions and pooling, from their definitions.
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';
import {type Finish, type ScalarRule, toBfloat16, withEpilogue} from './products.ts';

/** Stride, dilation and padding before, for each axis of space; whether operands are rounded. */
interface Geometry {
  readonly geometry: readonly number[];
  readonly bfloat16: boolean;
}

const geometryOf = (call: Call): readonly number[] => (call.attributes as Geometry).geometry;

/** All positions of a box, in row-major order. */
export function* positions(sizes: Shape): Generator<readonly number[]> {
  const at = sizes.map(() => 0);
  for (let count = sizeOf(sizes); count > 0; count--) {
    yield [...at];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] as number) + 1;
      if ((at[axis] as number) < (sizes[axis] as number)) break;
      at[axis] = 0;
    }
  }
}

/** The number of an element, or -1 outside. */
function indexOf(at: readonly number[], sizes: Shape): number {
  let index = 0;
  for (const [axis, size] of sizes.entries()) {
    const own = at[axis] as number;
    if (own < 0 || own >= size) return -1;
    index = index * size + own;
  }
  return index;
}

type Shapes = readonly [x: Shape, w: Shape, y: Shape];

/** Σ over images, pixels of y, taps and channels of x · w · y: what each of the three is the gradient of. */
function eachTerm(
  [x, w, y]: Shapes,
  geometry: readonly number[],
  visit: (x: number, w: number, y: number) => void,
): void {
  const [channels, outputs] = [x.at(-1) as number, y.at(-1) as number];
  const each = w.at(-2) as number;
  const [sizes, kernel, pixels] = [x.slice(1, -1), w.slice(0, -2), y.slice(1, -1)];
  const groups = each === 0 ? 1 : channels / each;
  const perGroup = outputs / groups;
  for (let image = 0; image < (x[0] as number); image++) {
    let pixel = image * sizeOf(pixels);
    for (const at of positions(pixels)) {
      let tap = 0;
      for (const offset of positions(kernel)) {
        const source = at.map((own, axis) => {
          const [stride, dilation, before] = geometry.slice(3 * axis, 3 * axis + 3) as [
            number,
            number,
            number,
          ];
          return own * stride - before + (offset[axis] as number) * dilation;
        });
        const from = indexOf(source, sizes);
        for (let output = 0; from >= 0 && output < outputs; output++) {
          const first = Math.floor(output / perGroup) * each;
          for (let channel = 0; channel < each; channel++) {
            visit(
              (image * sizeOf(sizes) + from) * channels + first + channel,
              (tap * each + channel) * outputs + output,
              pixel * outputs + output,
            );
          }
        }
        tap++;
      }
      pixel++;
    }
  }
}

const shapeOf = (tensor: Tensor | undefined): Shape => (tensor as Tensor).shape;

/** The convolution alone, without what follows it. */
export function convolution(call: Call, [a, b]: Values[]): Values {
  const result = new Float64Array(call.result.size);
  const [first, second] = call.inputs.map(shapeOf) as [Shape, Shape];
  const [left, right] = [a as Values, b as Values];
  const add = (to: number, product: number): void => {
    result[to] = (result[to] as number) + product;
  };
  const out = call.result.shape;
  if (call.op.name === 'conv') {
    eachTerm([first, second, out], geometryOf(call), (x, w, y) =>
      add(y, (left[x] as number) * (right[w] as number)),
    );
  } else if (call.op.name === 'convInput') {
    eachTerm([out, second, first], geometryOf(call), (x, w, y) =>
      add(x, (left[y] as number) * (right[w] as number)),
    );
  } else {
    const [parts, ...kernel] = out as [number, ...number[]];
    const outputs = second.at(-1) as number;
    const blocks = Math.ceil((second[0] as number) * (sizeOf(second.slice(1, -1)) / 384));
    const ends = Array.from({length: parts}, (_, part) => Math.floor((blocks * (part + 1)) / parts) * 384);
    eachTerm([first, kernel, second], geometryOf(call), (x, w, y) => {
      const part = ends.findIndex(end => Math.floor(y / outputs) < end);
      add(part * sizeOf(kernel) + w, (left[x] as number) * (right[y] as number));
    });
  }
  return result;
}

/** How many terms an element of a convolution's result is a sum of, at most. */
export function termsOf(call: Call): number {
  const [first, second] = call.inputs.map(shapeOf) as [Shape, Shape];
  if (call.op.name === 'convKernel') return sizeOf(second.slice(0, -1));
  return sizeOf(second.slice(0, -2)) * Math.max(first.at(-1) as number, second.at(-2) as number);
}

const convolutionRule =
  (finish: Finish): Rule =>
  (call, [a, b, ...epilogue]) => {
    const {bfloat16} = call.attributes as Geometry;
    const factors = [a as Values, b as Values].map(values => (bfloat16 ? toBfloat16(values) : values));
    return finish(call, convolution(call, factors), epilogue);
  };

/** Size, stride and padding before of each axis; a size of 0 shares the axis out. */
function boxOf(at: readonly number[], sizes: Shape, windows: Shape, geometry: readonly number[]): number[][] {
  return sizes.map((size, axis) => {
    const [own, stride, before] = geometry.slice(3 * axis, 3 * axis + 3) as [number, number, number];
    const [number, count] = [at[axis] as number, windows[axis] as number];
    const first = own === 0 ? Math.floor((number * size) / count) : number * stride - before;
    const end = own === 0 ? Math.ceil(((number + 1) * size) / count) : first + own;
    return Array.from({length: end - first}, (_, i) => first + i).filter(p => p >= 0 && p < size);
  });
}

/** For each element of y, the elements of its window in x. */
function eachWindow(
  x: Shape,
  y: Shape,
  geometry: readonly number[],
  visit: (window: number[], y: number) => void,
): void {
  const [sizes, windows, channels] = [x.slice(1, -1), y.slice(1, -1), x.at(-1) as number];
  for (let image = 0; image < (x[0] as number); image++) {
    let pixel = image * sizeOf(windows);
    for (const at of positions(windows)) {
      const box = boxOf(at, sizes, windows, geometry);
      const sources: number[] = [];
      for (const place of positions(box.map(({length}) => length))) {
        sources.push(
          indexOf(
            place.map((own, axis) => box[axis]?.[own] as number),
            sizes,
          ),
        );
      }
      for (let channel = 0; channel < channels; channel++) {
        visit(
          sources.map(source => (image * sizeOf(sizes) + source) * channels + channel),
          pixel * channels + channel,
        );
      }
      pixel++;
    }
  }
}

/** The first of the largest; a NaN is larger than any number. */
function largestOf(window: readonly number[], x: Values): number {
  const nan = window.find(at => Number.isNaN(x[at]));
  if (nan !== undefined) return nan;
  return window.reduce((best, at) => ((x[at] as number) > (x[best] as number) ? at : best));
}

const poolRules: Record<string, Rule> = {
  windowLargest: (call, [x, v]) => {
    const result = new Float64Array(call.result.size);
    eachWindow(shapeOf(call.inputs[0]), call.result.shape, geometryOf(call), (window, y) => {
      result[y] = v?.[largestOf(window, x as Values)] as number;
    });
    return [result];
  },
  windowLargestGradient: (call, [x, dy]) => {
    const result = new Float64Array(call.result.size);
    eachWindow(call.result.shape, shapeOf(call.inputs[1]), geometryOf(call), (window, y) => {
      const at = largestOf(window, x as Values);
      result[at] = (result[at] as number) + (dy?.[y] as number);
    });
    return [result];
  },
  windowMean: (call, [x]) => {
    const result = new Float64Array(call.result.size);
    eachWindow(shapeOf(call.inputs[0]), call.result.shape, geometryOf(call), (window, y) => {
      result[y] = window.reduce((sum, at) => sum + (x?.[at] as number), 0) / window.length;
    });
    return [result];
  },
  windowMeanGradient: (call, [dy]) => {
    const result = new Float64Array(call.result.size);
    eachWindow(call.result.shape, shapeOf(call.inputs[0]), geometryOf(call), (window, y) => {
      for (const at of window) result[at] = (result[at] as number) + (dy?.[y] as number) / window.length;
    });
    return [result];
  },
};

/** Weighted sums of neighbours along an axis; a weight of 0 reads nothing. */
const resampleRule: Rule = (call, [x, starts, weights]) => {
  const {axis} = call.attributes as {axis: number};
  const from = shapeOf(call.inputs[0]);
  const taps = shapeOf(call.inputs[2])[1] as number;
  const [size, inner] = [from[axis] as number, sizeOf(from.slice(axis + 1))];
  const to = call.result.shape[axis] as number;
  const result = new Float64Array(call.result.size);
  for (let at = 0; at < result.length; at++) {
    const row = Math.floor(at / inner) % to;
    const outer = Math.floor(at / (inner * to));
    for (let tap = 0; tap < taps; tap++) {
      const source = (starts?.[row] as number) + tap;
      const weight = weights?.[row * taps + tap] as number;
      if (weight === 0 || source < 0 || source >= size) continue;
      const read = x?.[(outer * size + source) * inner + (at % inner)] as number;
      result[at] = (result[at] as number) + weight * read;
    }
  }
  return [result];
};

export const imageRules = (scalarRule: ScalarRule): Record<string, Rule> => {
  const rule = convolutionRule(withEpilogue(scalarRule));
  return {conv: rule, convInput: rule, convKernel: rule, resample: resampleRule, ...poolRules};
};
