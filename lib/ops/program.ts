// The fused map: what the compiler makes of a tree of elementwise ops. Twin of native/kernels/program.h.
import {attributes, defineOp} from '../core/define.ts';
import {sizeOf} from '../core/shape.ts';
import type {TensorSpec} from '../core/tensor.ts';

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
  /** Which registers, of inputs and constants, hold int32, as bits: none by default. */
  readonly integers?: number;
  readonly tiles: number;
  readonly steps: readonly MapStep[];
}

/** Words: see native/plan.h. */
export const mapOp = defineOp({
  signature: 'map(...inputs: any) -> y: any {program: words}',
  also: attributes<{readonly program: MapProgram} & TensorSpec>(),
  kind: 'fused',
  elementwise: true,
  shape: (_, {shape}) => shape,
  flops: (_, {program, shape}) => program.steps.length * sizeOf(shape),
});
