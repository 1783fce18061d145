// The part of the oracle that multiplies matrices.
import {type Shape, sizeOf} from '../../lib/core/shape.ts';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';
import {broadcastIndex} from './broadcast.ts';

interface ProductAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bfloat16: boolean;
  readonly bias: boolean;
  readonly map: string | null;
}

const attributesOf = (call: Call): ProductAttributes => call.attributes as ProductAttributes;
const batchOf = ({shape}: Tensor): Shape => shape.slice(0, -2);

/** Of each product of a batch. */
export function productSizes(call: Call): [rows: number, inner: number, columns: number] {
  const [rows, columns] = (call.outputs[0] as Tensor).shape.slice(-2) as [number, number];
  const {transposeA} = attributesOf(call);
  return [rows, (call.inputs[0] as Tensor).shape.at(transposeA ? -2 : -1) as number, columns];
}

type MultiplyAdd = (sum: number, x: number, y: number) => number;

/** Σ over k of a·b for each pair of matrices, in the order of k: row by row of b, as memory is read. */
export const product = (call: Call, factors: Values[]): Values =>
  sumsOfProducts(call, factors, (sum, x, y) => sum + x * y);

/** The same of int32, modulo 2³². */
export const integerProductRule: Rule = (call, factors) => [
  sumsOfProducts(call, factors, (sum, x, y) => (sum + Math.imul(x, y)) | 0),
];

function sumsOfProducts(call: Call, [a, b]: Values[], add: MultiplyAdd): Values {
  const [rows, inner, columns] = productSizes(call);
  const {transposeA, transposeB} = attributesOf(call);
  const [first, second, output] = [...call.inputs.slice(0, 2), call.outputs[0]] as [Tensor, Tensor, Tensor];
  const atA = broadcastIndex(batchOf(first), batchOf(output));
  const atB = broadcastIndex(batchOf(second), batchOf(output));
  const result = new Float64Array(output.size);
  const matrix = (values: Values | undefined, number: number, size: number): Values =>
    (values as Values).subarray(number * size, (number + 1) * size);
  for (let batch = 0; batch < sizeOf(batchOf(output)); batch++) {
    const left = matrix(a, atA(batch), rows * inner);
    const given = matrix(b, atB(batch), inner * columns);
    const right = transposeB ? transposed(given, columns, inner) : given;
    const own = matrix(result, batch, rows * columns);
    for (let m = 0; m < rows; m++) {
      for (let k = 0; k < inner; k++) {
        const x = left[transposeA ? k * rows + m : m * inner + k] as number;
        for (let n = 0; n < columns; n++) {
          const at = m * columns + n;
          own[at] = add(own[at] as number, x, right[k * columns + n] as number);
        }
      }
    }
  }
  return result;
}

function transposed(values: Values, rows: number, columns: number): Values {
  return Float64Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
}

/** Numbers as bfloat16 has them, the upper half of a float32: to nearest even, too small ones to zero. */
export function toBfloat16(values: Values): Values {
  const floats = Float32Array.from(values);
  const words = new Uint32Array(floats.buffer);
  words.forEach((word, index) => {
    const lastKept = (word >>> 16) & 1;
    if ((word & 0x7fffffff) < 0x00800000) words[index] = word & 0x80000000;
    else if (!Number.isNaN(floats[index])) words[index] = (word + 0x7fff + lastKept) & 0xffff0000;
  });
  return Float64Array.from(floats);
}

/** Of elementwise ops by signature, functions of their operands. */
export type ScalarRule = (op: string) => (operands: number[]) => number;

/** What follows a product: a bias, a map, perhaps of another tensor of its shape, a guard. */
export type Finish = (call: Call, sums: Values, epilogue: readonly Values[]) => Values[];

export const withEpilogue =
  (scalarRule: ScalarRule): Finish =>
  (call, sums, epilogue) => {
    const {bias = false, map = null} = attributesOf(call);
    const [added, other] = bias ? epilogue : [undefined, epilogue[0]];
    const columns = call.result.shape.at(-1) as number;
    const finish = map === null ? ([x]: number[]) => x as number : scalarRule(map);
    const values = sums.map((x, i) => finish([x + (added?.[i % columns] ?? 0), other?.[i] as number]));
    const guard = call.outputs[1];
    if (!guard) return [values];
    // Which of the numbers tells of it depends on how the work is cut.
    const at = values.findIndex(x => !Number.isFinite(x));
    return [values, new Float64Array(guard.size).fill(at)];
  };

export const productRule = (scalarRule: ScalarRule): Rule => {
  const finish = withEpilogue(scalarRule);
  return (call, [a, b, ...epilogue]) => {
    const {bfloat16} = attributesOf(call);
    const factors = [a as Values, b as Values].map(values => (bfloat16 ? toBfloat16(values) : values));
    return finish(call, product(call, factors), epilogue);
  };
};
