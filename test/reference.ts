// The oracle: evaluates any graph in float64, from the definitions of the ops, independent of the kernels.
// Every value is a Float64Array in row-major order, whatever the tensor's dtype.
import {numbersOf, type TypedArray} from '../lib/core/dtype.ts';
import {rowOfCall} from '../lib/core/registers.ts';
import {type Call, constantOp, type Tensor} from '../lib/core/tensor.ts';
import {callsOf} from '../lib/graph/walk.ts';
import type {MapProgram} from '../lib/ops/program.ts';
import {attentionRules} from './reference/attention.ts';
import {broadcastIndex} from './reference/broadcast.ts';
import {imageRules} from './reference/conv.ts';
import {convert, runProgram, scalarRule} from './reference/elementwise.ts';
import {loopRules} from './reference/loops.ts';
import {moveRules} from './reference/move.ts';
import {integerProductRule, productRule} from './reference/products.ts';
import {randomRules} from './reference/random.ts';
import {recurrentRules} from './reference/recurrent.ts';
import {updateRules} from './reference/updates.ts';

export type Values = Float64Array;
export type Given = ReadonlyMap<Tensor, ArrayLike<number>>;
export type Rule = (call: Call, inputs: Values[]) => Values[];

/** Values of `call`'s inputs, each read as if it had the output's shape. */
function elementwise(call: Call, inputs: Values[], rule: (operands: number[]) => number): Values[] {
  const output = call.outputs[0] as Tensor;
  const at = call.inputs.map(input => broadcastIndex(input.shape, output.shape));
  const result = new Float64Array(output.size);
  for (let i = 0; i < result.length; i++) {
    const operands = inputs.map((values, k) => values[(at[k] as (i: number) => number)(i)] as number);
    result[i] = convert(rule(operands), output.dtype);
  }
  return [result];
}

/** Applies `fold` to every line of the first input along an axis; its results in row-major order. */
function alongAxis(call: Call, x: Values, axis: number, fold: (line: Values) => number): Values {
  const {shape} = call.inputs[0] as Tensor;
  const count = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((size, dimension) => size * dimension, 1);
  const result = new Float64Array((call.outputs[0] as Tensor).size);
  for (let at = 0; at < result.length; at++) {
    const first = Math.floor(at / inner) * count * inner + (at % inner);
    result[at] = fold(Float64Array.from({length: count}, (_, k) => x[first + k * inner] as number));
  }
  return result;
}

const sumOf = (line: Values): number => line.reduce((sum, x) => sum + x, 0);
const maxOf = (line: Values): number => line.reduce((most, x) => Math.max(most, x), -Infinity);

/** The first NaN if there is one, else the first of the largest. */
function argMaxOf(line: Values): number {
  const most = maxOf(line);
  return Math.max(0, Number.isNaN(most) ? line.findIndex(Number.isNaN) : line.indexOf(most));
}

const same: Rule = (_, [x]) => [x as Values];
const axisOf = (call: Call): number => (call.attributes as {axis: number}).axis;

/** Applies `rule` to every row (all axes but the last) of the first input. */
function rows(call: Call, x: Values, rule: (row: Values, index: number) => ArrayLike<number>): Values {
  const width = (call.inputs[0] as Tensor).shape.at(-1) as number;
  const result = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += width) {
    result.set(rule(x.subarray(at, at + width), at / width), at);
  }
  return result;
}

function logSumExp(row: Values): number {
  const most = maxOf(row);
  return most + Math.log(sumOf(row.map(x => Math.exp(x - most))));
}

function logSoftmaxOf(row: Values): Values {
  const whole = logSumExp(row);
  return row.map(x => x - whole);
}

const softmaxOf = (row: Values): Values => logSoftmaxOf(row).map(Math.exp);

const float32 = (call: Call, name: string): number =>
  Math.fround((call.attributes as Record<string, number>)[name] as number);

/**
 * Rows of the first input by number, converted; a guard per row: −1, or its first column that is at fault.
 */
function gather(
  call: Call,
  [source, numbers]: Values[],
  fault: (x: number) => boolean,
  scale = 1,
  offset = 0,
) {
  const output = call.outputs[0] as Tensor;
  const width = output.shape.slice(1).reduce((size, dimension) => size * dimension, 1);
  const result = new Float64Array(output.size);
  const [declared] = (call.inputs[0] as Tensor).shape as [number];
  const rowCount = declared >= 0 ? declared : (source as Values).length / width;
  const guard = new Float64Array((numbers as Values).length).fill(-1);
  (numbers as Values).forEach((number, index) => {
    const row = (source as Values).slice(number * width, (number + 1) * width);
    const inside = number >= 0 && number < rowCount;
    guard[index] = inside ? row.findIndex(fault) : 0x7fffffff;
    if (inside)
      result.set(
        row.map(x => x * scale + offset),
        index * width,
      );
  });
  return [result, guard];
}

const isLabel = (label: number, classes: number): boolean => label >= 0 && label < classes;

/** −1 for a class, else the label itself, and 2147483647 for those below zero. */
const labelGuard = (labels: Values, classes: number): Values =>
  labels.map(label => (isLabel(label, classes) ? -1 : label < 0 ? 0x7fffffff : label));

