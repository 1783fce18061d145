// A text for each graph: equal ones make the same plan, whatever model they were built for.
import {type Call, type Tensor, variableOf} from '../core/tensor.ts';
import {callsOf} from '../graph/walk.ts';
import type {CompileRequest} from './index.ts';
import {keyOfAttribute} from './simplify.ts';

/** All that a plan depends on. What is equal only to itself, such as a long constant, has its own number. */
export function graphKey(request: CompileRequest): string {
  const {outputs, updates = [], guards = [], stateOffset, stateBytes, precision, passes} = request;
  const named = Object.entries(outputs);
  const roots = [...named.map(([, value]) => value), ...guards, ...updates.map(([, value]) => value)];
  const numbers = new Map<Call, number>();
  const reference = ({call, index}: Tensor): string => `${numbers.get(call)}.${index}`;
  const lines = callsOf(roots).map((call, number) => {
    numbers.set(call, number);
    const {op, scope, inputs, attributes} = call;
    const owner = op.kind === 'leaf' ? variableOf(call.result) : undefined;
    const own = owner
      ? `${stateOffset(owner)} ${owner.name} ${owner.dtype}[${owner.shape}]`
      : keyOfAttribute(attributes);
    return `${op.name} ${scope} ${inputs.map(reference)} ${own}`;
  });
  const ends = [
    ...named.map(([name, value]) => `${name}=${reference(value)}`),
    ...updates.map(([variable, value]) => `${stateOffset(variable)}=${reference(value)}`),
    ...guards.map(reference),
  ];
  return [stateBytes, precision, JSON.stringify(passes), ...lines, ...ends].join('\n');
}
