// Axes as Keras counts them: the batch is axis 0, −1 is the last.
import {fail} from '../../core/errors.ts';
import {formatShape, type Shape} from '../../core/shape.ts';

/**
 * The axis of a tensor [batch, …sample] counted from 0; it must belong to the sample.
 *
 * @throws ERR_SHAPE
 */
export function sampleAxis(where: string, axis: number, sample: Shape): number {
  const from0 = axis < 0 ? axis + sample.length + 1 : axis;
  if (Number.isInteger(from0) && from0 >= 1 && from0 <= sample.length) return from0;
  return fail(
    'ERR_SHAPE',
    `${where}: axis ${axis} is none of 1 to ${sample.length}, the axes of a sample ${formatShape(sample)}.`,
  );
}