/** Cuts segments of `width` operands out of the inputs after `hyper` and updates each, element by element. */
const rules: Record<string, Rule> = {
  ...randomRules,
  constant: ({attributes, result}) => [
    Float64Array.from(numbersOf((attributes as {data: TypedArray}).data, result.dtype)),
  ],
  map: (call, inputs) => {
    const {program} = call.attributes as {program: MapProgram};
    return elementwise(call, inputs, operands => runProgram(program, operands));
  },
  sum: (call, [x]) => [
    alongAxis(call, x as Values, axisOf(call), sumOf).map(sum =>
      call.result.dtype === 'int32' ? sum | 0 : sum,
    ),
  ],
  count: (call, [x]) => [alongAxis(call, x as Values, axisOf(call), sumOf)],
  max: (call, [x]) => [
    alongAxis(call, x as Values, axisOf(call), maxOf).map(most => convert(most, call.result.dtype)),
  ],
  argMax: (call, [x]) => [alongAxis(call, x as Values, axisOf(call), argMaxOf)],
  total: (_, [x]) => [Float64Array.of(sumOf(x as Values))],
  softmax: (call, [x]) => [rows(call, x as Values, softmaxOf)],
  logSoftmax: (call, [x]) => [rows(call, x as Values, logSoftmaxOf)],
  softmaxCrossentropy: (call, [x, labels]) => {
    const loss = new Float64Array((labels as Values).length);
    const probabilities = rows(call, x as Values, (row, b) => {
      loss[b] = -(logSoftmaxOf(row)[labels?.[b] as number] ?? Number.NaN);
      return softmaxOf(row);
    });
    const classes = (call.inputs[0] as Tensor).shape[1] as number;
    return [loss, probabilities, labelGuard(labels as Values, classes)];
  },
  subtractOneHot: (call, [p, labels, scale]) => [
    rows(call, p as Values, (row, b) =>
      row.map((x, c) => (c === labels?.[b] ? x - 1 : x) * (scale?.[scale.length === 1 ? 0 : b] as number)),
    ),
  ],
  gatherRows: (call, inputs) =>
    gather(call, inputs, x => !Number.isFinite(x), float32(call, 'scale'), float32(call, 'offset')),
  gatherLabels: (call, inputs) =>
    gather(call, inputs, x => !Number.isInteger(x) || x !== convert(x, 'int32')),
  pickClass: (call, [x, labels]) => {
    const classes = (call.inputs[0] as Tensor).shape[1] as number;
    const picked = (labels as Values).map((label, b) =>
      isLabel(label, classes) ? (x?.[b * classes + label] as number) : 0,
    );
    return [picked, labelGuard(labels as Values, classes)];
  },
  scatterClass: (call, [y, labels]) => {
    const {classes} = call.attributes as {classes: number};
    const result = new Float64Array((call.outputs[0] as Tensor).size);
    (labels as Values).forEach((label, b) => {
      if (isLabel(label, classes)) result[b * classes + label] = y?.[b] as number;
    });
    return [result];
  },
  finite: (call, [x]) => [
    new Float64Array((call.outputs[0] as Tensor).size).map((_, chunk) => {
      const at = (x as Values).subarray(chunk * 4096, (chunk + 1) * 4096).findIndex(v => !Number.isFinite(v));
      return at < 0 ? -1 : chunk * 4096 + at;
    }),
  ],
  stopIf: (_, [x]) => [Float64Array.of(x?.[0] === 0 ? -1 : 0)],
  finiteEach: (_, inputs) => [Float64Array.from(inputs, x => x.findIndex(v => !Number.isFinite(v)))],
  stopGradient: same,
  barrier: same,
  checkpoint: (call, inputs) => inputs.slice(0, call.outputs.length),
  customGradient: same,
  reshape: same,
  copy: same,
  ...loopRules,
  ...moveRules,
  matmul: productRule(scalarRule),
  matmulIntegers: integerProductRule,
  ...imageRules(scalarRule),
  ...recurrentRules,
  ...attentionRules,
  ...updateRules,
};

/** Results of one call, from the values of its inputs. */
export function evaluateCall(call: Call, inputs: Values[]): Values[] {
  const rule = rules[call.op.name];
  if (rule) return rule(call, inputs);
  if (call.op.elementwise) return elementwise(call, inputs, scalarRule(rowOfCall(call)));
  throw new Error(`the reference does not know ${call.op.name}`);
}

/** Values of `tensors`, given those of the leaves (or of any other tensor, which then is not computed). */
export function evaluate(tensors: readonly Tensor[], given: Given = new Map()): Values[] {
  const values = new Map<Tensor, Values>();
  for (const [tensor, array] of given) values.set(tensor, Float64Array.from(array));
  for (const call of callsOf(tensors, new Set(given.keys()))) {
    if (call.outputs.every(output => values.has(output))) continue;
    if (call.op.kind === 'leaf' && call.op.name !== constantOp.name) {
      throw new Error(`no value given for ${JSON.stringify(call.attributes)}`);
    }
    const results = evaluateCall(
      call,
      call.inputs.map(input => values.get(input) as Values),
    );
    call.outputs.forEach((output, index) => {
      if (!values.has(output)) values.set(output, results[index] as Values);
    });
  }
  return tensors.map(tensor => values.get(tensor) as Values);
}
