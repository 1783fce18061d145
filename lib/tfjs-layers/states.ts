// The states of recurrent layers: what stateful ones keep from batch to batch, and their order.
import type {RNN} from '@tensorflow/tfjs-layers';
import type {TfjsLayer} from './counterparts.ts';

/** What is used of tfjs's cells: one with `cells` is a stack of them. */
interface Cell {
  readonly stateSize: number | readonly number[];
  readonly cells?: readonly Cell[];
}

/** A layer of tfjs with a cell, or with such a layer for each direction. */
interface Recurrent {
  readonly cell?: Cell;
  readonly forwardLayer?: TfjsLayer;
  readonly backwardLayer?: TfjsLayer;
}

/** Whether a layer of tfjs keeps states from batch to batch itself. */
export const keepsStates = (layer: TfjsLayer): layer is RNN => layer.stateful && 'getStates' in layer;

/** For each state in tfjs's order its place in ours: of stacked cells, tfjs begins with the last. */
function placesOf(cell: Cell, from: number): number[] {
  const {stateSize, cells} = cell;
  if (!cells) return [stateSize].flat().map((_, index) => from + index);
  let next = from;
  const parts = cells.map(each => {
    const own = placesOf(each, next);
    next += own.length;
    return own;
  });
  return parts.reverse().flat();
}

function statePlaces(layer: TfjsLayer): number[] {
  const {cell, forwardLayer, backwardLayer} = layer as unknown as Recurrent;
  if (cell) return placesOf(cell, 0);
  if (!forwardLayer || !backwardLayer) return [];
  const own = statePlaces(forwardLayer);
  return [...own, ...statePlaces(backwardLayer).map(place => own.length + place)];
}

/** How many stand before the states among the inputs or outputs of a call; all where there are none. */
const leadOf = (count: number, states: number): number => (count > states ? count - states : count);

/** Inputs or outputs of a layer of tfjs, or its states alone, in the order that they have here. */
export function inOurOrder<Value>(layer: TfjsLayer, theirs: readonly Value[], areStates = false): Value[] {
  const places = statePlaces(layer);
  const lead = areStates ? 0 : leadOf(theirs.length, places.length);
  const ours = [...theirs];
  for (let at = lead; at < theirs.length; at++) {
    ours[lead + (places[at - lead] as number)] = theirs[at] as Value;
  }
  return ours;
}

/** The way back. */
export function inTheirOrder<Value>(layer: TfjsLayer, ours: readonly Value[], areStates = false): Value[] {
  const places = statePlaces(layer);
  const lead = areStates ? 0 : leadOf(ours.length, places.length);
  return ours.map((own, at) => (at < lead ? own : (ours[lead + (places[at - lead] as number)] as Value)));
}
