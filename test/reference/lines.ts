// The part of the oracle that works on lines along an axis: reductions, running sums, statistics, orders.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';

type Numbers = readonly number[];

/** Applies `rule` to the lines of all operands along an axis, and puts its lines together, one per result. */
function alongLines(
  call: Call,
  inputs: readonly Values[],
  axis: number,
  rule: (...lines: number[][]) => Numbers[],
): Values[] {
  const {shape} = call.inputs[0] as Tensor;
  const count = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((size, dimension) => size * dimension, 1);
  const outer = shape.slice(0, axis).reduce((size, dimension) => size * dimension, 1);
  const results = call.outputs.map(({size}) => new Float64Array(size));
  for (let line = 0; line < outer * inner; line++) {
    const [block, column] = [Math.floor(line / inner), line % inner];
    const lines = inputs.map(x =>
      Array.from({length: count}, (_, k) => x[(block * count + k) * inner + column] as number),
    );
    rule(...lines).forEach((values, result) => {
      values.forEach((value, k) => {
        (results[result] as Values)[(block * values.length + k) * inner + column] = value;
      });
    });
  }
  return results;
}

const axisOf = (call: Call): number => (call.attributes as {axis: number}).axis;

const lines =
  (rule: (...lines: number[][]) => Numbers[]): Rule =>
  (call, inputs) =>
    alongLines(call, inputs, axisOf(call), rule);

const sumOf = (line: Numbers): number => line.reduce((sum, x) => sum + x, 0);
const leastOf = (line: Numbers): number => line.reduce((least, x) => Math.min(least, x), Infinity);

function momentsOf(line: Numbers): Numbers[] {
  const mean = sumOf(line) / line.length;
  return [[mean], [sumOf(line.map(x => (x - mean) ** 2)) / line.length]];
}

function logSumExpOf(line: Numbers): number {
  const most = line.reduce((a, b) => Math.max(a, b), -Infinity);
  const shift = Math.abs(most) === Infinity ? 0 : most;
  return shift + Math.log(sumOf(line.map(x => Math.exp(x - shift))));
}

type Join = (soFar: number, x: number) => number;

/** Of int32 as that wraps around. */
const joinOf = (call: Call, join: Join, whole: Join): Join =>
  (call.inputs[0] as Tensor).dtype === 'int32' ? whole : join;

const wrappedSum: Join = (sum, x) => (sum + x) | 0;
const product: Join = (soFar, x) => soFar * x;

/** Each element joined to what those before it came to. */
const cumulated =
  (start: number, real: Join, whole: Join): Rule =>
  (call, inputs) => {
    const join = joinOf(call, real, whole);
    const {axis, exclusive, reverse} = call.attributes as Record<string, boolean> & {axis: number};
    return alongLines(call, inputs, axis, line => {
      const ordered = reverse ? line.toReversed() : line;
      let soFar = start;
      const results = ordered.map(x => {
        const before = soFar;
        soFar = join(soFar, x);
        return exclusive ? before : soFar;
      });
      return [reverse ? results.reverse() : results];
    });
  };

function recurrence(call: Call, inputs: Values[]): Values[] {
  const {axis, reverse} = call.attributes as {axis: number; reverse: boolean};
  return alongLines(call, inputs, axis, (decay, x) => {
    const order = x.map((_, k) => (reverse ? x.length - 1 - k : k));
    const results = new Array<number>(x.length);
    let last = 0;
    for (const k of order) {
      last = (decay?.[k] as number) * last + (x[k] as number);
      results[k] = last;
    }
    return [results];
  });
}

/** Positions in the order of their values; NaN comes last, and equal ones stay as they are. */
function orderOf(line: Numbers, descending: boolean): number[] {
  const before = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a === b ? 0 : a < b === descending ? 1 : -1;
  };
  return line.map((_, k) => k).sort((i, j) => before(line[i] as number, line[j] as number) || i - j);
}

const taken = (line: Numbers, order: number[]): Numbers[] => [order.map(k => line[k] as number), order];

