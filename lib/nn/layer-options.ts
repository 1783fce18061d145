// Options that every layer has, checked.

import {checkNumber, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {InputShape} from './any-length.ts';
import type {RegularizerLike} from './resolve.ts';

export interface LayerOptions {
  /** Shape of one sample, null where any size will do; the first layer of a sequential model needs it. */
  readonly inputShape?: InputShape;
  /**
   * The same with the number of samples of each batch in front, where that is fixed: [32, 10, 4]. A stateful
   * layer needs it, or an `input` with a `batchSize`.
   */
  readonly batchInputShape?: InputShape;
  /** The names of its weights begin with it; `dense`, `dense_1`, … by default. */
  readonly name?: string;
  /** Whether training changes its weights. True by default; may be assigned between fits. */
  readonly trainable?: boolean;
  /** A penalty on its output, added to the loss: the mean over the samples, as in Keras 2. */
  readonly activityRegularizer?: RegularizerLike;
}

export const layerOptions = [
  'inputShape',
  'batchInputShape',
  'name',
  'trainable',
  'activityRegularizer',
] as const;

/** `orNone`: [], a single value, is allowed, as it is for text. */
export function checkInputShape(where: string, shape: InputShape, orNone = false): void {
  if (!Array.isArray(shape)) {
    fail('ERR_OPTION', `${where}: expected an array such as [784]. Received ${show(shape)}.`);
  }
  const least = orNone ? 0 : 1;
  if (shape.length < least || shape.length > 5) {
    fail('ERR_OPTION', `${where}: expected ${least} to 5 sizes. Received [${shape}].`);
  }
  for (const size of shape)
    if (size !== null) checkNumber(where, size, {integer: true, min: 1, max: 2 ** 31 - 1});
}

/** @throws ERR_OPTION */
export function checkBatchSize(where: string, size: unknown): void {
  if (size !== undefined) checkNumber(where, size as number, {integer: true, min: 1, max: 2 ** 24});
}

/** The sizes of a sample behind that of the batch. @throws ERR_OPTION */
export function checkBatchShape(where: string, shape: unknown): asserts shape is InputShape {
  if (!Array.isArray(shape) || shape.length < 2) {
    fail(
      'ERR_OPTION',
      `${where}: expected the batch and a sample, such as [32, 10, 4]. Received ${show(shape)}.`,
    );
  }
  checkBatchSize(`${where}: 0`, shape[0] ?? null);
  checkInputShape(where, shape.slice(1));
}

export function checkName(where: string, name: unknown): void {
  if (name === undefined || (typeof name === 'string' && /^[A-Za-z_][\w.-]{0,99}$/.test(name))) return;
  fail('ERR_OPTION', `${where}: expected letters, digits, _, . and -. Received ${show(name)}.`);
}

export function checkBoolean(where: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  fail('ERR_OPTION', `${where}: expected true or false. Received ${show(value)}.`);
}

export function checkLayerOptions(where: string, options: LayerOptions, orNone = false): void {
  const {inputShape, batchInputShape, name, trainable} = options;
  const isText = (options as {dtype?: unknown}).dtype === 'string';
  if (inputShape !== undefined) checkInputShape(`${where}: inputShape`, inputShape, orNone || isText);
  if (batchInputShape !== undefined) {
    checkBatchShape(`${where}: batchInputShape`, batchInputShape);
    const sample = batchInputShape.slice(1);
    if (inputShape !== undefined && String(inputShape) !== String(sample)) {
      const both = `inputShape [${inputShape}] and batchInputShape [${batchInputShape}]`;
      fail('ERR_OPTION', `${where}: ${both} are of different samples.`);
    }
  }
  checkName(`${where}: name`, name);
  checkBoolean(`${where}: trainable`, trainable);
}
