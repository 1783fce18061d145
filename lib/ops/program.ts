// The fused map: what the compiler makes of a tree of elementwise ops. Twin of native/kernels/program.h.
import {isObject} from '../core/kinds.ts';
import {sizeOf} from '../core/shape.ts';
import {defineOp, type TensorSpec} from '../core/tensor.ts';

/**
 * One step of a map program: an elementwise op by its signature, the tile it writes, the registers it reads.
 */
export interface MapStep {
  readonly op: string;
  readonly tile: number;
  readonly operands: readonly number[];
}

/**
 * Registers are numbered: the inputs, then the constants, then the tiles. The last step's tile is the result.
 */
export interface MapProgram {
  readonly constants: readonly number[];
  readonly tiles: number;
  readonly steps: readonly MapStep[];
}

/** Words: constant count, constants as float bits, tile count, step count, steps × (op, tile, a, b, c). */
export const mapOp = defineOp<{readonly program: MapProgram} & TensorSpec>({
  signature: 'map(...inputs: any) -> y: any {program: words}',
  kind: 'fused',
  elementwise: true,
  infer: (_, {shape, dtype}) => [{shape, dtype}],
  flops: (_, __, {program, shape}) => program.steps.length * sizeOf(shape),
});

export function isMapProgram(value: unknown): value is MapProgram {
  return isObject(value) && 'steps' in value;
}
