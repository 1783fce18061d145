// Operands and results by the names that the signature of an op gives them.
import type {Operand} from './signature.ts';
import type {InputList, Named, OutputList} from './signature-types.ts';
import type {Op, Tensor} from './tensor.ts';

/** `{a, b}` for `add(a: f32, b: f32) -> …`: an array where any number may be given. */
export type Operands<Text extends string, Value = Tensor> = Named<InputList<Text>, Value>;

/** `{c}` for `… -> c: f32`. */
export type Results<Text extends string, Value = Tensor> = Named<OutputList<Text>, Value>;

type ByName<Value> = Record<string, Value | readonly Value[] | undefined>;

/** Values in the order of a list of operands, by name; beside others, where these are given. */
export function byName<Value>(
  operands: readonly Operand[],
  values: readonly Value[],
  named: ByName<Value> = {},
): ByName<Value> {
  let at = 0;
  for (const {name, variadic} of operands) {
    named[name] = variadic ? values.slice(at) : values[at];
    at++;
  }
  return named;
}

/**
 * Operands and attributes of the call that made a tensor, by name, if it is a call of `op`: for rules that
 * rewrite, e.g. `match(x, transposeOp)?.permutation`.
 */
export function match<Attributes extends object, Text extends string>(
  {call}: Tensor,
  op: Op<Attributes, Text>,
): (Operands<Text> & Attributes) | undefined {
  if (call.op !== op) return undefined;
  const operands: unknown = byName(op.signature.inputs, call.inputs);
  return {...(operands as Operands<Text>), ...(call.attributes as Attributes)};
}
