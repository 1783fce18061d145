// The part of the oracle that steps recurrent cells, unit by unit, from their formulas.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** Derivatives by the value of the function. */
const slope = (y: number): number => y * (1 - y);
const tanhSlope = (y: number): number => 1 - y * y;

/** One unit of one row: gates and states by name to results, in the order of the signature. */
type Unit = (gate: (operand: number, index: number) => number) => number[];

/** Runs a cell for each unit. The lists say how many times as wide as the state operands and results are. */
function cell(call: Call, widths: readonly number[], results: readonly number[], unit: Unit): Rule {
  const {shape} = call.outputs[results.indexOf(1)] as Tensor;
  const units = shape.at(-1) as number;
  return (_, inputs) => {
    const outputs = results.map((_, index) => new Float64Array((call.outputs[index] as Tensor).size));
    const rows = units === 0 ? 0 : (outputs[results.indexOf(1)] as Values).length / units;
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < units; j++) {
        const at = (width: number, index: number): number => (row * width + index) * units + j;
        let next = 0;
        const values = unit((operand, index) => {
          const width = widths[operand] as number;
          return inputs[operand]?.[at(width, index)] as number;
        });
        results.forEach((width, output) => {
          for (let index = 0; index < width; index++)
            (outputs[output] as Values)[at(width, index)] = values[next++] as number;
        });
      }
    }
    return outputs;
  };
}

const lstm: Unit = at => {
  const [i, f, o] = [0, 1, 3].map(gate => sigmoid(at(0, gate))) as [number, number, number];
  const g = Math.tanh(at(0, 2));
  const c = f * at(1, 0) + i * g;
  return [i, f, g, o, o * Math.tanh(c), c];
};

const lstmGrad: Unit = at => {
  const [i, f, g, o] = [0, 1, 2, 3].map(gate => at(0, gate)) as [number, number, number, number];
  const [c, y, dh] = [at(1, 0), Math.tanh(at(2, 0)), at(3, 0)];
  const dc = dh * o * tanhSlope(y) + at(4, 0);
  return [dc * f, dc * g * slope(i), dc * c * slope(f), dc * i * tanhSlope(g), dh * y * slope(o)];
};

const gru: Unit = at => {
  const [u, r] = [0, 1].map(gate => sigmoid(at(0, gate) + at(1, gate))) as [number, number];
  const recurrent = at(1, 2);
  const g = Math.tanh(at(0, 2) + r * recurrent);
  return [u, r, g, recurrent, u * at(2, 0) + (1 - u) * g];
};

const gruGrad: Unit = at => {
  const [u, r, g, recurrent] = [0, 1, 2, 3].map(gate => at(0, gate)) as [number, number, number, number];
  const d = at(2, 0);
  const ofUpdate = d * (at(1, 0) - g) * slope(u);
  const ofCandidate = d * (1 - u) * tanhSlope(g);
  const ofReset = ofCandidate * recurrent * slope(r);
  return [d * u, ofUpdate, ofReset, ofCandidate, ofUpdate, ofReset, ofCandidate * r];
};

const rule =
  (widths: readonly number[], results: readonly number[], unit: Unit): Rule =>
  (call, inputs) =>
    cell(call, widths, results, unit)(call, inputs);

const cells = {
  lstmCell: rule([4, 1], [4, 1, 1], lstm),
  lstmCellGrad: rule([4, 1, 1, 1, 1], [1, 4], lstmGrad),
  gruCell: rule([3, 3, 1], [4, 1], gru),
  gruCellGrad: rule([4, 1, 1], [1, 3, 3], gruGrad),
};

/** a · b for rows of a, as many numbers wide as b has rows. */
function product(a: Values, b: Values, inner: number, columns: number): Values {
  const rows = inner === 0 ? 0 : a.length / inner;
  const result = new Float64Array(rows * columns);
  return result.map((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += (a[row * inner + k] as number) * (b[k * columns + column] as number);
    return sum;
  });
}

const sumOf = (a: Values, b: Values): Values => a.map((x, at) => x + (b[at % b.length] as number));

/** The product of a call's operand with its kernel, which may come in panels, [n / width, k, width]. */
const byKernel = (call: Call, values: Values, kernel: Values, position: number): Values => {
  const {shape} = call.inputs[position] as Tensor;
  const [panels, inner, width] = shape.length === 3 ? (shape as [number, number, number]) : [1, ...shape];
  const columns = panels * (width as number);
  const matrix = Float64Array.from(kernel, (_, at) => {
    const [k, column] = [Math.floor(at / columns), at % columns];
    const panel = Math.floor(column / (width as number));
    return kernel[
      (panel * (inner as number) + k) * (width as number) + (column % (width as number))
    ] as number;
  });
  return product(values, matrix, inner as number, columns);
};

export const recurrentRules: Record<string, Rule> = {
  ...cells,
  lstmStep: (call, [x, h, c, kernel]) => {
    const sums = sumOf(byKernel(call, h as Values, kernel as Values, 3), x as Values);
    return cells.lstmCell(call, [sums, c as Values]);
  },
  lstmStepGrad: (call, [gates, c, next, dh, dNext, kernel]) => {
    const operands = [gates, c, next, dh, dNext] as Values[];
    const [dc, dz] = cells.lstmCellGrad(call, operands) as [Values, Values];
    return [dc, dz, byKernel(call, dz, kernel as Values, 5)];
  },
  gruStep: (call, [x, h, kernel, bias]) => {
    const sums = byKernel(call, h as Values, kernel as Values, 2);
    return cells.gruCell(call, [x as Values, bias ? sumOf(sums, bias) : sums, h as Values]);
  },
  gruStepGrad: (call, [gates, h, dNext, kernel]) => {
    const [dh, dx, dz] = cells.gruCellGrad(call, [gates, h, dNext] as Values[]) as [Values, Values, Values];
    return [sumOf(byKernel(call, dz, kernel as Values, 3), dh), dx, dz];
  },
};
