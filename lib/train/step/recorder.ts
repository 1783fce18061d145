// What the layers of a model compute on the way, and what reaches them on the way back.

import type {TypedArray} from '../../core/dtype.ts';
import {at} from '../../core/lists.ts';
import {currentScope, type Tensor} from '../../core/tensor.ts';
import type {Observe} from '../../nn/layer.ts';
import type {ShapedResult} from '../network/results.ts';

/** What one call of a layer computed for each row. */
export interface LayerRecord {
  /** The layer's name; a shared layer has a record for each of its calls. */
  readonly name: string;
  /** What its activation was applied to; the output itself where it has none. */
  readonly preActivation: ShapedResult;
  /** Its output. */
  readonly activation: ShapedResult;
}

/** And what the loss sends back. */
export interface LayerGradientRecord extends LayerRecord {
  /** The error signal δ: the gradient of the loss with respect to the pre-activation. */
  readonly errorSignal: ShapedResult;
}

export interface Observed {
  readonly name: string;
  /** Of its activation. */
  readonly kind: string | undefined;
  readonly preActivation: Tensor;
  readonly activation: Tensor;
}

/** Collects the tensors of layers while a network is applied. */
export class Recorder {
  readonly layers: Observed[] = [];
  readonly #open = new Map<string, Pick<Observed, 'preActivation' | 'kind'>>();

  readonly observe: Observe = (what, value, kind) => {
    const name = currentScope();
    if (what === 'preActivation') {
      this.#open.set(name, {preActivation: value, kind});
      return;
    }
    const before = this.#open.get(name) ?? {preActivation: value, kind: undefined};
    this.layers.push({name, ...before, activation: value});
    this.#open.delete(name);
  };
}

const outputOf = (index: number, what: string): string => `record${index}/${what}`;

/** As outputs of a graph. */
export function recordOutputs({layers}: Recorder, errorSignals?: readonly Tensor[]): Record<string, Tensor> {
  const entries = layers.flatMap(({preActivation, activation}, index) => [
    [outputOf(index, 'preActivation'), preActivation] as const,
    [outputOf(index, 'activation'), activation] as const,
    ...(errorSignals ? [[outputOf(index, 'errorSignal'), at(errorSignals, index)] as const] : []),
  ]);
  return Object.fromEntries(entries);
}

/** The records of a run, layer by layer. */
export function readRecords(
  {layers}: Recorder,
  outputs: Readonly<Record<string, TypedArray>>,
  what: readonly ('preActivation' | 'activation' | 'errorSignal')[],
): LayerGradientRecord[] {
  return layers.map(({name, preActivation, activation}, index) => {
    const values = what.map(part => {
      const {shape} = part === 'activation' ? activation : preActivation;
      return [part, {data: Float32Array.from(outputs[outputOf(index, part)] as ArrayLike<number>), shape}];
    });
    return {name, ...Object.fromEntries(values)} as LayerGradientRecord;
  });
}
