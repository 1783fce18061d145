// What the plan of a network reads: its inputs, or what layers that run ahead of the plan make of them.
import {fail} from '../../core/errors.ts';
import {zip} from '../../core/lists.ts';
import type {Shape} from '../../core/shape.ts';
import type {Rows} from '../../data/arrays.ts';
import type {AnyRows} from '../../data/text.ts';
import type {AheadOfPlan} from '../../nn/ahead.ts';
import type {LayerCall, SymbolicTensor} from '../../nn/symbolic.ts';
import {uniqueName} from './names.ts';

interface Port {
  readonly name: string;
  readonly shape: Shape;
  readonly tensor: SymbolicTensor;
}

interface Ends {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly calls: readonly LayerCall[];
}

/** The part of a network that runs in JavaScript, before its data are given to a plan. */
export interface Preparation {
  /** What the plan reads; the inputs themselves where nothing runs ahead of it. */
  readonly feeds: readonly Port[];
  /** The calls that the plan computes. */
  readonly planned: readonly LayerCall[];
  /** The rows of the feeds, of rows of the inputs. */
  rowsOf(where: string, rows: readonly AnyRows[]): Rows[];
}

const aheadOf = ({layer}: LayerCall): AheadOfPlan => layer.aheadOfPlan() as AheadOfPlan;

/**
 * Calls ahead of the plan, in order: a layer that only says what an input is, where such a layer reads it.
 */
function callsAhead(calls: readonly LayerCall[]): Set<LayerCall> {
  const ahead = new Set(calls.filter(({layer}) => layer.aheadOfPlan() && !layer.aheadOfPlan()?.isInput));
  const read = new Set([...ahead].flatMap(({inputs}) => inputs));
  return new Set(
    calls.filter(call => {
      const isRead = call.outputs.some(tensor => tensor.dtype === 'string' || read.has(tensor));
      return ahead.has(call) || (call.layer.aheadOfPlan()?.isInput && isRead);
    }),
  );
}

/** @throws ERR_GRAPH where an output is text. */
export function preparationOf(
  {inputs, outputs, calls}: Ends,
  nameOf: (call: LayerCall) => string,
): Preparation {
  const isText = outputs.find(({tensor}) => tensor.dtype === 'string');
  if (isText) {
    const instead = 'a layer that gives text is used by itself, as layer.call(ids)';
    fail('ERR_GRAPH', `model: the output ${isText.name} is text, which no plan gives; ${instead}.`);
  }
  const ahead = callsAhead(calls);
  if (ahead.size === 0) return {feeds: inputs, planned: calls, rowsOf: (_, rows) => rows as Rows[]};
  const planned = calls.filter(call => !ahead.has(call));
  const read = new Set([...planned.flatMap(call => call.inputs), ...outputs.map(({tensor}) => tensor)]);
  const taken = new Set(inputs.map(({name}) => name));
  const made = [...ahead].flatMap(call =>
    call.outputs.flatMap(tensor =>
      read.has(tensor) ? [{name: uniqueName(nameOf(call), taken), shape: tensor.shape, tensor}] : [],
    ),
  );
  const feeds = [...inputs.filter(({tensor}) => read.has(tensor)), ...made];
  return {
    feeds,
    planned,
    rowsOf(where, rows) {
      const values = new Map<SymbolicTensor, AnyRows>(
        zip(inputs, rows).map(([{tensor}, own]) => [tensor, own]),
      );
      for (const call of ahead) {
        const own = call.inputs.map(tensor => values.get(tensor) as AnyRows);
        values.set(call.outputs[0] as SymbolicTensor, aheadOf(call).rowsOf(`${where}: ${nameOf(call)}`, own));
      }
      return feeds.map(({tensor}) => values.get(tensor) as Rows);
    },
  };
}
