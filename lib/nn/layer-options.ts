// Options that every layer has, checked.

import {checkNumber, fail} from '../core/errors.ts';
import {show} from '../core/kinds.ts';
import type {Shape} from '../core/shape.ts';
import type {RegularizerLike} from './resolve.ts';

export interface LayerOptions {
  /** Shape of one sample; the first layer of a sequential model needs it. */
  readonly inputShape?: Shape;
  /** The names of its weights begin with it; `dense`, `dense_1`, … by default. */
  readonly name?: string;
  /** Whether training changes its weights. True by default; may be assigned between fits. */
  readonly trainable?: boolean;
  /** A penalty on its output, added to the loss: the mean over the samples, as in Keras 2. */
  readonly activityRegularizer?: RegularizerLike;
}

export const layerOptions = ['inputShape', 'name', 'trainable', 'activityRegularizer'] as const;

/** `orNone`: [], a single value, is allowed, as it is for text. */
export function checkInputShape(where: string, shape: Shape, orNone = false): void {
  if (!Array.isArray(shape)) {
    fail('ERR_OPTION', `${where}: expected an array such as [784]. Received ${show(shape)}.`);
  }
  const least = orNone ? 0 : 1;
  if (shape.length < least || shape.length > 5) {
    fail('ERR_OPTION', `${where}: expected ${least} to 5 sizes. Received [${shape}].`);
  }
  for (const size of shape) checkNumber(where, size, {integer: true, min: 1, max: 2 ** 31 - 1});
}

export function checkName(where: string, name: unknown): void {
  if (name === undefined || (typeof name === 'string' && /^[A-Za-z_][\w.-]{0,99}$/.test(name))) return;
  fail('ERR_OPTION', `${where}: expected letters, digits, _, . and -. Received ${JSON.stringify(name)}.`);
}

export function checkBoolean(where: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  fail('ERR_OPTION', `${where}: expected true or false. Received ${show(value)}.`);
}

export function checkLayerOptions(where: string, options: LayerOptions, orNone = false): void {
  const {inputShape, name, trainable} = options;
  const isText = (options as {dtype?: unknown}).dtype === 'string';
  if (inputShape !== undefined) checkInputShape(`${where}: inputShape`, inputShape, orNone || isText);
  checkName(`${where}: name`, name);
  checkBoolean(`${where}: trainable`, trainable);
}
