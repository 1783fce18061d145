// Samples of what the compiler introduces: fused maps.
import type {DType} from '../../lib/core/dtype.ts';
import {rowsOf} from '../../lib/core/registers.ts';
import type {Shape} from '../../lib/core/shape.ts';
import {type Op, opTable} from '../../lib/core/tensor.ts';
import '../../lib/ops/index.ts';
import '../../lib/ops/program.ts';
import type {MapProgram, MapStep} from '../../lib/ops/program.ts';
import type * as bounds from './bounds.ts';
import {bools, integers, type Operand, type OpSamples, reals, type Sample} from './data.ts';

const typedStep = (type: string, op: string, tile: number, ...operands: number[]): MapStep => ({
  op: rowsOf(opTable.get(op) as Op).find(row => row.endsWith(type)) ?? op,
  tile,
  operands,
});

const step = (op: string, tile: number, ...operands: number[]): MapStep =>
  typedStep(['greater', 'logicalNot'].includes(op) ? 'bool' : 'f32', op, tile, ...operands);

function map(operands: Operand[], program: MapProgram, shape: Shape, dtype: DType = 'float32'): Sample {
  return {operands, attributes: {program, shape, dtype}};
}

/** relu(x·0.5 + y), then its square over itself: tiles are read and written again. */
const chain: MapProgram = {
  constants: [0.5, 1],
  tiles: 2,
  steps: [
    step('mul', 4, 0, 2),
    step('add', 5, 4, 1),
    step('relu', 4, 5),
    step('square', 5, 4),
    step('add', 4, 5, 3),
  ].map(({op, tile, operands}) => ({op, tile: tile - 4, operands})),
};

/** Twelve inputs, sixteen constants, eight tiles, sixty-four steps: the limits. */
const longest: MapProgram = {
  constants: Array.from({length: 16}, (_, index) => (index - 7.5) / 8),
  tiles: 8,
  steps: Array.from({length: 64}, (_, index) => {
    const before = index === 0 ? 0 : 28 + ((index - 1) % 8);
    return step(
      index % 2 === 0 ? 'add' : 'mul',
      index % 8,
      before,
      index % 2 === 0 ? index % 12 : 12 + (index % 16),
    );
  }),
};

const mask: MapProgram = {
  constants: [0],
  tiles: 2,
  steps: [step('greater', 0, 0, 1), step('logicalNot', 1, 2)],
};

const toInteger: MapProgram = {constants: [10], tiles: 1, steps: [step('mul', 0, 0, 1)]};

/** Steps of the chain are rounded one by one; the interpreter rounds none. */
const chained: bounds.Bound = (_, __, exact) =>
  exact.map(values => values.map(x => 2 ** -21 * (1 + Math.abs(x))));

const sizes = [0, 1, 15, 17, 511, 512, 513, 4097];

export const mapSamples = (): {readonly map: OpSamples} => ({
  map: {
    bound: chained,
    values: [
      ...sizes.map(n => map([reals([n]), reals([n])], chain, [n])),
      map([reals([7, 1]), reals([513])], chain, [7, 513]),
      map([reals([]), reals([3, 1])], chain, [2, 3, 5]),
      {...map([reals([300, 701]), reals([701])], chain, [300, 701]), large: true},
      ...[1, 513, 1025].map(n =>
        map(
          Array.from({length: 12}, () => reals([n], -1, 1)),
          longest,
          [n],
        ),
      ),
      map([reals([515])], mask, [515], 'bool'),
      map([integers([515], 0, 255, 'uint8')], toInteger, [515], 'int32'),
      map([bools([515])], toInteger, [515], 'uint8'),
    ],
  },
});
