// Runs a graph natively with every value in it as a result, and holds each call alone against the oracle,
// on the float32 operands that it really had: no error can hide behind those before it.
import {numbersOf, type TypedArray} from '../../lib/core/dtype.ts';
import type {Tensor} from '../../lib/core/tensor.ts';
import {callsOf} from '../../lib/graph/walk.ts';
import {evaluateCall, type Values} from '../reference.ts';
import {samples} from '../samples.ts';
import {givenOf, type Program} from './build.ts';
import type {OpSamples} from './data.ts';
import {expectNear, expectSameBits, type RunWith, runNative} from './native.ts';

/** Checks all calls under `outputs`, then that the graph alone, with all passes, gives the same bits. */
export function expectEveryCall(program: Program, what: string, options: RunWith = {}): void {
  const calls = callsOf(Object.values(program.outputs));
  const computed = calls.filter(call => call.op.kind !== 'leaf');
  const names = new Map<Tensor, string>();
  for (const call of computed) for (const output of call.outputs) names.set(output, `t${names.size}`);
  const everything = Object.fromEntries([...names].map(([tensor, name]) => [name, tensor]));
  const results = runNative({...program, outputs: everything}, options);
  const given = givenOf(program);
  const valuesOf = (tensor: Tensor): Values => {
    const name = names.get(tensor);
    if (name !== undefined) return Float64Array.from(numbersOf(results[name] as TypedArray, tensor.dtype));
    const {data} = tensor.call.attributes as {data?: TypedArray};
    return Float64Array.from(data ? numbersOf(data, tensor.dtype) : (given.get(tensor) as ArrayLike<number>));
  };
  for (const call of computed) {
    const inputs = call.inputs.map(valuesOf);
    const exact = evaluateCall(call, inputs);
    const bounds = (samples as Record<string, OpSamples>)[call.op.name]?.bound(call, inputs, exact) ?? [];
    call.outputs.forEach((output, index) => {
      const actual = results[names.get(output) as string] as TypedArray;
      expectNear(
        actual,
        exact[index] as Values,
        bounds[index] as Values,
        `${what}: ${call.op.name} ${output}`,
        output.dtype,
      );
    });
  }
  const alone = runNative(program, options);
  for (const [name, tensor] of Object.entries(program.outputs)) {
    const seen = names.get(tensor);
    if (seen === undefined) continue;
    expectSameBits(alone[name] as TypedArray, results[seen] as TypedArray, `${what}: ${name}, passes on`);
  }
}
