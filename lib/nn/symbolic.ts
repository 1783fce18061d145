// The functional API: models as graphs of layer calls, which begin at inputs.
import {checkOptions, fail} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import {SymbolicTensor} from './layer.ts';
import {checkInputShape, checkName} from './layer-options.ts';

export {callLayer, type LayerCall, SymbolicTensor} from './layer.ts';

export interface InputOptions {
  /** Shape of one sample. */
  readonly shape: Shape;
  /** The name of its data in `fit` and `predict`; `input`, `input_1`, … by default. */
  readonly name?: string;
}

/**
 * An input of a model, to which layers are applied: `layers.flatten().apply(input({shape: [28, 28]}))`.
 *
 * @throws ERR_OPTION
 */
export function input(options: InputOptions): SymbolicTensor {
  if (options === undefined) fail('ERR_OPTION', 'input: expected options such as {shape: [784]}.');
  checkOptions('input', options, ['shape', 'name']);
  const {shape, name} = options;
  if (shape === undefined) fail('ERR_OPTION', 'input: shape is missing, the shape of one sample: [784].');
  checkInputShape('input: shape', shape);
  checkName('input: name', name);
  return new SymbolicTensor([...shape], undefined, name);
}
