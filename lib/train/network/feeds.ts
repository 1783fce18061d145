// What the plan of a network reads: its inputs, or what layers that run ahead of the plan make of them.
import {fail} from '../../core/errors.ts';
import {at, zip} from '../../core/lists.ts';
import type {Shape} from '../../core/shape.ts';
import type {AnyRows} from '../../data/text.ts';
import type {AheadOfPlan, RowsAhead} from '../../nn/ahead.ts';
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
  /** The layer that reads an input ahead of the plan, if any does. */
  readerOf(input: SymbolicTensor): string | undefined;
  /** The rows of the feeds, of rows of the inputs, as far as these are there. */
  rowsOf(where: string, rows: RowsAhead): RowsAhead;
}

const aheadOf = ({layer}: LayerCall): AheadOfPlan => layer.aheadOfPlan() as AheadOfPlan;

/** What the plan reads for a call. */
export const operandsOf = ({inputs, fed}: LayerCall): readonly SymbolicTensor[] => fed?.feeds ?? inputs;

/**
 * Calls ahead of the plan, in order: a layer that only says what an input is, where such a layer reads it.
 */
function callsAhead(calls: readonly LayerCall[]): Set<LayerCall> {
  const ahead = new Set(calls.filter(({layer}) => layer.aheadOfPlan() && !layer.aheadOfPlan()?.isInput));
  const fed = calls.filter(call => call.fed);
  const read = new Set([...ahead, ...fed].flatMap(({inputs}) => inputs));
  return new Set(
    calls.filter(call => {
      const isRead = call.outputs.some(tensor => tensor.dtype === 'string' || read.has(tensor));
      return ahead.has(call) || (call.layer.aheadOfPlan()?.isInput && isRead);
    }),
  );
}

/** The calls on the way to the outputs that only a plan computes, and all that these and the outputs read. */
function plannedOf({outputs, calls}: Ends, ahead: ReadonlySet<LayerCall>) {
  const read = new Set(outputs.map(({tensor}) => tensor));
  const planned = calls.toReversed().filter(call => {
    if (ahead.has(call) || !call.outputs.some(tensor => read.has(tensor))) return false;
    for (const tensor of operandsOf(call)) read.add(tensor);
    return true;
  });
  return {planned: planned.reverse(), read};
}

/** What a call makes ahead of the plan, each with the end of its name. */
function madeBy(call: LayerCall, isAhead: boolean): (readonly [tensor: SymbolicTensor, end: string])[] {
  if (isAhead) return call.outputs.map(tensor => [tensor, '']);
  const own = call.fed?.feeds.filter(tensor => !call.inputs.includes(tensor)) ?? [];
  return own.map((tensor, index) => [tensor, own.length > 1 ? `_${index}` : '']);
}

/** @throws ERR_GRAPH where an output is text. */
export function preparationOf(ends: Ends, nameOf: (call: LayerCall) => string): Preparation {
  const {inputs, outputs, calls} = ends;
  const isText = outputs.find(({tensor}) => tensor.dtype === 'string');
  if (isText) {
    const instead = 'a layer that gives text is used by itself, as layer.call(ids)';
    fail('ERR_GRAPH', `model: the output ${isText.name} is text, which no plan gives; ${instead}.`);
  }
  const ahead = callsAhead(calls);
  const steps = calls.filter(call => ahead.has(call) || call.fed);
  if (steps.length === 0) {
    return {feeds: inputs, planned: calls, readerOf: () => undefined, rowsOf: (_, rows) => rows};
  }
  const {planned, read} = plannedOf(ends, ahead);
  const taken = new Set(inputs.map(({name}) => name));
  const made = steps.flatMap(call =>
    madeBy(call, ahead.has(call)).flatMap(([tensor, end]) =>
      read.has(tensor) ? [{name: uniqueName(nameOf(call) + end, taken), shape: tensor.shape, tensor}] : [],
    ),
  );
  const feeds = [...inputs.filter(({tensor}) => read.has(tensor)), ...made];
  return {
    feeds,
    planned,
    readerOf(input) {
      const reader = steps.find(call => readsAhead(call).includes(input));
      return reader && nameOf(reader);
    },
    rowsOf(where, rows) {
      const values = new Map<SymbolicTensor, AnyRows | undefined>(
        zip(inputs, rows).map(([{tensor}, own]) => [tensor, own]),
      );
      for (const call of steps) {
        const own = call.inputs.map(tensor => values.get(tensor));
        const results = rowsOfCall(`${where}: ${nameOf(call)}`, call, own);
        for (const [tensor, result] of results) values.set(tensor, result);
      }
      return feeds.map(({tensor}) => values.get(tensor));
    },
  };
}

/** Inputs of a step whose rows it needs. */
function readsAhead({inputs, fed}: LayerCall): readonly SymbolicTensor[] {
  return fed ? inputs.filter((_, index) => fed.readsAhead[index]) : inputs;
}

/** What a call gives ahead of the plan. */
function rowsOfCall(
  where: string,
  call: LayerCall,
  rows: RowsAhead,
): (readonly [SymbolicTensor, AnyRows | undefined])[] {
  const {fed, outputs} = call;
  if (!fed) return [[at(outputs, 0), aheadOf(call).rowsOf(where, rows as readonly AnyRows[])]];
  const made = fed.rowsOf(where, rows);
  return [
    ...zip(fed.feeds, made),
    ...zip(outputs, fed.feedOf).flatMap(([tensor, feed]) =>
      feed === undefined ? [] : [[tensor, made[feed]] as const],
    ),
  ];
}
