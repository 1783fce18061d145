// A text for each graph: equal ones make the same plan, whatever model they were built for.
import {fail} from '../core/errors.ts';
import {type Loop, loopOf} from '../core/region.ts';
import {type Call, type Tensor, variableOf} from '../core/tensor.ts';
import {callsOf} from '../graph/walk.ts';
import type {CompileRequest} from './index.ts';
import {keyOfAttribute} from './simplify.ts';

/** All that a plan depends on. What is equal only to itself, such as a long constant, has its own number. */
export function graphKey(request: CompileRequest): string {
  const {outputs, updates = [], guards = [], stateOffset, stateBytes, precision, passes} = request;
  const named = Object.entries(outputs);
  const roots = [...named.map(([, value]) => value), ...guards, ...updates.map(([, value]) => value)];
  const names = new Map<Tensor, string>();
  let count = 0;
  const reference = (tensor: Tensor): string => names.get(tensor) ?? fail('ERR_GRAPH', 'internal: no name.');
  const lineOf = (call: Call): string => {
    const {op, scope, inputs, outputs, attributes} = call;
    const number = count++;
    const owner = op.kind === 'leaf' ? variableOf(call.result) : undefined;
    const loop = loopOf(call);
    const own = owner
      ? `${stateOffset(owner)} ${owner.name} ${owner.dtype}[${owner.shape}]`
      : loop
        ? keyOfLoop(loop)
        : keyOfAttribute(attributes);
    for (const output of outputs) if (!names.has(output)) names.set(output, `${number}.${output.index}`);
    let line = `${op.name} ${scope}`;
    for (const input of inputs) line += ` ${reference(input)}`;
    return `${line} ${own}`;
  };
  const keyOfLoop = ({region, ...rest}: Loop): string => {
    const outside = new Map(names);
    const types = region.parameters.map((parameter, index) => {
      names.set(parameter, `${count}:${index}`);
      return String(parameter);
    });
    const body = region.calls().map(lineOf);
    const gives = region.results.map(reference);
    names.clear();
    for (const [tensor, name] of outside) names.set(tensor, name);
    return `${keyOfAttribute(rest)} ${types} {\n${body.join('\n')}\n} ${gives}`;
  };
  const lines = callsOf(roots).map(lineOf);
  const ends = [
    ...named.map(([name, value]) => `${name}=${reference(value)}`),
    ...updates.map(([variable, value]) => `${stateOffset(variable)}=${reference(value)}`),
    ...guards.map(reference),
  ];
  return [stateBytes, precision, JSON.stringify(passes), ...lines, ...ends].join('\n');
}
