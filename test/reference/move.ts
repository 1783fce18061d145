// The part of the oracle that moves numbers without changing them, with those of the other files.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';
import {indexingRules} from './indexing.ts';
import {lineRules} from './lines.ts';
import {padRules} from './pad.ts';
import {suppressionRules} from './suppression.ts';

function transposeRule(call: Call, [x]: Values[]): Values[] {
  const {permutation} = call.attributes as {permutation: readonly number[]};
  const from = (call.inputs[0] as Tensor).shape;
  const to = (call.outputs[0] as Tensor).shape;
  const strides = from.map((_, axis) =>
    from.slice(axis + 1).reduce((size, dimension) => size * dimension, 1),
  );
  const result = new Float64Array((x as Values).length);
  for (let i = 0; i < result.length; i++) {
    let position = 0;
    for (let axis = to.length - 1, rest = i; axis >= 0; axis--) {
      position += (rest % (to[axis] as number)) * (strides[permutation[axis] as number] as number);
      rest = Math.floor(rest / (to[axis] as number));
    }
    result[i] = x?.[position] as number;
  }
  return [result];
}

/** Parts side by side along an axis. */
function joined(call: Call, parts: Values[]): Values[] {
  const shapes = call.inputs.map(input => input.shape);
  const {axis} = call.attributes as {axis: number};
  const {shape} = call.outputs[0] as Tensor;
  const sizeFrom = (sizes: readonly number[], from: number): number =>
    sizes.slice(from).reduce((product, size) => product * size, 1);
  const width = sizeFrom(shape, axis);
  const result = new Float64Array((call.outputs[0] as Tensor).size);
  for (let at = 0; at < result.length; at++) {
    const row = Math.floor(at / width);
    let column = at % width;
    let part = 0;
    while (column >= sizeFrom(shapes[part] as number[], axis)) {
      column -= sizeFrom(shapes[part] as number[], axis);
      part++;
    }
    result[at] = parts[part]?.[row * sizeFrom(shapes[part] as number[], axis) + column] as number;
  }
  return [result];
}

export const moveRules: Record<string, Rule> = {
  transpose: transposeRule,
  concatenate: joined,
  ...padRules,
  ...indexingRules,
  ...lineRules,
  ...suppressionRules,
};
