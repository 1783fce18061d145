// The plan of one call: an instruction whose operands and results are all bound at each run. Nothing is
// fused, scheduled or placed.
import {kernelSignature} from '../core/registers.ts';
import {sizeOf} from '../core/shape.ts';
import type {Call, Guard, TensorSpec} from '../core/tensor.ts';
import {type IoSlot, unitBytes} from '../plan.ts';
import {Attributes} from './attributes.ts';
import {makeMap} from './fuse-rules.ts';
import {makeProgram} from './map-program.ts';
import {instructionWords, type PlacedValue, planWords} from './words.ts';

/** What does a call, whatever the sizes of its operands. */
export interface CallKernel {
  readonly signatures: readonly string[];
  /** As words of an instruction. */
  readonly attributes: readonly number[];
  /** The operands of the kernel, by their positions in the call. */
  readonly operands: readonly number[];
  /** The result that each run checks itself; all others are bound. */
  readonly guard: Guard | undefined;
}

/** Elementwise ops have the kernel of maps. */
function kernelCall(call: Call): Call {
  if (!call.op.elementwise || call.op.kind !== 'primitive') return call;
  const made = makeProgram([call]);
  return made ? (makeMap(call, made.inputs, made.program)[0]?.call ?? call) : call;
}

/** The kernel of a call, which depends on its op, its attributes and the types of its operands alone. */
export function kernelOf(call: Call): CallKernel {
  const own = kernelCall(call);
  const {op, inputs, attributes} = own;
  const signatures = [kernelSignature(op, inputs)];
  const numberOf = (text: string): number => {
    const known = signatures.indexOf(text);
    return known >= 0 ? known : signatures.push(text) - 1;
  };
  return {
    attributes: [
      ...new Attributes(numberOf).words(op, attributes, inputs.length),
      ...(op.updates?.(own) ?? []),
    ],
    signatures,
    operands: inputs.map(input => call.inputs.indexOf(input)),
    guard: op.guard && call.outputs[op.guard.output] ? op.guard : undefined,
  };
}

/**
 * The words of a plan that runs a kernel over results and operands of these shapes. Its io slots are the
 * results, but for the guard, and then the operands.
 *
 * @throws ERR_SHAPE for more axes than a plan may have.
 */
export function callWords(
  {attributes, operands, guard}: CallKernel,
  results: readonly TensorSpec[],
  given: readonly TensorSpec[],
): Int32Array {
  const io: IoSlot[] = [];
  const values: PlacedValue[] = [];
  const bind = ({shape, dtype}: TensorSpec, name: string, output: boolean): void => {
    const slot = {name, shape, dtype, output, perStep: false};
    values.push([slot, {space: 'io', position: io.push(slot) - 1, offset: 0}]);
  };
  let arenaUnits = 0;
  for (let index = 0; index < results.length; index++) {
    const {shape, dtype} = results[index] as TensorSpec;
    const name = `result ${index}`;
    if (index !== guard?.output) bind({shape, dtype}, name, true);
    else {
      values.push([
        {name, shape, dtype},
        {space: 'arena', position: 0, offset: 0},
      ]);
      arenaUnits = Math.ceil((4 * sizeOf(shape)) / unitBytes);
    }
  }
  for (const index of operands) bind(given[index] as TensorSpec, `operand ${index}`, false);
  const numbers = values.map((_, number) => number);
  const body = instructionWords({
    signature: 0,
    scope: 0,
    outputs: numbers.slice(0, results.length),
    inputs: numbers.slice(results.length),
    attributes,
  });
  return planWords({
    stateUnits: 0,
    arenaUnits,
    io,
    values,
    guards: guard ? [{value: guard.output, kind: guard.kind, scope: 0, iterations: 1}] : [],
    literals: noWords,
    body,
    exchangeAt: body.length,
    commitAt: body.length,
  });
}

const noWords = new Int32Array(0);
