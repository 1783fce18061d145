// The part of the oracle that runs loops, and what they need: windows whose place is a number, and numbers of
// iterations.
import {loopOf} from '../../lib/core/region.ts';
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import {evaluate, type Rule, type Values} from '../reference.ts';

/** A loop by its definition: the region over and over, on slices. */
function scanRule(call: Call, inputs: Values[]): Values[] {
  const {region, count, carries, sequences, reverse} = loopOf(call) as NonNullable<ReturnType<typeof loopOf>>;
  const {parameters, results} = region;
  const operands = [...inputs];
  const stacks = results.slice(carries).map(({size}) => new Float64Array(count * size));
  for (let turn = 0; turn < count; turn++) {
    const at = reverse ? count - 1 - turn : turn;
    const given = new Map(
      parameters.map((parameter, position) => {
        const values = operands[position] as Values;
        const isSlice = position >= carries && position < carries + sequences;
        const {size} = parameter;
        return [parameter, isSlice ? values.subarray(at * size, (at + 1) * size) : values] as const;
      }),
    );
    const made = evaluate(results, given);
    made.slice(0, carries).forEach((value, index) => {
      operands[index] = value;
    });
    made.slice(carries).forEach((value, index) => {
      stacks[index]?.set(value, at * value.length);
    });
  }
  return [...operands.slice(0, carries), ...stacks];
}

/** For each element of a window, its place in the whole. */
function placesOf({shape: whole}: Tensor, {shape: part, size}: Tensor, starts: Values): number[] {
  const first = whole.map((length, axis) =>
    Math.max(0, Math.min(starts[axis] as number, length - (part[axis] as number))),
  );
  return Array.from({length: size}, (_, index) => {
    let place = 0;
    for (let axis = part.length - 1, rest = index, stride = 1; axis >= 0; axis--) {
      place += ((first[axis] as number) + (rest % (part[axis] as number))) * stride;
      rest = Math.floor(rest / (part[axis] as number));
      stride *= whole[axis] as number;
    }
    return place;
  });
}

export const loopRules: Record<string, Rule> = {
  scan: scanRule,
  iterations: ({outputs: [y]}, [outer]) => {
    const {size} = y as Tensor;
    return [Float64Array.from({length: size}, (_, index) => ((outer?.[0] ?? 0) * size + index) | 0)];
  },
  dynamicSlice: ({inputs, outputs}, [x, starts]) => [
    Float64Array.from(
      placesOf(inputs[0] as Tensor, outputs[0] as Tensor, starts as Values),
      place => x?.[place] as number,
    ),
  ],
  dynamicUpdateSlice: ({inputs}, [x, part, starts]) => {
    const result = Float64Array.from(x as Values);
    placesOf(inputs[0] as Tensor, inputs[1] as Tensor, starts as Values).forEach((place, index) => {
      result[place] = part?.[index] as number;
    });
    return [result];
  },
};
