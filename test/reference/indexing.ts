// The part of the oracle that reads and writes at positions that are data. Indices are taken to be inside.
import type {Call, Tensor} from '../../lib/core/tensor.ts';
import type {Rule, Values} from '../reference.ts';
import {indexOf, positionOf} from './pad.ts';

interface Place {
  readonly axis: number;
  readonly batchDims: number;
}

const shapeOf = (tensor: Tensor | undefined): readonly number[] => (tensor as Tensor).shape;

const noGuard = (call: Call): Values => new Float64Array((call.outputs[1] as Tensor).size).fill(-1);

/** For each element of what is gathered from `x`, its position there. */
function gathered(
  x: readonly number[],
  indices: readonly number[],
  values: Values,
  {axis, batchDims}: Place,
): number[] {
  const own = indices.slice(batchDims);
  const shape = [...x.slice(0, axis), ...own, ...x.slice(axis + 1)];
  return Array.from({length: shape.reduce((size, n) => size * n, 1)}, (_, position) => {
    const index = indexOf(position, shape);
    const which = [...index.slice(0, batchDims), ...index.slice(axis, axis + own.length)];
    const at = values[positionOf(which, indices)] as number;
    return positionOf([...index.slice(0, axis), at, ...index.slice(axis + own.length)], x);
  });
}

/** For each index, the position in `x` of the element along the axis. */
function along(x: readonly number[], indices: readonly number[], values: Values, axis: number): number[] {
  return Array.from(values, (at, position) =>
    positionOf(
      indexOf(position, indices).map((own, other) => (other === axis ? at : own)),
      x,
    ),
  );
}

type Change = (before: number, update: number) => number;

function changed(x: Values, at: readonly number[], updates: Values, change: Change): Values[] {
  const result = x.slice();
  at.forEach((position, index) => {
    result[position] = change(result[position] as number, updates[index] as number);
  });
  return [result];
}

const scatter =
  (change: Change, whole = change): Rule =>
  (call, [x, indices, updates]) => {
    const [from, shape] = [shapeOf(call.inputs[0]), shapeOf(call.inputs[1])];
    const at = gathered(from, shape, indices as Values, call.attributes as Place);
    return changed(x as Values, at, updates as Values, call.result.dtype === 'int32' ? whole : change);
  };

const axisOf = (call: Call): number => (call.attributes as {axis: number}).axis;

export const indexingRules: Record<string, Rule> = {
  gather: (call, [x, indices]) => {
    const [from, shape] = [shapeOf(call.inputs[0]), shapeOf(call.inputs[1])];
    const at = gathered(from, shape, indices as Values, call.attributes as Place);
    return [Float64Array.from(at, position => x?.[position] as number), noGuard(call)];
  },
  scatterAdd: scatter(
    (before, update) => before + update,
    (before, update) => (before + update) | 0,
  ),
  scatterSum: (call, [indices, updates]) => {
    const {shape, size} = call.result;
    const at = gathered(shape, shapeOf(call.inputs[0]), indices as Values, call.attributes as Place);
    return changed(new Float64Array(size), at, updates as Values, (before, update) => before + update);
  },
  scatterUpdate: scatter((_, update) => update),
  takeAlongAxis: (call, [x, indices]) => {
    const [from, shape] = [shapeOf(call.inputs[0]), shapeOf(call.inputs[1])];
    const at = along(from, shape, indices as Values, axisOf(call));
    return [Float64Array.from(at, position => x?.[position] as number), noGuard(call)];
  },
  addAlongAxis: (call, [x, indices, updates]) => {
    const [from, shape] = [shapeOf(call.inputs[0]), shapeOf(call.inputs[1])];
    const at = along(from, shape, indices as Values, axisOf(call));
    return changed(x as Values, at, updates as Values, (before, update) => before + update);
  },
  flattenIndices: (call, [indices]) => {
    const {sizes} = call.attributes as {sizes: readonly number[]};
    const rows = (call.outputs[0] as Tensor).size;
    const positions = Float64Array.from({length: rows}, (_, row) =>
      positionOf(
        sizes.map((_, axis) => indices?.[row * sizes.length + axis] as number),
        sizes,
      ),
    );
    return [positions, noGuard(call)];
  },
};
