// A schedule with a loop in a loop, built by hand. For x [3·4,16]:
//
//   h = 0
//   3 times:  half = h · 0.5
//             4 times:  h = tanh(h + x[t] + half)
//             history[i] = h
//   y = history
//   total = sum of history over its rows
//
// x[t] and history[i] are windows that move over arrays of the arena; h has two places in turns.
import type {Instruction, Loop, Schedule, Value} from '../../lib/compile/steps.ts';
import {rowsOf} from '../../lib/core/registers.ts';
import {type Op, opTable} from '../../lib/core/tensor.ts';
import '../../lib/ops/index.ts';
import {copyOp} from '../../lib/ops/move.ts';
import {type MapProgram, mapOp} from '../../lib/ops/program.ts';

const width = 16;
const signature = (name: string): string => rowsOf(opTable.get(name) as Op).at(-1) as string;

const arena = (name: string, ...shape: number[]): Value => ({
  name,
  shape,
  dtype: 'float32',
  home: {space: 'arena'},
});

const instruction = (
  op: unknown,
  outputs: readonly Value[],
  inputs: readonly Value[],
  attributes: object = {},
): Instruction => ({kind: 'instruction', op: op as Op, attributes, scope: 'scan', outputs, inputs});

const map = (output: Value, inputs: readonly Value[], program: MapProgram): Instruction =>
  instruction(mapOp, [output], inputs, {program, shape: output.shape, dtype: output.dtype});

const zero: MapProgram = {
  constants: [0],
  tiles: 1,
  steps: [{op: signature('broadcastTo'), tile: 0, operands: [0]}],
};

export function twoLevelSchedule(): Schedule {
  const half = arena('half', width);
  const both = arena('both', 2, width);
  const all = arena('all', 12, width);
  const history = arena('history', 3, width);
  const row = (name: string, of: Value, elements = 0): Value => ({
    ...arena(name, width),
    home: {space: 'part', of, elements},
  });
  const io = (slot: number, like: Value, name: string): Value => ({...like, name, home: {space: 'io', slot}});
  const x = row('x[t]', all);
  const last = row('history[i]', history);
  const [h, next] = [row('h', both), row('next', both, width)];
  const inner: Loop = {
    kind: 'loop',
    count: 4,
    reverse: false,
    strides: [{value: x, elements: width}],
    alternating: [
      {value: h, elements: width},
      {value: next, elements: -width},
    ],
    body: [
      map(next, [h, x, half], {
        constants: [],
        tiles: 1,
        steps: [
          {op: signature('add'), tile: 0, operands: [0, 1]},
          {op: signature('add'), tile: 0, operands: [3, 2]},
          {op: signature('tanh'), tile: 0, operands: [3]},
        ],
      }),
    ],
  };
  const outer: Loop = {
    kind: 'loop',
    count: 3,
    reverse: false,
    strides: [
      {value: x, elements: 4 * width},
      {value: last, elements: width},
    ],
    alternating: [],
    body: [
      map(half, [h], {
        constants: [0.5],
        tiles: 1,
        steps: [{op: signature('mul'), tile: 0, operands: [0, 1]}],
      }),
      inner,
      instruction(copyOp, [last], [h]),
    ],
  };
  return {
    io: [
      {name: 'x', shape: [12, width], dtype: 'float32', output: false, perStep: false},
      {name: 'y', shape: [3, width], dtype: 'float32', output: true, perStep: true},
      {name: 'total', shape: [width], dtype: 'float32', output: true, perStep: true},
    ],
    compute: [
      map(h, [], zero),
      instruction(copyOp, [all], [io(0, all, 'x')]),
      outer,
      instruction(copyOp, [io(1, history, 'y')], [history]),
      instruction(opTable.get('sum'), [io(2, h, 'total')], [history], {axis: 0}),
    ],
    ...{exchange: [], commit: [], guards: []},
    stateBytes: 0,
  };
}

/** What the schedule computes, in float64. */
export function twoLevelResult(x: ArrayLike<number>): {y: number[]; total: number[]} {
  const h = new Array<number>(width).fill(0);
  const y: number[] = [];
  for (let i = 0; i < 3; i++) {
    const half = h.map(value => value * 0.5);
    for (let t = 0; t < 4; t++) {
      for (let k = 0; k < width; k++) {
        h[k] = Math.tanh((h[k] as number) + (x[(4 * i + t) * width + k] as number) + (half[k] as number));
      }
    }
    y.push(...h);
  }
  const total = h.map((_, k) => [0, 1, 2].reduce((sum, i) => sum + (y[i * width + k] as number), 0));
  return {y, total};
}
