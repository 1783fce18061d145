// Options that every layer has, checked.
import {checkNumber, fail} from '../core/errors.ts';
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

export function checkInputShape(where: string, shape: Shape): void {
  if (!Array.isArray(shape)) {
    fail('ERR_OPTION', `${where}: expected an array such as [784]. Received ${shape}.`);
  }
  if (shape.length < 1 || shape.length > 5) {
    fail('ERR_OPTION', `${where}: expected 1 to 5 sizes. Received [${shape}].`);
  }
  for (const size of shape) checkNumber(where, size, {integer: true, min: 1, max: 2 ** 31 - 1});
}

export function checkName(where: string, name: unknown): void {
  if (name === undefined || (typeof name === 'string' && /^[A-Za-z_][\w.-]{0,99}$/.test(name))) return;
  fail('ERR_OPTION', `${where}: expected letters, digits, _, . and -. Received ${JSON.stringify(name)}.`);
}

export function checkBoolean(where: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  fail('ERR_OPTION', `${where}: expected true or false. Received ${String(value)}.`);
}

export function checkLayerOptions(where: string, {inputShape, name, trainable}: LayerOptions): void {
  if (inputShape !== undefined) checkInputShape(`${where}: inputShape`, inputShape);
  checkName(`${where}: name`, name);
  checkBoolean(`${where}: trainable`, trainable);
}
