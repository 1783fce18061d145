// Several tensors in one structure, and their values in the same.
import type {TypedArray} from '../core/dtype.ts';
import {fail} from '../core/errors.ts';
import {isMap, isRecord, show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import {isTensor, type Tensor} from '../core/tensor.ts';

/** One tensor, or several as an array or by name. */
export type OutputTensors = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

export interface TensorValue {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** The values, in the structure in which the tensors were given. */
export type Results<Outputs extends OutputTensors> = Outputs extends Tensor
  ? TensorValue
  : {[Name in keyof Outputs]: TensorValue};

/** The tensors with their keys, in order. @throws ERR_GRAPH for what is none. */
export function namedOutputs(where: string, outputs: OutputTensors): [string, Tensor][] {
  if (isTensor(outputs)) return [['', outputs]];
  if (!(Array.isArray(outputs) || isRecord(outputs))) {
    const hint = isMap(outputs) ? ' Object.fromEntries(map) makes an object of it.' : '';
    fail(
      'ERR_GRAPH',
      `${where}: expected tensors, alone, in an array or by name. Received ${show(outputs)}.${hint}`,
    );
  }
  const tensors: [string, Tensor][] = Object.entries(outputs);
  for (const [name, tensor] of tensors) {
    if (isTensor(tensor)) continue;
    fail('ERR_GRAPH', `${where}: ${name || 'the output'} must be a tensor. Received ${show(tensor)}.`);
  }
  return tensors;
}

/** Values, in the order of `namedOutputs`, in the structure of the tensors. */
export function inStructure<Outputs extends OutputTensors>(
  outputs: Outputs,
  values: readonly TensorValue[],
): Results<Outputs> {
  if (isTensor(outputs)) return values[0] as Results<Outputs>;
  if (Array.isArray(outputs)) return values as unknown as Results<Outputs>;
  const entries = Object.keys(outputs).map((name, index) => [name, values[index]]);
  return Object.fromEntries(entries) as Results<Outputs>;
}