/** The lines of dy and x come in the order of the means. */
function centeredSums(call: Call, [dy, x, mean]: readonly Values[]): Values[] {
  let line = 0;
  return alongLines(call, [dy as Values, x as Values], axisOf(call), (own, values) => {
    const center = (mean as Values)[line++] as number;
    return [
      [sumOf(own as number[])],
      [sumOf((own as number[]).map((d, k) => d * ((values?.[k] as number) - center)))],
    ];
  });
}

/** Each row of x as x̂, and 1 / √(variance + epsilon). */
function normalRows(x: Values, columns: number, epsilon: number): {normal: number[]; scale: number}[] {
  return Array.from({length: columns === 0 ? 0 : x.length / columns}, (_, row) => {
    const line = Array.from(x.slice(row * columns, (row + 1) * columns));
    const [[mean], [variance]] = momentsOf(line) as [[number], [number]];
    const scale = 1 / Math.sqrt(variance + epsilon);
    return {normal: line.map(value => (value - mean) * scale), scale};
  });
}

const columnsOf = (call: Call): number => (call.inputs[0] as Tensor).shape.at(-1) as number;

function layerNorm(call: Call, [x, gamma, beta]: readonly Values[]): Values[] {
  const {epsilon} = call.attributes as {epsilon: number};
  const rows = normalRows(x as Values, columnsOf(call), Math.fround(epsilon));
  return [
    Float64Array.from(
      rows.flatMap(({normal}) =>
        normal.map((value, at) => value * (gamma?.[at] as number) + (beta?.[at] as number)),
      ),
    ),
  ];
}

function layerNormGradient(call: Call, [dy, x, gamma]: readonly Values[]): Values[] {
  const {epsilon, parts} = call.attributes as {epsilon: number; parts: number};
  const columns = columnsOf(call);
  const rows = normalRows(x as Values, columns, Math.fround(epsilon));
  const dx: number[] = [];
  const [dGamma, dBeta] = [new Float64Array(parts * columns), new Float64Array(parts * columns)];
  rows.forEach(({normal, scale}, row) => {
    const own = normal.map((_, at) => dy?.[row * columns + at] as number);
    const g = own.map((d, at) => d * (gamma?.[at] as number));
    const [mean, along] = [sumOf(g) / columns, sumOf(g.map((d, at) => d * (normal[at] as number))) / columns];
    dx.push(...g.map((d, at) => (d - mean - (normal[at] as number) * along) * scale));
    const part = Array.from({length: parts}, (_, at) => at).findIndex(
      at => row < Math.floor((rows.length * (at + 1)) / parts),
    );
    own.forEach((d, at) => {
      dGamma[part * columns + at] = (dGamma[part * columns + at] as number) + d * (normal[at] as number);
      dBeta[part * columns + at] = (dBeta[part * columns + at] as number) + d;
    });
  });
  return [Float64Array.from(dx), dGamma, dBeta];
}

export const lineRules: Record<string, Rule> = {
  min: lines(line => [[leastOf(line)]]),
  argMin: lines(line => {
    const least = leastOf(line);
    return [[Number.isNaN(least) ? line.findIndex(Number.isNaN) : line.indexOf(least)]];
  }),
  any: lines(line => [[line.some(x => x !== 0) ? 1 : 0]]),
  all: lines(line => [[line.every(x => x !== 0) ? 1 : 0]]),
  prod: (call, inputs) => lines(line => [[line.reduce(joinOf(call, product, Math.imul), 1)]])(call, inputs),
  moments: lines(momentsOf),
  centeredSums,
  layerNorm,
  layerNormGradient,
  norm: lines(line => [[Math.sqrt(sumOf(line.map(x => x * x)))]]),
  logSumExp: lines(line => [[logSumExpOf(line)]]),
  cumsum: cumulated(0, (sum, x) => sum + x, wrappedSum),
  cumprod: cumulated(1, product, Math.imul),
  linearRecurrence: recurrence,
  sort: (call, inputs) => {
    const {axis, descending} = call.attributes as {axis: number; descending: boolean};
    return alongLines(call, inputs, axis, line => taken(line, orderOf(line, descending)));
  },
  topK: (call, inputs) => {
    const {k} = call.attributes as {k: number};
    const last = (call.inputs[0] as Tensor).rank - 1;
    return alongLines(call, inputs, last, line => taken(line, orderOf(line, true).slice(0, k)));
  },
};
