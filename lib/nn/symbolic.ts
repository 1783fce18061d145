// The functional API: models as graphs of layer calls, which begin at inputs.
import {dtypes} from '../core/dtype.ts';
import {checkOptions, fail, unknownName} from '../core/errors.ts';
import type {Shape} from '../core/shape.ts';
import type {ValueType} from './ahead.ts';
import {SymbolicTensor} from './layer.ts';
import {checkInputShape, checkName} from './layer-options.ts';

export {callLayer, isSymbolicTensor, type LayerCall, SymbolicTensor} from './layer.ts';

export interface InputOptions {
  /** Shape of one sample. */
  readonly shape: Shape;
  /** The name of its data in `fit` and `predict`; `input`, `input_1`, … by default. */
  readonly name?: string;
  /**
   * What its data are: float32 by default. Layers see int32 for int32 and int64, bool for bool, and float32
   * for float32, uint8, float16 and bfloat16. Arrays of int64 are BigInt64Arrays of numbers that fit int32,
   * those of float16 and bfloat16 Uint16Arrays of their bits; other numbers that fit are converted. `string`
   * for text, one to a sample with the shape [], behind which stands a layer that makes numbers of it.
   */
  readonly dtype?: Exclude<ValueType, 'float64'>;
}

const inputTypes = [...Object.keys(dtypes).filter(name => name !== 'float64'), 'string'];

/** @throws ERR_OPTION */
export function checkInputType(where: string, dtype: unknown): void {
  if (dtype === undefined || inputTypes.includes(dtype as string)) return;
  unknownName(`dtype of ${where}:`, dtype, inputTypes);
}

/**
 * An input of a model, to which layers are applied: `layers.flatten().apply(input({shape: [28, 28]}))`.
 *
 * @throws ERR_OPTION
 */
export function input(options: InputOptions): SymbolicTensor {
  if (options === undefined) fail('ERR_OPTION', 'input: expected options such as {shape: [784]}.');
  checkOptions('input', options, ['shape', 'name', 'dtype']);
  const {shape, name, dtype} = options;
  if (shape === undefined) fail('ERR_OPTION', 'input: shape is missing, the shape of one sample: [784].');
  checkName('input: name', name);
  checkInputType('input', dtype);
  checkInputShape('input: shape', shape, dtype === 'string');
  return new SymbolicTensor([...shape], undefined, name, undefined, dtype);
}
