// Operands of other types than an op takes: the same as if they had been converted before.
import {arrayOf, type DType, numbersOf} from '../../lib/core/dtype.ts';
import {declaredAt, misfitOf, promotedTypes} from '../../lib/core/promotion.ts';
import {sizeOf} from '../../lib/core/shape.ts';
import type {Op} from '../../lib/core/tensor.ts';
import type {Operand, Sample} from './data.ts';

const types: readonly DType[] = ['int32', 'bool', 'uint8', 'float16', 'bfloat16', 'int64'];

/** The numbers of an operand, as near as another type comes to them. */
function as(dtype: DType, {data, shape, dtype: own}: Operand): Operand {
  const near: Partial<Record<DType, (value: number) => number>> = {
    bool: value => Number(value > 0),
    uint8: value => Math.min(255, Math.round(Math.abs(value))),
    int32: value => Math.round(Math.max(-1e9, Math.min(1e9, value))),
  };
  near.int64 = near.int32 as (value: number) => number;
  const numbers = Array.from(numbersOf(data, own), value => (near[dtype] ?? Number)(value));
  return {
    shape,
    dtype,
    data: arrayOf(
      numbers.map(value => (Number.isNaN(value) ? 1 : value)),
      dtype,
    ),
  };
}

/** A sample with one operand of another type, or all of one. */
function variants(op: Op, {operands, attributes = {}}: Sample, from: number): Sample[] {
  const isFloat = (position: number): boolean => {
    const {type} = declaredAt(op.signature, position);
    return operands[position]?.dtype === 'float32' && ['f32', 'N', 'T'].includes(type);
  };
  const changed = (dtype: DType, change: (position: number) => boolean): Sample => ({
    operands: operands.map((operand, position) =>
      isFloat(position) && change(position) ? as(dtype, operand) : operand,
    ),
    attributes,
  });
  const typeAt = (number: number): DType => types[(from + number) % types.length] as DType;
  return [
    ...operands.flatMap((_, position) =>
      [0, 1].map(number => changed(typeAt(2 * position + number), other => other === position)),
    ),
    changed(typeAt(operands.length), () => true),
  ];
}

/** Samples whose operands promote to what an op takes; of none that updates state, which reads variables. */
export function promotedSamples(op: Op, values: readonly Sample[], from: number): Sample[] {
  if (op.kind !== 'primitive' || op.updates) return [];
  const sample = values.find(({large, operands}) => {
    return large !== true && operands.length > 0 && operands.every(({shape}) => sizeOf(shape) > 1);
  });
  return variants(op, sample ?? (values[0] as Sample), from).filter(
    ({operands}) => misfitOf(op.signature, operands) && promotedTypes(op, operands),
  );
}
