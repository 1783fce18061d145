import {checkNumber, checkOptions, fail} from '../core/errors.ts';
import {type NestedArray, type NumberArray, type ShapedArray, toRows} from './arrays.ts';

/**
 * Class labels [N] as rows [N, classes] that are 1 at the class and 0 elsewhere.
 *
 * @param options.classes one more than the largest label by default.
 * @throws ERR_OUT_OF_RANGE naming the row of a label that is no class.
 */
export function oneHot(
  labels: NumberArray | NestedArray,
  options: {classes?: number} = {},
): ShapedArray & {readonly data: Float32Array} {
  checkOptions('data.oneHot', options, ['classes']);
  const {data: values, count} = toRows(labels, {
    what: 'data.oneHot: labels',
    rowShape: [],
    integers: true,
  });
  let largest = 0;
  for (const label of values) largest = Math.max(largest, label);
  const classes = options.classes ?? largest + 1;
  checkNumber('data.oneHot: classes', classes, {integer: true, min: 1, max: 2 ** 31 - 1});
  const data = new Float32Array(count * classes);
  values.forEach((label, row) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      fail('ERR_OUT_OF_RANGE', `data.oneHot: label ${label} in row ${row} is outside 0…${classes - 1}.`);
    }
    data[row * classes + label] = 1;
  });
  return {data, shape: [count, classes]};
}
